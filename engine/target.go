package engine

import (
	"fmt"
	"slices"
	"strings"
)

// selected returns the changes that Targets and Excludes leave.
func (p Planner) selected(cs []*Change) ([]*Change, Mistakes) {
	if mistakes := p.unknown(cs); len(mistakes) > 0 {
		return nil, mistakes
	}
	in := make([]bool, len(cs))
	for i, c := range cs {
		if len(p.Targets) == 0 || named(p.Targets, c.Addr) {
			include(cs, in, i)
		}
	}
	out := make([]bool, len(cs))
	// Until nothing moves: what depends on an excluded resource is excluded too.
	for moved := len(p.Excludes) > 0; moved; {
		moved = false
		for i, c := range cs {
			if !out[i] && (named(p.Excludes, c.Addr) || slices.ContainsFunc(c.deps, func(d int) bool { return out[d] })) {
				out[i], moved = true, true
			}
		}
	}
	var left []*Change
	for i, c := range cs {
		if in[i] && !out[i] {
			left = append(left, c)
		}
	}
	return left, nil
}

// include marks cs[i] and all that it depends on.
func include(cs []*Change, in []bool, i int) {
	if in[i] {
		return
	}
	in[i] = true
	for _, d := range cs[i].deps {
		include(cs, in, d)
	}
}

// unselected reports whether an entry of the ledger is outside of what is planned.
func (p Planner) unselected(a Addr) bool { return named(p.Excludes, a) }

// named reports whether names hold a, its block or its composite.
func named(names []Addr, a Addr) bool {
	return slices.ContainsFunc(a.Names(), func(name Addr) bool { return slices.Contains(names, name) })
}

// some names a few of the blocks that there are.
func some(cs []*Change) string {
	const few = 6
	var names []string
	for _, c := range cs {
		if base := string(c.Addr.Composite().Base()); !c.Head.Implied && !slices.Contains(names, base) {
			names = append(names, base)
		}
		if len(names) > few {
			return " It has " + strings.Join(names[:few], ", ") + " and others."
		}
	}
	if len(names) == 0 {
		return " It has no resources."
	}
	return " It has " + strings.Join(names, ", ") + "."
}

// unknown finds targets and excludes that name nothing.
func (p Planner) unknown(cs []*Change) Mistakes {
	var mistakes Mistakes
	for _, name := range slices.Concat(p.Targets, p.Excludes) {
		if !slices.ContainsFunc(cs, func(c *Change) bool { return named([]Addr{name}, c.Addr) }) {
			mistakes = append(mistakes, Mistake{Summary: "No such resource", Detail: fmt.Sprintf("The plan has no %s.%s", name, some(cs))})
		}
	}
	return mistakes
}
