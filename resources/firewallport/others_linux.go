package firewallport

import (
	"context"
	"maps"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
)

// othersKey is under which one pass of reading remembers the rules of other blocks.
type othersKey struct{ others *engine.Others[Spec] }

type readOthers struct {
	rules map[string]bool
	err   error
}

// theirs are the rules of other blocks, by owner and what they match. A block whose sources change is another one than
// before: what both have in common is a rule of the old one, that goes, and of the new one, that comes. So the new one
// finds nothing, and leaves nothing behind on the day on which it is dropped.
func (s *Spec) theirs(ctx context.Context, v host.View) (map[string]bool, error) {
	if s.others == nil {
		return nil, nil
	}
	got := host.Once(v.Files, othersKey{s.others}, func() readOthers {
		out := map[string]bool{}
		for _, other := range s.others.Specs {
			t, err := wantedBy(ctx, v, other)
			if err != nil {
				return readOthers{nil, err}
			}
			for at := range maps.Keys(t.persistent) {
				out[at] = true
			}
		}
		return readOthers{out, nil}
	})
	return got.rules, got.err
}
