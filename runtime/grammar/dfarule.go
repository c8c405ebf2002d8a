package grammar

import "slices"

// dfaWriter makes rules of an automaton.
type dfaWriter struct {
	r      *rules
	d      *dfa
	end    expr
	into   []int // how many edges lead to a state, from how many states
	rules  []ref
	queued []int
}

// dfaRule is the strings of d, each character in the spelling of quoteJSON, with end after them. There is one way at a
// time through it.
func (r *rules) dfaRule(d *dfa, end expr) expr {
	w := &dfaWriter{r: r, d: d, end: end, into: make([]int, len(d.states)), rules: make([]ref, len(d.states))}
	for i := range d.states {
		for _, t := range w.targets(i) {
			w.into[t.to]++
		}
	}
	w.into[0]++
	start := w.ref(0)
	for len(w.queued) > 0 {
		i := w.queued[len(w.queued)-1]
		w.queued = w.queued[:len(w.queued)-1]
		r.list[w.rules[i]] = w.state(i)
	}
	return start
}

// target is all that leads from one state to another.
type target struct {
	to int
	on class
}

func (w *dfaWriter) targets(i int) []target {
	var out []target
	for _, e := range w.d.states[i].edges {
		w.r.budget.spend(1)
		j := slices.IndexFunc(out, func(t target) bool { return t.to == e.to })
		if j < 0 {
			j = len(out)
			out = append(out, target{to: e.to})
		}
		out[j].on = append(out[j].on, e.runes)
	}
	for j := range out {
		out[j].on = union(out[j].on)
	}
	return out
}

func (w *dfaWriter) ref(i int) ref {
	if w.rules[i] == 0 {
		w.rules[i] = w.r.reserve("text")
		w.queued = append(w.queued, i)
	}
	return w.rules[i]
}

// state is what may come from a state on. States that have one way in and one way on are written in a row.
func (w *dfaWriter) state(i int) expr {
	var row seq
	for {
		t := w.targets(i)
		if len(t) != 1 || w.d.states[i].accept {
			return append(row, w.branch(i, t))
		}
		row = append(row, spelled(t[0].on))
		if i = t[0].to; w.into[i] != 1 {
			return append(row, w.ref(i))
		}
	}
}

func (w *dfaWriter) branch(i int, targets []target) expr {
	var a alt
	if w.d.states[i].accept {
		a = append(a, w.end)
	}
	for _, t := range targets {
		a = append(a, seq{spelled(t.on), w.ref(t.to)})
	}
	return a
}
