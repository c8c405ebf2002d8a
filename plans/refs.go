package plans

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/agent0-converge/agent0-converge/engine"
)

// use is a name that an expression refers to, with where in its block that is.
type use struct {
	hcl.Traversal
	expr hcl.Expression // that it is in
	place
}

// place is what is known of where in its block an expression is.
type place struct {
	// self says that it may refer to self.
	self bool
	// input says that it is the kind's own, and not of what the language adds.
	input bool
}

// uses lists what the expressions of p refer to, but for the iterators that hidden names.
func (p *part) uses(out []use, hidden []string, at place) []use {
	for _, a := range p.attrs {
		if !a.static {
			out = usesOf(out, a.expr, hidden, place{at.self, a.index >= 0})
		}
	}
	for _, b := range p.blocks {
		in, inner := place{at.self, b.index >= 0}, hidden
		if b.forEach != nil {
			out = usesOf(out, b.forEach, hidden, in)
		}
		if b.iterator != "" {
			inner = append(hidden[:len(hidden):len(hidden)], b.iterator)
		}
		if b.generated != nil {
			out = usesOf(out, b.generated, inner, in)
		}
		in.self = in.self || b.name == "postcondition" && b.index < 0
		out = b.part.uses(out, inner, in)
	}
	return out
}

func usesOf(out []use, expr hcl.Expression, hidden []string, at place) []use {
	if literal(expr) {
		return out
	}
next:
	for _, t := range expr.Variables() {
		for _, name := range hidden {
			if t.RootName() == name {
				continue next
			}
		}
		out = append(out, use{t, expr, at})
	}
	return out
}

// splatInstances makes kind.label[*] mean all instances of a block with for_each, as it does for one
// with count: the language itself takes the object of the instances for a single thing.
func splatInstances(expr hcl.Expression, block engine.Addr) {
	node, ok := expr.(hclsyntax.Expression)
	if !ok {
		return // JSON is parsed anew at every evaluation: it has values(kind.label)[*]
	}
	// The visitor reports nothing.
	_ = hclsyntax.VisitAll(node, func(n hclsyntax.Node) hcl.Diagnostics {
		splat, ok := n.(*hclsyntax.SplatExpr)
		if !ok {
			return nil
		}
		source, ok := splat.Source.(*hclsyntax.ScopeTraversalExpr)
		if ok && len(source.Traversal) == 2 && engine.Addr(source.Traversal.RootName()+"."+attrName(source.Traversal, 1)) == block {
			at := source.SrcRange
			splat.Source = &hclsyntax.FunctionCallExpr{
				Name: "values", Args: []hclsyntax.Expression{source}, NameRange: at, OpenParenRange: at, CloseParenRange: at,
			}
		}
		return nil
	})
}

// literal spots, without walking far, what plans mostly hold: expressions that refer to nothing.
func literal(expr hcl.Expression) bool {
	switch e := expr.(type) {
	case *hclsyntax.LiteralValueExpr:
		return true
	case *hclsyntax.TemplateExpr:
		for _, p := range e.Parts {
			if !literal(p) {
				return false
			}
		}
		return true
	case *hclsyntax.TupleConsExpr:
		for _, x := range e.Exprs {
			if !literal(x) {
				return false
			}
		}
		return true
	case *hclsyntax.ObjectConsExpr:
		for _, item := range e.Items {
			if key, ok := item.KeyExpr.(*hclsyntax.ObjectConsKeyExpr); !ok || key.ForceNonLiteral || !literal(item.ValueExpr) {
				return false
			}
			if hcl.ExprAsKeyword(item.KeyExpr) == "" && !literal(item.KeyExpr.(*hclsyntax.ObjectConsKeyExpr).Wrapped) {
				return false
			}
		}
		return true
	}
	return false
}
