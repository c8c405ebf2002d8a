package plans

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/agent0-converge/agent0-converge/engine"
)

// call is a module block.
type call struct {
	block
	args []arg
	from *folder
	// pattern is the module without the values of its variables: it knows what the module has. Where
	// the block stands for one module it is that module. It is nil without a
	// folder, or with one that cannot be parsed: what it has cannot be told then.
	pattern *loader
	// instances are the modules that the block stands for, once it was settled.
	instances []*loader
}

// arg is the value that a caller gives to a variable of a module.
type arg struct {
	attr
	refs
}

// values is what references to n are to.
func (n *node) values() string {
	if n.call != nil {
		return "outputs"
	}
	return "attributes"
}

func (n *node) sort() string {
	if n.call != nil {
		return "module"
	}
	return "resource"
}

// registerCall enters a module block, and the module as far as that can be told without values.
func (l *loader) registerCall(b *hcl.Block) {
	n := l.newNode("module", b.Labels[0], b.DefRange)
	if !l.isNew("module "+b.Labels[0], n) {
		return
	}
	attrs, diags := b.Body.JustAttributes()
	l.add(diags...)
	fields := callFields()
	p := &part{schema: &schema{fields: fields}}
	c := &call{block: block{node: n, part: p}}
	for _, f := range fields {
		if a := attrs[f.name]; a != nil {
			p.attrs = append(p.attrs, attr{f, a.Expr, &a.NameRange})
			delete(attrs, f.name)
		}
	}
	for _, a := range inOrder(attrs) {
		c.args = append(c.args, arg{attr: attr{own(a.Name), a.Expr, &a.NameRange}})
	}
	n.call = c
	l.enter("module", b.Labels[0], n)
	if c.from = l.folderOf(c); c.from != nil && !c.from.broken {
		c.pattern = l.instantiate(c, n.full)
		l.below.merge(c.pattern.taken())
	}
}

// inOrder lists attributes as they are written.
func inOrder(attrs hcl.Attributes) []*hcl.Attribute {
	return slices.SortedFunc(maps.Values(attrs), func(a, b *hcl.Attribute) int { return a.Range.Start.Byte - b.Range.Start.Byte })
}

// prepareCall finds what the arguments refer to, and compares them with the module's variables.
func (l *loader) prepareCall(c *call) {
	_, each := c.part.get("for_each")
	_, count := c.part.get("count")
	may := allowed{each: each, count: count}
	c.refs = l.resolve(c.node, may, c.part.uses(nil, nil, place{}))
	for i := range c.args {
		a := &c.args[i]
		a.refs = l.resolve(c.node, may, usesOf(nil, a.expr, nil, place{}))
	}
	if a, ok := c.part.get("depends_on"); ok {
		c.after = l.references(c.node, a)
	}
	if c.pattern == nil {
		return
	}
	for _, a := range c.args {
		if c.pattern.variableByName[a.name] == nil {
			l.errorf(*a.at, nil, "Unsupported argument", "The module has no variable %q.%s", a.name, didYouMean(a.name, c.pattern.variableNames()))
		}
	}
	for _, v := range c.pattern.variables {
		if v.initial == cty.NilVal && !v.spoiled && c.arg(v.name) == nil {
			l.errorf(c.at, nil, "Missing required argument", "The module needs the argument %q: its variable (%s:%d) has no default.",
				v.name, v.at.Filename, v.at.Start.Line)
		}
	}
}

func (c *call) arg(name string) *arg {
	for i := range c.args {
		if c.args[i].name == name {
			return &c.args[i]
		}
	}
	return nil
}

// module resolves module.name with its instance and output.
func (r *resolver) module(t hcl.Traversal) {
	at, name := t.SourceRange(), attrName(t, 1)
	n := r.nodes[engine.Addr("module."+name)]
	switch {
	case name == "":
		r.errorf(at, nil, "Incomplete reference", "A reference to a module names it and its output: module.NAME.OUTPUT.")
		return
	case n == nil:
		r.errorf(at, nil, "Reference to undeclared module", "There is no module %q.%s", name, didYouMean(name, r.labels["module"]))
		return
	}
	rest, addr, ok := r.instance(t, n)
	if !ok {
		return
	}
	output := attrName(rest, 0)
	if output != "" && n.call.pattern != nil && !r.output(n.call, rest, at) {
		return
	}
	r.refer(t, n, addr, output)
}

// output reports an output that the module does not have.
func (r *resolver) output(c *call, rest hcl.Traversal, at hcl.Range) bool {
	name, known := attrName(rest, 0), make([]string, 0, len(c.pattern.outputs))
	for _, o := range c.pattern.outputs {
		known = append(known, o.name)
	}
	switch {
	case slices.Contains(known, name):
		return true
	case r.kinds[name] != nil || name == "module" || name == "local" || name == "var":
		inside := name + "." + attrName(rest, 1)
		r.errorf(at, nil, "Reference into a module",
			"%s is inside of %s, and only the outputs of a module can be referred to. Give the module an output with the value that you need, or name the whole module in depends_on.",
			inside, c.addr)
	default:
		r.errorf(at, nil, "Unsupported output", "%s has no output %q.%s", c.addr, name, didYouMean(name, known))
	}
	return false
}

// settleCall works out all modules that a block stands for.
func (l *loader) settleCall(c *call) {
	if c.pattern == nil {
		return
	}
	ctx := l.scope(c.refs)
	var m mistakes
	insts, ok := l.instances(&c.block, ctx, &m)
	l.report(m)
	if !ok {
		// As with a resource, one of them is looked at.
		l.run(c, c.pattern, l.withArgs(c, c.unknownInstance(m.needs)), m.needs)
		if m.deferred() != "" || l.leftOut {
			c.instances, c.value = []*loader{c.pattern}, waiting(m.needs)
		}
		return
	}
	values := make([]cty.Value, 0, len(insts))
	for _, inst := range insts {
		in := c.pattern
		if c.repeated() {
			in = l.instantiate(c, inst.addr)
			in.taken() // they are those of the pattern
		}
		c.instances = append(c.instances, in)
		l.run(c, in, l.withArgs(c, inst), m.needs)
		values = append(values, in.outputObject())
	}
	c.value = c.gather(insts, values)
}

// withArgs is what the arguments of an instance can see.
func (l *loader) withArgs(c *call, inst instance) *hcl.EvalContext {
	all := refs{good: slices.Clone(c.good), bad: slices.Clone(c.bad)}
	for _, a := range c.args {
		all.good, all.bad = append(all.good, a.good...), append(all.bad, a.bad...)
	}
	ctx := l.scope(all)
	if len(inst.vars) > 0 {
		ctx = within(ctx, inst.vars)
	}
	return ctx
}

// reachedBy lists the resources that what r names of c was worked out from.
func (c *call) reachedBy(r ref) []engine.Addr {
	var out []engine.Addr
	for _, in := range c.instances {
		if r.addr != c.full && r.addr != in.addr {
			continue
		}
		for _, o := range in.outputs {
			if r.output == "" || r.output == o.name {
				out = append(out, o.reached("", false, nil)...)
			}
		}
	}
	return out
}
