package engine

import (
	"container/heap"
	"fmt"
	"slices"
	"strings"
)

// index finds changes by address, by the address of their block, and by claim.
type index struct {
	addrs  map[Addr][]int
	claims map[Claim][]int
}

func indexOf(cs []*Change) index {
	ix := index{addrs: make(map[Addr][]int, len(cs)), claims: make(map[Claim][]int, len(cs))}
	for i, c := range cs {
		ix.addrs[c.Addr] = append(ix.addrs[c.Addr], i)
		for _, name := range c.Addr.Names()[1:] {
			ix.addrs[name] = append(ix.addrs[name], i)
		}
		for _, claim := range c.Claims {
			// Two have one claim where a thing becomes another kind's: one goes, one comes.
			ix.claims[claim] = append(ix.claims[claim], i)
		}
	}
	return ix
}

// link sets every change's deps from its addresses and its needs.
func link(cs []*Change) {
	ix := indexOf(cs)
	for i, c := range cs {
		c.deps = c.deps[:0]
		for _, a := range c.DependsOn {
			c.deps = append(c.deps, ix.addrs[a]...)
		}
		for _, n := range c.Needs {
			c.deps = append(c.deps, ix.claims[n]...)
		}
		slices.Sort(c.deps)
		c.deps = slices.Compact(c.deps)
		c.deps = slices.DeleteFunc(c.deps, func(j int) bool { return j == i })
	}
}

// sorted returns the order in which the nodes come when each waits for its deps, and otherwise
// stays in its place. left are the nodes that wait in a circle.
func sorted(deps [][]int) (order, left []int) {
	waits := make([]int, len(deps))
	users := make([][]int, len(deps))
	ready := &intHeap{}
	for i, ds := range deps {
		waits[i] = len(ds)
		for _, d := range ds {
			users[d] = append(users[d], i)
		}
		if len(ds) == 0 {
			heap.Push(ready, i)
		}
	}
	for ready.Len() > 0 {
		i := heap.Pop(ready).(int)
		order = append(order, i)
		for _, u := range users[i] {
			if waits[u]--; waits[u] == 0 {
				heap.Push(ready, u)
			}
		}
	}
	for i, w := range waits {
		if w > 0 {
			left = append(left, i)
		}
	}
	return order, left
}

type intHeap []int

func (h intHeap) Len() int           { return len(h) }
func (h intHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h intHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *intHeap) Push(x any)        { *h = append(*h, x.(int)) }
func (h *intHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

// cycle describes one circle among the nodes left over by sorted.
func cycle(cs []*Change, left []int) Mistake {
	in := make(map[int]bool, len(left))
	for _, i := range left {
		in[i] = true
	}
	seen := map[int]int{}
	var path []int
	for i := left[0]; ; {
		if at, ok := seen[i]; ok {
			path = path[at:]
			break
		}
		seen[i] = len(path)
		path = append(path, i)
		for _, d := range cs[i].deps {
			if in[d] {
				i = d
				break
			}
		}
	}
	names := make([]string, 0, len(path)+1)
	for _, i := range append(path, path[0]) {
		names = append(names, string(cs[i].Addr))
	}
	return Mistake{
		Place: cs[path[0]].Place, Summary: "Resources depend on each other in a circle",
		Detail: fmt.Sprintf("%s. Remove one of these references or depends_on.", strings.Join(names, " → ")),
	}
}
