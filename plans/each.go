package plans

import (
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/agent0-converge/agent0-converge/engine"
)

// eachOf evaluates for_each. Values may be sensitive, or wait for facts; which there are may not.
func (l *loader) eachOf(a attr, ctx *hcl.EvalContext, m *mistakes) (keys []string, values []cty.Value, ok bool) {
	whole, ok := l.value(a.expr, ctx, m)
	if !ok {
		return nil, nil, false
	}
	v, secret := open(whole, false)
	t, at := v.Type(), a.expr.Range()
	isMap := t.IsMapType() || t.IsObjectType()
	switch {
	case !(isMap && v.IsKnown()) && !isTold(whole, a.expr, m):
		return nil, nil, false
	case secret:
		m.errorf(at, nil, "Sensitive value", "for_each decides which resources there are, which everybody can see, so it cannot be sensitive.")
		return nil, nil, false
	case v.IsNull():
		m.errorf(at, nil, "Invalid for_each", "for_each is null. Use an empty map or list for no resource at all.")
		return nil, nil, false
	case !isMap && !t.IsSetType() && !t.IsListType() && !t.IsTupleType():
		m.errorf(at, nil, "Invalid for_each", "for_each takes a map, or a set or list of strings; this is %s.", t.FriendlyName())
		return nil, nil, false
	}
	for it := v.ElementIterator(); it.Next(); {
		key, e := it.Element()
		if !isMap {
			var hidden bool
			key, hidden = open(e, false)
			if hidden || key.Type() != cty.String || key.IsNull() {
				m.errorf(at, nil, "Invalid for_each", "Elements of a set or list in for_each are strings that are neither null nor sensitive.")
				return nil, nil, false
			}
		}
		keys, values = append(keys, key.AsString()), append(values, e)
	}
	return keys, values, true
}

// flag is a bool that the language itself has, or otherwise where it is not written.
func (l *loader) flag(p *part, name string, otherwise bool, ctx *hcl.EvalContext, m *mistakes) bool {
	a, ok := p.get(name)
	if !ok {
		return otherwise
	}
	v, ok := l.plain(a, cty.Bool, ctx, m)
	if !ok {
		return otherwise
	}
	return v.True()
}

func (l *loader) timeout(p *part, ctx *hcl.EvalContext, m *mistakes) time.Duration {
	a, ok := p.get("timeout")
	if !ok {
		return 0
	}
	v, ok := l.plain(a, cty.String, ctx, m)
	if !ok {
		return 0
	}
	d, err := time.ParseDuration(v.AsString())
	if err != nil || d <= 0 {
		m.errorf(a.expr.Range(), nil, "Invalid timeout", "timeout is a duration such as \"30s\", \"10m\" or \"2h\".")
	}
	return d
}

// lifecycle fills in what the lifecycle block says.
func (l *loader) lifecycle(r *resource, d *engine.Declared, ctx *hcl.EvalContext, m *mistakes) {
	for _, b := range r.part.blocks {
		if b.name != "lifecycle" || b.index >= 0 {
			continue
		}
		d.Keep = l.flag(b.part, "keep", false, ctx, m)
		d.PreventRemoval = l.flag(b.part, "prevent_removal", false, ctx, m)
		d.IgnoreChanges = r.ignored(b.part, m)
		for _, c := range b.part.blocks {
			switch {
			case c.name == "postcondition":
				d.Post = append(d.Post, l.postcondition(r.kind, c.part, ctx, m))
			case !d.LeftOut:
				l.assert(c.part, hcl.DiagError, "Precondition failed", ctx, m)
			}
		}
	}
}

// ignored reads the names of attributes in ignore_changes.
func (r *resource) ignored(p *part, m *mistakes) []string {
	a, ok := p.get("ignore_changes")
	if !ok {
		return nil
	}
	exprs, diags := hcl.ExprList(a.expr)
	m.add(diags...)
	var names []string
	for _, e := range exprs {
		name := hcl.ExprAsKeyword(e)
		f := r.kind.schema.byName[name]
		if f == nil || f.index < 0 {
			m.errorf(e.Range(), nil, "Unknown attribute", "ignore_changes is a list of attributes of a %s, as in [mode].%s",
				r.kind.Name(), didYouMean(name, r.kind.schema.attributeNames()))
			continue
		}
		names = append(names, name)
	}
	return names
}
