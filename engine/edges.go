package engine

import "slices"

// EdgeSort says why one resource waits for another.
type EdgeSort string

// The sorts of edges. Where there are several reasons for one edge, it is of the last of these sorts.
const (
	// EdgeNeeds is to what must be there first: a folder above, an owner.
	EdgeNeeds EdgeSort = "needs"
	// EdgeAfter is to what it refers to, or names in depends_on.
	EdgeAfter EdgeSort = "after"
	// EdgeReload and EdgeRestart are to what it is reloaded or restarted for.
	EdgeReload  EdgeSort = "reload"
	EdgeRestart EdgeSort = "restart"
)

// Edge is that a resource waits for the one at To.
type Edge struct {
	To   Addr
	Sort EdgeSort
}

// Node is one resource in the order of a plan.
type Node struct {
	Addr Addr
	// Implied is what other resources take for granted.
	Implied bool
	// Absent is what is to be removed.
	Absent bool
	// Edges are in the order of the resources that they lead to.
	Edges []Edge
}

// Graph lists what is declared, and what that implies, in an order in which everything comes after
// what it waits for. What is left out is not in it.
func Graph(ds []Declared) ([]Node, Mistakes) {
	cs, mistakes := Planner{}.graph(ds)
	if len(mistakes) > 0 {
		return nil, mistakes
	}
	cs = slices.DeleteFunc(cs, func(c *Change) bool { return c.declared.LeftOut })
	link(cs)
	ix, deps := indexOf(cs), make([][]int, len(cs))
	for i, c := range cs {
		deps[i] = c.deps
		if follows(c) {
			c.setInputs(ix, cs)
		}
	}
	order, _ := sorted(deps) // graph has found that there is no circle
	at := make([]int, len(cs))
	for n, i := range order {
		at[i] = n
	}
	nodes := make([]Node, 0, len(cs))
	for _, i := range order {
		c := cs[i]
		n := Node{Addr: c.Addr, Implied: c.Head.Implied, Absent: c.declared.Absent}
		slices.SortFunc(c.deps, func(a, b int) int { return at[a] - at[b] })
		for _, d := range c.deps {
			n.Edges = append(n.Edges, Edge{cs[d].Addr, c.edgeTo(cs[d])})
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}

func (c *Change) edgeTo(d *Change) EdgeSort {
	switch {
	case slices.Contains(c.inputs[0], d):
		return EdgeRestart
	case slices.Contains(c.inputs[1], d):
		return EdgeReload
	case slices.ContainsFunc(d.Addr.Names(), func(name Addr) bool { return slices.Contains(c.DependsOn, name) }):
		return EdgeAfter
	}
	return EdgeNeeds
}
