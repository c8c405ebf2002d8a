package plans

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// prepare lays all blocks out and finds what they refer to.
func (l *loader) prepare() {
	for _, r := range l.resources {
		if r.early {
			continue
		}
		before := len(l.diags)
		r.part = r.kind.schema.lay(r.body, false, &l.mistakes)
		r.spoiled = len(l.diags) > before
	}
	var us []use
	for _, n := range l.inOrder {
		if n.res == nil {
			us = usesOf(us[:0], n.local, nil, false)
			n.refs = l.resolve(n, allowed{}, us)
			continue
		}
		us = n.res.part.uses(us[:0], nil, false)
		_, each := n.res.part.get("for_each")
		_, count := n.res.part.get("count")
		if len(us) > 0 {
			n.refs = l.resolve(n, allowed{each: each, count: count}, us)
			n.res.spoiled = n.res.spoiled || len(n.bad) > 0
		}
		l.dependsOn(n.res)
	}
	l.prepareOutputs()
	l.prepareChecks()
}

// dependsOn reads the references in depends_on.
func (l *loader) dependsOn(r *resource) {
	a, ok := r.part.get("depends_on")
	if !ok {
		return
	}
	exprs, diags := hcl.ExprList(a.expr)
	l.add(diags...)
	for _, e := range exprs {
		t, diags := hcl.AbsTraversalForExpr(e)
		if diags.HasErrors() {
			l.notAResource(e.Range())
			continue
		}
		l.after(r, t)
	}
}

func (l *loader) after(r *resource, t hcl.Traversal) {
	name := attrName(t, 1)
	instance := len(t) == 3
	if instance {
		_, instance = t[2].(hcl.TraverseIndex)
	}
	if l.kinds[t.RootName()] == nil || name == "" || len(t) > 2 && !instance {
		l.notAResource(t.SourceRange())
		return
	}
	before := len(l.diags)
	res := resolver{loader: l, owner: r.node}
	if res.one(t); len(l.diags) > before {
		return
	}
	// A whole block is worked out before, but its value is not needed.
	r.after = append(r.after, res.good[0].addr)
}

func (l *loader) notAResource(at hcl.Range) {
	l.errorf(at, nil, "Invalid depends_on", "depends_on is a list of resources or instances without quotes, as in [file.motd, file.unit[\"api\"]].")
}

// find is the expression of the attribute with this name, which may lead into nested blocks
// ("limits.memory") or to one key ("values[\"A\"]"); nil if it is not written.
func (p *part) find(name string) hcl.Expression {
	name, _, _ = strings.Cut(name, "[")
	head, rest, nested := strings.Cut(name, ".")
	if a, ok := p.get(head); ok {
		return a.expr
	}
	i := slices.IndexFunc(p.blocks, func(b sub) bool { return b.name == head })
	if !nested || i < 0 {
		return nil
	}
	return p.blocks[i].part.find(rest)
}
