package plans

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/agent0-converge/agent0-converge/engine"
)

// node is what can be referred to and has to be worked out first: a local, a resource or a module
// block.
type node struct {
	addr engine.Addr // within its module
	full engine.Addr // within the plan
	at   hcl.Range
	// It is one of these; the others are nil.
	local hcl.Expression
	res   *resource
	call  *call

	refs
	edges []edge
	mark  int // while ordering
	// circular nodes wait for themselves; they have no value.
	circular bool
	// wanted says that something refers to it.
	wanted bool
	value  cty.Value
	// reaches are the resources that it depends on, itself not among them.
	reaches []engine.Addr
}

// refs is what the expressions of one block refer to.
type refs struct {
	good []ref
	// bad are the roots of references that are mistakes. They stand for anything while the rest
	// is evaluated.
	bad []string
	// vars are the variables of a module: they stand for what its caller refers to.
	vars []varRef
}

// varRef is a reference to a variable.
type varRef struct {
	*variable
	input bool
}

// ref is a reference to a node.
type ref struct {
	*node
	root, name string
	// input says that an attribute of the kind itself refers to it.
	input bool
	// addr is the block, or the one instance that it names, within the plan.
	addr engine.Addr
	// output is the one of a module that it names; empty for all.
	output string
}

// edge is why a node has to wait for another.
type edge struct {
	to *node
	at hcl.Range
}

// states of a node while the order is sought.
const (
	unseen = iota
	entered
	closed
)

// order returns the nodes with what they refer to first. Every circle is reported.
func (l *loader) order() []*node {
	var out, path []*node
	var visit func(n *node)
	visit = func(n *node) {
		n.mark = entered
		path = append(path, n)
		for _, e := range n.edges {
			switch e.to.mark {
			case unseen:
				visit(e.to)
			case entered:
				l.circle(path[slices.Index(path, e.to):], e.at)
			}
		}
		path = path[:len(path)-1]
		n.mark = closed
		out = append(out, n)
	}
	for _, n := range l.inOrder {
		if n.mark == unseen {
			visit(n)
		}
	}
	return out
}

// circle reports nodes that refer to each other in a circle; at is the reference that closes it.
func (l *loader) circle(path []*node, at hcl.Range) {
	names, hint := make([]string, 0, len(path)+1), ""
	for _, n := range path {
		n.circular = true
		if n.call != nil {
			hint = " A module is worked out as a whole, with all its arguments before all its outputs."
		}
		names = append(names, fmt.Sprintf("%s (%s:%d)", n.addr, n.at.Filename, n.at.Start.Line))
	}
	names = append(names, string(path[0].addr))
	l.errorf(at, nil, "References in a circle", "%s. Remove one of these references.%s", strings.Join(names, " → "), hint)
}

// settle works out one node, after all that it refers to.
func (l *loader) settle(n *node) {
	n.value = cty.DynamicVal
	switch {
	case n.circular:
	case n.res != nil:
		l.settleResource(n.res)
	case n.call != nil:
		l.settleCall(n.call)
	default:
		n.reaches = n.reached(n.full, false, nil)
		if v, ok := l.value(n.local, l.scope(n.refs), &l.mistakes); ok {
			n.value = v
		}
	}
}

// reached lists the resources that r refers to, through locals and modules too, and then those in
// more, but not self. inputs are only those that a kind's own attributes refer to.
func (r refs) reached(self engine.Addr, inputs bool, more []engine.Addr) []engine.Addr {
	if len(r.good)+len(r.vars)+len(more) == 0 {
		return nil
	}
	var out []engine.Addr
	seen := map[engine.Addr]bool{self: true}
	add := func(as []engine.Addr) {
		for _, a := range as {
			if !seen[a] {
				seen[a] = true
				out = append(out, a)
			}
		}
	}
	for _, g := range r.good {
		switch {
		case inputs && !g.input:
		case g.res != nil:
			add([]engine.Addr{g.addr})
		case g.call != nil:
			add(g.call.reachedBy(g))
		default:
			add(g.reaches)
		}
	}
	for _, v := range r.vars {
		if !inputs || v.input {
			add(v.reaches)
		}
	}
	add(more)
	return out
}

// scope is what the expressions of one block can see: what all see, and what this one refers to.
func (l *loader) scope(r refs) *hcl.EvalContext {
	if len(r.good) == 0 && len(r.bad) == 0 {
		return l.base
	}
	groups := map[string]map[string]cty.Value{}
	for _, ref := range r.good {
		if groups[ref.root] == nil {
			groups[ref.root] = map[string]cty.Value{}
		}
		groups[ref.root][ref.name] = ref.value
	}
	vars := make(map[string]cty.Value, len(groups)+len(r.bad))
	for root, values := range groups {
		vars[root] = cty.ObjectVal(values)
	}
	for _, root := range r.bad {
		vars[root] = cty.DynamicVal
	}
	return within(l.base, vars)
}

// within is a context with more names.
func within(ctx *hcl.EvalContext, vars map[string]cty.Value) *hcl.EvalContext {
	child := ctx.NewChild()
	child.Variables = vars
	return child
}
