package crash

import (
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// State is one tree that a power cut may leave.
type State struct {
	// After is the last event before the cut, counted from 1; 0 is before the first.
	After int
	// Lost says what had been done and is not there, or not whole, oldest first.
	Lost []string
	// Reordered is whether a change of names survived an older one, in the first way found to
	// come by this tree.
	Reordered bool

	event string
	tree  *Tree
}

// Tree is what is left.
func (s State) Tree() *Tree { return s.tree }

// String says where the cut was and what it took.
func (s State) String() string {
	lost := "nothing"
	if len(s.Lost) > 0 {
		lost = strings.Join(s.Lost, "; ")
	}
	if s.Reordered {
		lost += " (reordered)"
	}
	return fmt.Sprintf("power cut after %s, lost: %s", s.event, lost)
}

// States yields distinct trees, the same ones for the same seed: first what is left if a cut
// loses all that it can and if it loses nothing, after each event; then all cases in which one
// file fares otherwise than the rest; and then mixtures at random, until there are most of them
// or no new ones are found. If most is 0, there is no limit and no mixture.
func (m *Model) States(seed uint64, most int) iter.Seq[State] {
	return func(yield func(State) bool) {
		seen := map[Digest]bool{}
		fresh := func(c choice) (more, found bool) {
			s, sum := m.state(c)
			if seen[sum] || m.Ordered && s.Reordered {
				return true, false
			}
			seen[sum] = true
			return yield(s) && (most == 0 || len(seen) < most), true
		}
		for _, c := range m.plain(seed) {
			if more, _ := fresh(c); !more {
				return
			}
		}
		if most > 0 {
			m.mixed(seed, fresh)
		}
	}
}

// plain lists the cases without chance; their order is drawn, so that a limit takes from all.
func (m *Model) plain(seed uint64) []choice {
	var ends, rest []choice
	for _, at := range m.points {
		p := m.pending(at)
		ends = append(ends, p.extreme(false), p.extreme(true))
		rest = append(rest, p.systematic()...)
	}
	rng := rand.New(rand.NewPCG(seed, 1))
	rng.Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
	return append(ends, rest...)
}

// mixed draws cases until most of the draws are old ones.
func (m *Model) mixed(seed uint64, fresh func(choice) (more, found bool)) {
	const enough = 2000 // draws in a row without a new tree
	rng := rand.New(rand.NewPCG(seed, 2))
	for old := 0; old < enough; old++ {
		at := m.points[rng.IntN(len(m.points))]
		more, found := fresh(m.pending(at).random(rng))
		if !more {
			return
		}
		if found {
			old = 0
		}
	}
}

// Drawn yields at most so many distinct trees, the same ones for the same seed: at a cut that is
// drawn, all that can be is lost, or nothing, or each file fares as chance has it. It is for a trace
// with so many files pending at once that their cases are too many to list.
func (m *Model) Drawn(seed uint64, most int) iter.Seq[State] {
	return func(yield func(State) bool) {
		const enough = 2000 // draws in a row without a new tree
		seen := map[Digest]bool{}
		rng := rand.New(rand.NewPCG(seed, 3))
		for old := 0; old < enough && len(seen) < most; old++ {
			p := m.pending(m.points[rng.IntN(len(m.points))])
			c := p.random(rng)
			if n := rng.IntN(4); n < 2 {
				c = p.extreme(n == 0)
			}
			s, sum := m.state(c)
			if seen[sum] || m.Ordered && s.Reordered {
				continue
			}
			if seen[sum], old = true, 0; !yield(s) {
				return
			}
		}
	}
}

func (m *Model) state(c choice) (State, Digest) {
	b := m.build(c)
	s := State{After: c.at, event: m.texts[c.at], tree: &Tree{root: b.made[m.root]}}
	if s.tree.root == nil {
		s.tree.root = m.root.base // nothing happened at all
	}
	for _, seq := range slices.Sorted(maps.Keys(b.lost)) {
		s.Lost = append(s.Lost, b.lost[seq]...)
	}
	s.Reordered = b.reordered(m.pending(c.at).order)
	return s, s.tree.Digest()
}

// reordered is whether a change is there while an older one is lost.
func (b *builder) reordered(order []*entryOp) bool {
	lost := 0 // the event of the oldest loss
	for _, o := range order {
		switch applied := b.applied(o); {
		case !applied && lost == 0:
			lost = o.seq
		case applied && lost != 0 && o.seq > lost:
			return true
		}
	}
	return false
}

// Final is the tree at the end of the trace, with nothing lost.
func (m *Model) Final() *Tree {
	s, _ := m.state(m.pending(m.points[len(m.points)-1]).extreme(true))
	return s.tree
}

// Explain compares the trace's outcome with the tree that is really there after the run. An
// error means that the trace missed something, and that the model's states prove nothing.
func (m *Model) Explain(after *Tree) error {
	if lines := m.Final().Diff(after); len(lines) > 0 {
		return fmt.Errorf("cannot explain the tree by the trace: %s", strings.Join(lines, "; "))
	}
	return nil
}
