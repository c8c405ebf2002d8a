package grammar

import (
	"encoding/binary"
	"slices"
)

// maxDFA bounds the states of an automaton of strings.
const maxDFA = 2048

// dfa is a set of strings, as a deterministic automaton over code points; state 0 is its start. Where no edge fits, the
// string is not in the set.
type dfa struct {
	states []dfaState
}

type dfaState struct {
	accept bool
	edges  []edge // of disjoint ranges, in order
}

type edge struct {
	runes
	to int
}

// builder makes states for the sets of things that keys stand for.
type builder struct {
	d    *dfa
	ids  map[string]int
	keys []string
	b    *budget
}

func newBuilder(b *budget) *builder { return &builder{d: &dfa{}, ids: map[string]int{}, b: b} }

func (b *builder) state(key string) int {
	id, ok := b.ids[key]
	if !ok {
		if id = len(b.d.states); id >= maxDFA {
			panic(tooBig{})
		}
		b.ids[key] = id
		b.keys = append(b.keys, key)
		b.d.states = append(b.d.states, dfaState{})
	}
	return id
}

// determinize makes an automaton deterministic.
func (n *nfa) determinize(b *budget) *dfa {
	out := newBuilder(b)
	out.state(n.closure([]int{0}, b))
	for i := 0; i < len(out.keys); i++ {
		set := unpack(out.keys[i])
		var targets []int // of edges
		var cuts []rune
		for _, s := range set {
			if s == n.accept || s == n.sink {
				out.d.states[i].accept = true
			}
			for _, r := range n.states[s].on {
				cuts = append(cuts, r.lo, r.hi+1)
			}
		}
		slices.Sort(cuts)
		cuts = slices.Compact(cuts)
		for c := 0; c+1 < len(cuts); c++ {
			targets = targets[:0]
			for _, s := range set {
				b.spend(1 + len(n.states[s].on)/8)
				if has(n.states[s].on, cuts[c]) {
					targets = append(targets, n.states[s].to)
				}
			}
			if len(targets) > 0 {
				to := out.state(n.closure(targets, b))
				out.d.states[i].edges = append(out.d.states[i].edges, edge{runes{cuts[c], cuts[c+1] - 1}, to})
			}
		}
	}
	return out.d.trim()
}

// closure is the key of the states that can be reached from some without a character. Once everything is accepted,
// nothing else matters.
func (n *nfa) closure(from []int, b *budget) string {
	seen := map[int]bool{}
	work := slices.Clone(from)
	for len(work) > 0 {
		b.spend(1)
		s := work[len(work)-1]
		work = work[:len(work)-1]
		if s == n.sink {
			return pack([]int{s})
		}
		if !seen[s] {
			seen[s] = true
			work = append(work, n.states[s].frees...)
		}
	}
	var set []int
	for s := range seen {
		if n.states[s].on != nil || s == n.accept {
			set = append(set, s)
		}
	}
	slices.Sort(set)
	return pack(set)
}

func pack(set []int) string {
	var b []byte
	for _, s := range set {
		b = binary.BigEndian.AppendUint16(b, uint16(s))
	}
	return string(b)
}

func unpack(key string) []int {
	var set []int
	for i := 0; i < len(key); i += 2 {
		set = append(set, int(key[i])<<8|int(key[i+1]))
	}
	return set
}

// both is the set of strings that are in two.
func (d *dfa) both(e *dfa, b *budget) *dfa {
	out := newBuilder(b)
	out.state(pack([]int{0, 0}))
	for i := 0; i < len(out.keys); i++ {
		p := unpack(out.keys[i])
		x, y := d.states[p[0]], e.states[p[1]]
		out.d.states[i].accept = x.accept && y.accept
		for j, k := 0, 0; j < len(x.edges) && k < len(y.edges); {
			b.spend(1)
			s, t := x.edges[j], y.edges[k]
			if lo, hi := max(s.lo, t.lo), min(s.hi, t.hi); lo <= hi {
				to := out.state(pack([]int{s.to, t.to}))
				out.d.states[i].edges = append(out.d.states[i].edges, edge{runes{lo, hi}, to})
			}
			if s.hi < t.hi {
				j++
			} else {
				k++
			}
		}
	}
	return out.d.trim()
}

// length is the strings of least to most code points; most < 0 is without end.
func length(least, most int) *dfa {
	n := max(least, most)
	if n >= maxDFA {
		panic(tooBig{})
	}
	d := &dfa{states: make([]dfaState, n+1)}
	for i := range d.states {
		d.states[i].accept = i >= least
		to := i + 1
		if i == n {
			if most >= 0 {
				break
			}
			to = i
		}
		for _, r := range anyRune {
			d.states[i].edges = append(d.states[i].edges, edge{r, to})
		}
	}
	return d
}

// except is all strings but some.
func except(texts []string) *dfa {
	d := &dfa{states: make([]dfaState, 2)}
	const all = 1
	d.states[all].accept = true
	d.states[0].accept = true
	for _, r := range anyRune {
		d.states[all].edges = append(d.states[all].edges, edge{r, all})
	}
	children := []map[rune]int{{}, nil}
	for _, s := range texts {
		at := 0
		for _, c := range s {
			to, ok := children[at][c]
			if !ok {
				if to = len(d.states); to >= maxDFA {
					panic(tooBig{})
				}
				children[at][c] = to
				children = append(children, map[rune]int{})
				d.states = append(d.states, dfaState{accept: true})
			}
			at = to
		}
		d.states[at].accept = false
	}
	for i, next := range children {
		if i == all {
			continue
		}
		var own class
		for c, to := range next {
			own = append(own, runes{c, c})
			d.states[i].edges = append(d.states[i].edges, edge{runes{c, c}, to})
		}
		for _, r := range minus(own) {
			d.states[i].edges = append(d.states[i].edges, edge{r, all})
		}
		slices.SortFunc(d.states[i].edges, func(a, b edge) int { return int(a.lo - b.lo) })
	}
	return d
}

// trim takes away the states from which no string ends. A set with nothing in it has a start without edges.
func (d *dfa) trim() *dfa {
	from := make([][]int, len(d.states))
	live := make([]bool, len(d.states))
	var work []int
	for i, s := range d.states {
		for _, e := range s.edges {
			from[e.to] = append(from[e.to], i)
		}
		if s.accept {
			work = append(work, i)
		}
	}
	for len(work) > 0 {
		i := work[len(work)-1]
		work = work[:len(work)-1]
		if !live[i] {
			live[i] = true
			work = append(work, from[i]...)
		}
	}
	for i := range d.states {
		d.states[i].edges = slices.DeleteFunc(d.states[i].edges, func(e edge) bool { return !live[e.to] })
	}
	return d
}

func (d *dfa) empty() bool { return !d.states[0].accept && len(d.states[0].edges) == 0 }

func (d *dfa) holds(s string) bool {
	at := 0
next:
	for _, c := range s {
		for _, e := range d.states[at].edges {
			if e.lo <= c && c <= e.hi {
				at = e.to
				continue next
			}
		}
		return false
	}
	return d.states[at].accept
}
