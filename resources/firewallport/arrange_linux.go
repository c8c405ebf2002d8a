package firewallport

import (
	"context"
	"maps"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
)

// Arrange tells apart what belongs to which block where rules pass from one to another: a block whose sources change is
// another one than before, and the sources that both have are a rule of the old one that goes and of the new one that
// comes. So the new one finds nothing, and leaves nothing behind on the day on which it is dropped.
func (resource) Arrange(ctx context.Context, v host.View, steps []engine.Step[Spec], stay []*Spec) error {
	wants := make([]texts, len(steps))
	for i, s := range steps {
		var err error
		if wants[i], err = wantedBy(ctx, v, s.Want); err != nil {
			return err
		}
	}
	later, err := wantedByAll(ctx, v, steps, wants, stay)
	if err != nil {
		return err
	}
	for i := len(steps) - 1; i >= 0; i-- {
		concede(steps[i], wants[i], later)
		maps.Copy(later, wants[i].running)
		maps.Copy(later, wants[i].persistent)
	}
	var running, persistent = map[string]bool{}, map[string]bool{}
	for i := range steps {
		have := steps[i].Have.found()
		left := texts{without(have.running, wants[i].running, running), without(have.persistent, wants[i].persistent, persistent)}
		if steps[i].Have == nil || len(left.running) == len(have.running) && len(left.persistent) == len(have.persistent) {
			continue
		}
		if len(left.running)+len(left.persistent) == 0 {
			steps[i].Have = nil
			continue
		}
		other := *steps[i].Have
		other.Running, other.Persistent = left.running, left.persistent
		steps[i].Have = &other
	}
	return nil
}

// wantedByAll are the rules of those that stay, where any step takes something away.
func wantedByAll(ctx context.Context, v host.View, steps []engine.Step[Spec], wants []texts, stay []*Spec) (map[string]string, error) {
	out := map[string]string{}
	takes := false
	for i, s := range steps {
		have := s.Have.found()
		takes = takes || goes(have.running, wants[i].running) || goes(have.persistent, wants[i].persistent)
	}
	if !takes {
		return out, nil
	}
	for _, s := range stay {
		t, err := wantedBy(ctx, v, s)
		if err != nil {
			return nil, err
		}
		maps.Copy(out, t.running)
		maps.Copy(out, t.persistent)
	}
	return out, nil
}

func goes(have, want map[string]string) bool {
	for at := range have {
		if _, wanted := want[at]; !wanted {
			return true
		}
	}
	return false
}

// concede notes what a step takes away and others want.
func concede(s engine.Step[Spec], want texts, later map[string]string) {
	for _, pair := range [][2]map[string]string{{s.Have.found().running, want.running}, {s.Have.found().persistent, want.persistent}} {
		for at := range pair[0] {
			if _, wanted := pair[1][at]; wanted {
				continue
			}
			if _, others := later[at]; others {
				if s.Spec.conceded == nil {
					s.Spec.conceded = map[string]bool{}
				}
				s.Spec.conceded[at] = true
			}
		}
	}
}

// without is what a step finds of have once those before it took away what is gone, to which it adds what it takes away.
func without(have, want map[string]string, gone map[string]bool) map[string]string {
	left := make(map[string]string, len(have))
	for at, text := range have {
		if !gone[at] {
			left[at] = text
		}
	}
	for at := range have {
		if _, wanted := want[at]; !wanted {
			gone[at] = true
		}
	}
	return left
}
