package plans

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/agent0-converge/agent0-converge/engine"
)

// instanceOf is what a module has from its caller; of the plan itself it is zero.
type instanceOf struct {
	call   *call
	caller *loader
	// addr is before the addresses of all that is in the module.
	addr engine.Addr
	// after are the resources that all resources of the module wait for.
	after []engine.Addr
	// unsure are the facts on which it depends whether there is such a module. leftOut is one whose
	// "when" is false.
	unsure  []string
	leftOut bool
	// below are the mistakes of modules further in.
	below mistakes
}

// full is the address within the plan of what is at a within the module.
func (m *instanceOf) full(a engine.Addr) engine.Addr {
	if m.addr == "" {
		return a
	}
	return m.addr + "." + a
}

// maxModules bounds the modules of a plan, and maxModuleDepth how deep they nest: modules that use
// each other twice double with every step.
const (
	maxModules     = 10_000
	maxModuleDepth = 32
)

// instantiate makes the module at addr and finds what is wrong with it by itself.
func (l *loader) instantiate(c *call, addr engine.Addr) *loader {
	in := l.shared.loader()
	in.instanceOf = instanceOf{call: c, caller: l, addr: addr}
	in.dir, in.sources, in.parsed = c.from.dir, c.from.sources, true
	if l.modules++; l.modules > maxModules {
		l.errorf(c.at, nil, "Too many modules", "A plan has at most %d modules, with those in modules.", maxModules)
		return in
	}
	for _, name := range c.from.sources {
		if f := l.files[name]; f != nil {
			in.register(f.Body, nil)
		}
	}
	in.prepare()
	return in
}

// taken takes the mistakes out of l and what is below.
func (l *loader) taken() mistakes {
	m := l.mistakes
	m.merge(l.below)
	l.mistakes, l.below = mistakes{}, mistakes{}
	return m
}

// run works out the module in. needs are the facts on which it depends whether it is there.
func (l *loader) run(c *call, in *loader, ctx *hcl.EvalContext, needs []string) {
	var m mistakes
	in.leftOut = l.leftOut || !l.flag(c.part, "when", true, ctx, &m)
	in.after = slices.Concat(l.after, c.reached(c.full, false, c.after))
	for _, fact := range slices.Concat(l.unsure, needs) {
		m.need(fact)
	}
	if !in.leftOut {
		in.unsure = m.needs
	}
	l.report(m)
	in.setArguments(c, ctx)
	in.settleAll()
	of := in.taken()
	if in.leftOut {
		return // what is left out need not make sense on this host
	}
	for i, d := range of.diags {
		of.diags[i] = calledFrom(d, in)
	}
	l.below.report(of)
}

// calledFrom says of a mistake in a module which of the modules it is in. Those from further in say
// so already.
func calledFrom(d *hcl.Diagnostic, in *loader) *hcl.Diagnostic {
	if d.Subject == nil || !slices.Contains(in.sources, d.Subject.Filename) {
		return d
	}
	told := *d
	told.Detail += fmt.Sprintf(" This is in %s, called from %s:%d.", in.addr, in.call.at.Filename, in.call.at.Start.Line)
	return &told
}

// setArguments gives every variable its value from the caller, who sees ctx.
func (l *loader) setArguments(c *call, ctx *hcl.EvalContext) {
	for _, v := range l.variables {
		a := c.arg(v.name)
		switch {
		case a != nil:
			v.reaches = a.reached(c.full, false, nil)
			l.argue(v, *a, ctx)
		case v.initial != cty.NilVal:
			v.value = v.initial
		}
		if v.sensitive {
			v.value = v.value.Mark(sensitive)
		}
	}
	l.see()
}

// argue gives v the value of an argument.
func (l *loader) argue(v *variable, a arg, ctx *hcl.EvalContext) {
	var m mistakes
	value, ok := l.caller.value(a.expr, ctx, &m)
	l.report(m)
	switch {
	case !ok || v.spoiled:
		return
	case value.IsNull() && !v.nullable && v.initial != cty.NilVal:
		v.value = v.initial // null is left out
	default:
		if fitting, ok := l.fit(v, value, a.attr); ok {
			v.value = fitting
		}
	}
}

// outputObject is what the caller sees of the module.
func (l *loader) outputObject() cty.Value {
	values := make(map[string]cty.Value, len(l.outputs))
	for _, o := range l.outputs {
		switch {
		case o.done:
			values[o.name] = o.seen
		case l.leftOut:
			values[o.name] = untold(cty.DynamicPseudoType, "Reference to what is left out",
				"%s is left out here (when is false) and its output %q cannot be evaluated.", l.addr, o.name)
		default:
			values[o.name] = cty.DynamicVal
		}
	}
	return cty.ObjectVal(values)
}
