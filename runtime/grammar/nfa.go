package grammar

// maxNFA bounds the states of a pattern before it is deterministic.
const maxNFA = 4096

// nfa is an automaton in Thompson's way: a state has one edge for characters, or up to two without.
type nfa struct {
	states []nfaState
	accept int
	// sink is a state from which everything is accepted, -1 where there is none.
	sink int
}

type nfaState struct {
	on    class // nil: free is taken without a character
	to    int
	frees []int
}

// tooBig is what an automaton that passes its bounds panics with.
type tooBig struct{}

func (n *nfa) state() int {
	if len(n.states) >= maxNFA {
		panic(tooBig{})
	}
	n.states = append(n.states, nfaState{})
	return len(n.states) - 1
}

func (n *nfa) free(from, to int) { n.states[from].frees = append(n.states[from].frees, to) }

// automaton makes an nfa of a pattern; state 0 is its start. Where a branch is not anchored, anything may come before or
// after it.
func (re *regex) automaton() *nfa {
	n := &nfa{sink: -1}
	start := n.state()
	n.accept = n.state()
	for _, b := range re.branches {
		from := n.state()
		n.free(start, from)
		if !b.start {
			loop, out := n.state(), n.state()
			n.free(from, loop)
			n.free(loop, out)
			again := n.state()
			n.free(loop, again)
			n.states[again].on, n.states[again].to = anyRune, loop
			from = out
		}
		end := n.build(b.e, from)
		if b.end {
			n.free(end, n.accept)
			continue
		}
		if n.sink < 0 {
			n.sink = n.state()
			n.states[n.sink].on, n.states[n.sink].to = anyRune, n.sink
		}
		n.free(end, n.sink)
	}
	return n
}

// build adds e after the state from, and returns the state after it.
func (n *nfa) build(e expr, from int) int {
	switch e := e.(type) {
	case class:
		to := n.state()
		mid := n.state()
		n.free(from, mid)
		n.states[mid].on, n.states[mid].to = e, to
		return to
	case seq:
		for _, x := range e {
			from = n.build(x, from)
		}
		return from
	case alt:
		end := n.state()
		for _, x := range e {
			begin := n.state()
			n.free(from, begin)
			n.free(n.build(x, begin), end)
		}
		return end
	case rep:
		for range e.least {
			from = n.build(e.e, from)
		}
		if e.most < 0 {
			loop, out := n.state(), n.state()
			n.free(from, loop)
			n.free(n.build(e.e, loop), loop)
			n.free(loop, out)
			return out
		}
		end := n.state()
		for range e.most - e.least {
			n.free(from, end)
			from = n.build(e.e, from)
		}
		n.free(from, end)
		return end
	}
	panic(tooBig{}) // a pattern has nothing else
}
