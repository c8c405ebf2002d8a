package grammar

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/agent0-converge/agent0-converge/runtime/grammar/internal/gbnf"
)

// Check refuses, with a *SyntaxError, a grammar that llama.cpp would not read, and one that would hang it, exhaust it or
// end its process: left recursion, repetitions of what may be empty, repetitions that multiply, and too many
// alternatives at once. The last cannot be known for all texts: seeded walks go where alternatives grow, so a grammar may
// pass that explodes on a text that none came by.
func Check(text string, o Limits) error {
	o = o.withDefaults()
	return check(text, o.Bytes, o)
}

func check(text string, bytes int, o Limits) error {
	g, err := gbnf.Parse(text, gbnf.Limits{Bytes: bytes, Rules: o.Rules, Elements: o.Elements, Groups: o.Depth})
	if err != nil {
		return err
	}
	if err := gbnf.Analyse(g, o.Stacks); err != nil {
		return err
	}
	return probe(g, o)
}

// How a grammar is probed.
const (
	probeWalks  = 24
	probeLength = 160
	probeTries  = 6  // characters that are compared at each step
	probeSteps  = 32 // for each alternative that may be open
	probeCalm   = 16 // alternatives that are nothing to worry about
	probeIdle   = 4  // walks in a row that came by nothing new, after which it is enough where all was calm
)

// prober walks through a grammar in search of texts after which many alternatives are open.
type prober struct {
	*rand.Rand
	m       *gbnf.Machine
	visited map[int]int // how often a place in the grammar was left
	most    int         // how many alternatives were open
}

func probe(g *gbnf.Grammar, o Limits) error {
	p := &prober{Rand: rand.New(rand.NewPCG(1, 2)), m: gbnf.NewMachine(g, o.Stacks, probeSteps*o.Stacks, o.Work/4), visited: map[int]int{}}
	for i, idle := 0, 0; i < probeWalks && (idle < probeIdle || p.most > probeCalm); i++ {
		p.m.Forget()
		known := len(p.visited)
		last, err := p.walk(i%2 == 0)
		if idle++; len(p.visited) > known {
			idle = 0
		}
		switch {
		case errors.Is(err, gbnf.ErrTooMany):
			return &SyntaxError{Line: 1, Column: 1, Reason: fmt.Sprintf("more than %d alternatives are open at once after %q", o.Stacks, last)}
		case err != nil:
			return nil // as far as the work allows, nothing was found
		}
	}
	return nil
}

// walk takes one way, and returns the text so far: to where most is open, or to where it has not been.
func (p *prober) walk(most bool) (text string, err error) {
	stacks, err := p.m.Start()
	for i := 0; err == nil && i < probeLength; i++ {
		var next []*gbnf.Stack
		var char rune
		best, from := -1<<30, 0
		var tried []rune
		for range probeTries {
			s := stacks[p.IntN(len(stacks))]
			if s == nil || len(p.m.Set(s)) == 0 {
				continue
			}
			set := p.m.Set(s)
			c := set[p.IntN(len(set))].Lo
			if slices.Contains(tried, c) {
				continue
			}
			tried = append(tried, c)
			open, err := p.m.Next(stacks, c)
			if err != nil {
				return text + string(c), err
			}
			p.most = max(p.most, len(open))
			score := len(open)
			if !most {
				score = -p.visited[s.Place()]
			}
			if score > best && len(open) > 0 {
				best, next, char, from = score, open, c, s.Place()
			}
		}
		if len(next) == 0 {
			return text, nil
		}
		p.visited[from]++
		stacks = next
		text += string(char)
	}
	return text, err
}
