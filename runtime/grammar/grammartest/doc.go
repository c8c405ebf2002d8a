// Package grammartest says what texts a grammar in GBNF stands for, and writes some: for tests of what makes grammars and
// of what keeps to them.
package grammartest

import "github.com/agent0-converge/agent0-converge/runtime/grammar/internal/gbnf"

// Grammar is a grammar that was read.
type Grammar struct {
	g    *gbnf.Grammar
	cost []int // of the shortest text of each rule, in code points and rules
}

// Parse reads a grammar that llama.cpp could use.
func Parse(text string) (*Grammar, error) {
	g, err := gbnf.Parse(text, gbnf.Limits{Bytes: 4 << 20, Rules: 1 << 16, Elements: 1 << 21, Groups: 200})
	if err != nil {
		return nil, err
	}
	if err := gbnf.Analyse(g, 1<<14); err != nil {
		return nil, err
	}
	out := &Grammar{g: g}
	out.measure()
	return out, nil
}

// Match reports whether a text is one of the grammar's. Its error says that too much was open at once to tell.
func (g *Grammar) Match(text string) (bool, error) {
	stacks, err := g.after(text)
	return gbnf.Done(stacks), err
}

// Prefix reports whether a text is the beginning of one of the grammar's: where it may still go wrong later, it is.
func (g *Grammar) Prefix(text string) (bool, error) {
	stacks, err := g.after(text)
	return len(stacks) > 0, err
}

// Open is how many alternatives are open after a text.
func (g *Grammar) Open(text string) (int, error) {
	stacks, err := g.after(text)
	return len(stacks), err
}

// Uses reports whether any text of the grammar might have a character from lo to hi: whether one of its sets has.
func (g *Grammar) Uses(lo, hi rune) bool {
	for _, set := range g.g.Sets {
		for _, r := range set {
			if r.Lo <= hi && lo <= r.Hi {
				return true
			}
		}
	}
	return false
}

func (g *Grammar) after(text string) ([]*gbnf.Stack, error) {
	m := gbnf.NewMachine(g.g, 1<<14, 1<<20, 1<<26)
	stacks, err := m.Start()
	for _, c := range text {
		if err != nil || len(stacks) == 0 {
			return nil, err
		}
		stacks, err = m.Next(stacks, c)
	}
	return stacks, err
}
