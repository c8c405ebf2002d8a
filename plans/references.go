package plans

import (
	"reflect"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/agent0-converge/agent0-converge/engine"
)

var addrsType = reflect.TypeFor[[]engine.Addr]()

// named is what the lists of references in a kind's own attributes name, by where in the file the
// list starts: a block that is expanded anew has the same places.
type named map[int][]engine.Addr

func (n named) of(a attr) []engine.Addr { return n[a.expr.Range().Start.Byte] }

// all is what all of them name, in the order of the lists.
func (n named) all() []engine.Addr {
	var starts []int
	for at := range n {
		starts = append(starts, at)
	}
	slices.Sort(starts)
	var out []engine.Addr
	for _, at := range starts {
		out = append(out, n[at]...)
	}
	return out
}

// namedIn reads the lists of references in p and in the blocks below.
func (l *loader) namedIn(owner *node, p *part, out named) named {
	for _, a := range p.attrs {
		if a.refs {
			if out == nil {
				out = named{}
			}
			out[a.expr.Range().Start.Byte] = l.references(owner, a)
		}
	}
	for _, b := range p.blocks {
		out = l.namedIn(owner, b.part, out)
	}
	return out
}

// references reads a list of references, such as depends_on. What they name is worked out before
// owner, but its value is not needed.
func (l *loader) references(owner *node, a attr) []engine.Addr {
	exprs, diags := hcl.ExprList(a.expr)
	l.add(diags...)
	var out []engine.Addr
	for _, e := range exprs {
		t, diags := hcl.AbsTraversalForExpr(e)
		r := resolver{loader: l, owner: owner}
		ok := !diags.HasErrors() && (l.kinds[t.RootName()] != nil || t.RootName() == "module")
		if ok {
			before := len(l.diags)
			if r.one(t); len(l.diags) > before {
				continue
			}
		}
		if !ok || !isWhole(t) {
			l.errorf(e.Range(), nil, "Invalid "+a.name,
				"%s is a list of resources, instances or modules without quotes, as in [file.motd, file.unit[\"api\"]].", a.name)
			continue
		}
		out = append(out, r.good[0].addr)
	}
	return out
}

// isWhole reports whether t names a block or an instance, and nothing of what it has.
func isWhole(t hcl.Traversal) bool {
	if len(t) == 3 {
		_, instance := t[2].(hcl.TraverseIndex)
		return instance
	}
	return len(t) == 2
}

// addrsCodec shows addresses to expressions. They are set where they are written, and not evaluated.
func addrsCodec() codec {
	return codec{typ: cty.List(cty.String), get: func(src reflect.Value) cty.Value {
		vs := make([]cty.Value, 0, src.Len())
		for _, a := range src.Interface().([]engine.Addr) {
			vs = append(vs, cty.StringVal(string(a)))
		}
		if len(vs) == 0 {
			return cty.ListValEmpty(cty.String)
		}
		return cty.ListVal(vs)
	}}
}
