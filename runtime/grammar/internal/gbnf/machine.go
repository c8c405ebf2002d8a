package gbnf

import (
	"errors"
	"slices"
)

// Stack is what a text has still to be: a position on top of those to return to. Equal ones of one Machine are the same
// pointer, nil is the end of a text.
type Stack struct {
	pos  int
	next *Stack
}

type stackKey struct {
	pos  int
	next *Stack
}

// Errors of a Machine.
var (
	// ErrTooMany says that after a character more stacks would be open, or be looked at, than may be.
	ErrTooMany = errors.New("too many alternatives are open at once")
	// ErrWork says that all the work that was allowed is done.
	ErrWork = errors.New("too much work")
)

// Machine walks a grammar that Analyse let pass, in the way of llama.cpp's sampler: it keeps all that can be under way.
type Machine struct {
	g *Grammar
	// Work counts down steps of one stack.
	Work int

	maxStacks, maxSteps int // after one character

	nodes map[stackKey]*Stack
}

// NewMachine makes a machine that has at most maxStacks open at once, takes at most maxSteps from one character to the
// next, and work in all.
func NewMachine(g *Grammar, maxStacks, maxSteps, work int) *Machine {
	return &Machine{g: g, maxStacks: maxStacks, maxSteps: maxSteps, Work: work, nodes: map[stackKey]*Stack{}}
}

func (m *Machine) push(pos int, next *Stack) *Stack {
	k := stackKey{pos, next}
	s := m.nodes[k]
	if s == nil {
		s = &Stack{pos, next}
		m.nodes[k] = s
	}
	return s
}

// Start returns what is open before the first character.
func (m *Machine) Start() ([]*Stack, error) {
	out := &open{m: m}
	err := out.enter(m.g.Root, nil)
	return out.stacks, err
}

// Next returns what is open after a character; none says that it cannot be.
func (m *Machine) Next(stacks []*Stack, c rune) ([]*Stack, error) {
	out := &open{m: m, stacks: make([]*Stack, 0, len(stacks))}
	for _, s := range stacks {
		if s == nil || !Has(m.Set(s), c) {
			continue
		}
		if err := out.advance(s.pos+1, s.next); err != nil {
			return nil, err
		}
	}
	return out.stacks, nil
}

// Set is what the next character of a stack may be. The stack is not nil.
func (m *Machine) Set(s *Stack) []Range { return m.g.Sets[m.g.Elems[s.pos].Arg] }

// Place is where in Grammar.Elems the next character of a stack is. The stack is not nil.
func (s *Stack) Place() int { return s.pos }

// Forget lets go of all stacks: those that were returned are not equal to later ones.
func (m *Machine) Forget() { clear(m.nodes) }

// Done reports whether a text may end here.
func Done(stacks []*Stack) bool {
	for _, s := range stacks {
		if s == nil {
			return true
		}
	}
	return false
}

// open gathers stacks.
type open struct {
	m      *Machine
	stacks []*Stack
	seen   map[*Stack]bool // of stacks, once they are many
	steps  int
}

// enter opens all alternatives of a rule.
func (o *open) enter(rule int, next *Stack) error {
	for pos := o.m.g.Rules[rule].Start; ; pos++ {
		if err := o.advance(pos, next); err != nil {
			return err
		}
		for o.m.g.Elems[pos].Op > Alt {
			pos++
		}
		if o.m.g.Elems[pos].Op == End {
			return nil
		}
	}
}

// advance opens what comes at pos, which may be the end of a rule.
func (o *open) advance(pos int, next *Stack) error {
	if o.steps++; o.steps > o.m.maxSteps {
		return ErrTooMany
	}
	if o.m.Work--; o.m.Work < 0 {
		return ErrWork
	}
	switch e := o.m.g.Elems[pos]; e.Op {
	case End, Alt:
		if next != nil {
			return o.advance(next.pos, next.next)
		}
		return o.keep(nil)
	case Set:
		return o.keep(o.m.push(pos, next))
	default:
		if after := o.m.g.Elems[pos+1].Op; after != End && after != Alt {
			next = o.m.push(pos+1, next)
		}
		return o.enter(int(e.Arg), next)
	}
}

func (o *open) keep(s *Stack) error {
	const few = 16
	if len(o.stacks) < few && slices.Contains(o.stacks, s) || o.seen[s] {
		return nil
	}
	if o.stacks = append(o.stacks, s); len(o.stacks) > o.m.maxStacks {
		return ErrTooMany
	}
	if len(o.stacks) == few {
		o.seen = map[*Stack]bool{}
		for _, s := range o.stacks {
			o.seen[s] = true
		}
	} else if o.seen != nil {
		o.seen[s] = true
	}
	return nil
}
