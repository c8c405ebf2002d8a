package grammartest

import (
	"errors"
	"math/rand/v2"
	"strings"

	"github.com/agent0-converge/agent0-converge/runtime/grammar/internal/gbnf"
)

const endless = 1 << 30

// measure works out the shortest text of each rule: it is what an end is found by.
func (g *Grammar) measure() {
	g.cost = make([]int, len(g.g.Rules))
	for i := range g.cost {
		g.cost[i] = endless
	}
	for changed := true; changed; {
		changed = false
		for i := range g.cost {
			for _, a := range g.alternatives(i) {
				if c := g.alternativeCost(a) + 1; c < g.cost[i] {
					g.cost[i], changed = c, true
				}
			}
		}
	}
}

// alternatives are where the alternatives of a rule begin.
func (g *Grammar) alternatives(rule int) []int {
	out := []int{g.g.Rules[rule].Start}
	for i := out[0]; g.g.Elems[i].Op != gbnf.End; i++ {
		if g.g.Elems[i].Op == gbnf.Alt {
			out = append(out, i+1)
		}
	}
	return out
}

func (g *Grammar) alternativeCost(at int) int {
	sum := 0
	for ; g.g.Elems[at].Op > gbnf.Alt; at++ {
		e := g.g.Elems[at]
		switch {
		case e.Op == gbnf.Ref:
			sum += g.cost[e.Arg]
		case len(g.g.Sets[e.Arg]) == 0:
			sum += endless
		default:
			sum++
		}
		sum = min(sum, endless)
	}
	return sum
}

// ErrEndless says that a grammar has no text of a finite length.
var ErrEndless = errors.New("the grammar has no finite text")

// Generate writes one text of the grammar. It takes any way until there are about length code points, and from then on
// the shortest.
func (g *Grammar) Generate(r *rand.Rand, length int) (string, error) {
	if g.cost[g.g.Root] >= endless {
		return "", ErrEndless
	}
	var out strings.Builder
	n, steps := 0, 0
	todo := []int{g.choose(g.g.Root, r, false)} // positions to go on from, the next one last
	for len(todo) > 0 {
		at := todo[len(todo)-1]
		e := g.g.Elems[at]
		if e.Op <= gbnf.Alt {
			todo = todo[:len(todo)-1]
			continue
		}
		todo[len(todo)-1]++
		if e.Op == gbnf.Ref {
			steps++
			todo = append(todo, g.choose(int(e.Arg), r, n >= length || steps > 50*(length+10)))
			continue
		}
		n++
		out.WriteRune(pick(g.g.Sets[e.Arg], r))
	}
	return out.String(), nil
}

// choose takes an alternative of a rule that has a finite text: the shortest, or any.
func (g *Grammar) choose(rule int, r *rand.Rand, shortest bool) int {
	var finite []int
	best := endless
	for _, a := range g.alternatives(rule) {
		c := g.alternativeCost(a)
		if c >= endless || shortest && c > best {
			continue
		}
		if shortest && c < best {
			finite = finite[:0]
		}
		best = min(best, c)
		finite = append(finite, a)
	}
	return finite[r.IntN(len(finite))]
}

// pick takes a character of a set: mostly one that is easy to read, often one at a range's end.
func pick(set []gbnf.Range, r *rand.Rand) rune {
	x := set[r.IntN(len(set))]
	if r.IntN(3) > 0 {
		x = set[0]
		if r.IntN(2) == 0 {
			if c := rune(' ' + r.IntN(95)); gbnf.Has(set, c) {
				return c
			}
		}
	}
	hi := min(x.Hi, 0x10ffff)
	switch r.IntN(4) {
	case 0:
		return x.Lo
	case 1:
		return hi
	}
	return x.Lo + rune(r.IntN(int(hi-x.Lo)+1))
}
