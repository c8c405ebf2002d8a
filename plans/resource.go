package plans

import (
	"errors"
	"reflect"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/dynblock"
	"github.com/zclconf/go-cty/cty"

	"github.com/agent0-converge/agent0-converge/engine"
)

// resource is one resource block.
type resource struct {
	block
	kind  *kind
	label string
	body  hcl.Body
	// early resources were declared while their file was parsed.
	early bool
	// spoiled blocks have mistakes that are plain without evaluating them.
	spoiled bool
	// named are the resources that the kind's own lists of references name.
	named named
	// inputs are those of the resources that it reaches which its own attributes refer to.
	inputs   []engine.Addr
	declared []engine.Declared
}

// settleResource works out all instances of a block.
func (l *loader) settleResource(r *resource) {
	if r.early {
		if r.wanted {
			r.value = r.valueOf(r.declared[0], true, nil)
		}
		return
	}
	// All instances share these.
	r.inputs = slices.Clip(r.reached(r.full, true, r.named.all()))
	r.reaches = slices.Clip(r.reached(r.full, false, slices.Concat(r.named.all(), r.after, l.after)))
	ctx := l.scope(r.refs)
	var m mistakes
	insts, ok := l.instances(&r.block, ctx, &m)
	l.report(m)
	if !ok {
		// How many there are cannot be told. One of them is looked at for its mistakes.
		one := mistakes{needs: m.needs}
		d, _ := l.instance(r, r.unknownInstance(m.needs), ctx, &one)
		l.report(one)
		if m.deferred() != "" || l.leftOut {
			r.declared = []engine.Declared{d}
			r.value = waiting(m.needs)
		}
		return
	}
	values := make([]cty.Value, 0, len(insts))
	for _, inst := range insts {
		var m mistakes
		d, ok := l.instance(r, inst, ctx, &m)
		l.report(m)
		if ok {
			r.declared = append(r.declared, d)
		}
		if r.wanted {
			values = append(values, r.valueOf(d, ok, m.needs))
		}
	}
	if r.wanted {
		r.value = r.gather(insts, values)
	}
}

// valueOf is one instance as expressions see it.
func (r *resource) valueOf(d engine.Declared, ok bool, needs []string) cty.Value {
	switch {
	case !ok:
		return cty.DynamicVal
	case d.Deferred != "":
		return waiting(needs)
	case d.Spec == nil:
		return untold(cty.DynamicPseudoType, "Reference to what is left out",
			"%s is left out here (when is false) and its attributes cannot be evaluated.", d.Addr)
	}
	return r.kind.value(d.Spec)
}

// value is spec, a pointer to the kind's struct, as expressions see it.
func (k *kind) value(spec any) cty.Value {
	attrs := k.schema.attributes(reflect.ValueOf(spec).Elem())
	if x, ok := spec.(Exporter); ok {
		for name, s := range x.Exports() {
			if _, taken := attrs[name]; !taken {
				attrs[name] = cty.StringVal(s)
			}
		}
	}
	return cty.ObjectVal(attrs)
}

// instance declares one instance. Without ok it has mistakes. One that lacks nothing but facts is
// deferred. m has the mistakes and the facts; the loader stays as it is.
func (l *loader) instance(r *resource, inst instance, ctx *hcl.EvalContext, m *mistakes) (engine.Declared, bool) {
	if len(inst.vars) > 0 {
		ctx = within(ctx, inst.vars)
	}
	bare := engine.Declared{Addr: inst.addr, Kind: r.kind.Kind, Place: PlaceOf(r.at), DependsOn: r.reaches, Inputs: r.inputs}
	d := bare
	for _, fact := range l.unsure {
		m.need(fact)
	}
	d.LeftOut = l.leftOut || !l.flag(r.part, "when", true, ctx, m)
	d.Absent = l.flag(r.part, "absent", false, ctx, m)
	d.Timeout = l.timeout(r.part, ctx, m)
	l.lifecycle(r, &d, ctx, m)
	var own mistakes
	spec := l.spec(r, ctx, d.Absent, &own)
	if d.LeftOut && own.failed() {
		own = mistakes{} // what is left out need not make sense on this host
	} else {
		d.Spec = spec
	}
	if d.LeftOut {
		m.needs = nil
	}
	m.merge(own)
	if bare.Deferred = m.deferred(); bare.Deferred != "" {
		return bare, !r.spoiled
	}
	return d, !m.failed() && !r.spoiled
}

// spec is the kind's struct with what the block says.
func (l *loader) spec(r *resource, ctx *hcl.EvalContext, absent bool, m *mistakes) any {
	p := r.part
	if p.dynamic && !r.spoiled {
		p = r.kind.schema.lay(dynblock.Expand(r.body, ctx, dynblock.OptCheckForEach(m.checkDynamic)), true, m)
	}
	spec := r.kind.NewSpec()
	v := reflect.ValueOf(spec).Elem()
	if labels := r.kind.schema.labels; len(labels) > 0 {
		v.Field(labels[0].index).SetString(r.label)
	}
	d := decoder{loader: l, ctx: ctx, m: m, kind: r.kind.Name(), texts: r.kind.schema, named: r.named}
	if s, ok := spec.(Public); ok {
		d.instead = s.Secrets()
	}
	d.decode(p, v)
	if m.failed() || r.spoiled {
		return spec // what a kind makes of half a block would mislead
	}
	if s, ok := spec.(engine.Absenter); ok && absent {
		s.Absent()
	}
	var read []string
	if s, ok := spec.(engine.Loader); ok {
		r.blame(p, s.Load(beside{l: l, use: Data, read: &read}), m)
	}
	if s, ok := spec.(engine.Defaulter); ok && !m.failed() {
		s.Default()
	}
	if len(read) > 0 && engine.HasSecret(spec) {
		l.disk.secret(read)
	}
	if s, ok := spec.(engine.Validator); ok && !m.failed() {
		r.blame(p, s.Validate(), m)
	}
	return spec
}

// blame reports what a kind found wrong, at the attribute if the error tells which.
func (r *resource) blame(p *part, err error, m *mistakes) {
	if err == nil {
		return
	}
	for _, e := range apart(err) {
		if gone, ok := errors.AsType[*GoneError](e); ok {
			m.need(gone.Error())
			continue
		}
		at, context := r.at, &r.at
		if expr := p.find(attributeOf(e)); expr != nil {
			at, context = expr.Range(), nil
		}
		var diags hcl.Diagnostics
		if errors.As(e, &diags) {
			m.add(diags...)
			continue
		}
		m.errorf(at, context, "Invalid "+r.kind.Name(), "%s", sentence(e.Error()))
	}
}

// checkDynamic refuses what a dynamic block cannot be repeated for.
func (m *mistakes) checkDynamic(v cty.Value, expr hcl.Expression, ctx *hcl.EvalContext) hcl.Diagnostics {
	var found mistakes
	if isTold(explained(v, expr, ctx), expr, &found) && v.HasMarkDeep(sensitive) {
		if _, hidden := open(v, false); hidden {
			found.errorf(expr.Range(), nil, "Sensitive value", "for_each decides which blocks there are, which everybody can see, so it cannot be sensitive.")
		}
	}
	for _, fact := range found.needs {
		m.need(fact)
	}
	return append(found.diags, found.unknown...)
}
