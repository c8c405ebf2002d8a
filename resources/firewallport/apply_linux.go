package firewallport

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/nft"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/ruleset"
)

// Apply makes one change. Runs make all at once.
func (r resource) Apply(ctx context.Context, h *host.Host, have, want *Spec) error {
	return r.ApplyAll(ctx, h, []engine.Step[Spec]{{Have: have, Want: want}})[0]
}

// ApplyAll makes all changes of a run at once: of each owner one change of what runs and, when nothing speaks against
// it, one of what persists.
func (resource) ApplyAll(ctx context.Context, h *host.Host, steps []engine.Step[Spec]) []error {
	err := apply(ctx, h, steps)
	errs := make([]error, len(steps))
	for i := range errs {
		errs[i] = err
	}
	return errs
}

func apply(ctx context.Context, h *host.Host, steps []engine.Step[Spec]) error {
	all, strict := deltas{}, false
	for _, s := range steps {
		strict = strict || s.Want != nil && s.Want.Strict
		want, err := wantedBy(ctx, h.View(), s.Want)
		if err != nil {
			return err
		}
		have := s.Have.found()
		all.add(have.running, want.running, func(d *both) delta { return d.running })
		all.add(have.persistent, want.persistent, func(d *both) delta { return d.persistent })
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		o, err := Owner(name)
		if err != nil {
			return err
		}
		if err := change(ctx, h, o, all[name], strict); err != nil {
			return err
		}
	}
	return nil
}

// found are the rules of a block as it was found; there are none of nil.
func (s *Spec) found() texts {
	if s == nil {
		return texts{}
	}
	return texts{s.Running, s.Persistent}
}

// wantedBy are the rules that a block asks for now: as they were, where an undo wants them back.
func wantedBy(ctx context.Context, v host.View, want *Spec) (texts, error) {
	switch {
	case want == nil:
		return texts{}, nil
	case want.Found:
		return want.found(), nil
	}
	own, err := active(ctx, v, want.Backend)
	if err != nil {
		return texts{}, err
	}
	rule, err := want.rule()
	if err != nil {
		return texts{}, err
	}
	lines, err := own.Lines(ctx, v, rule)
	if err != nil {
		return texts{}, err
	}
	return textsOf(own, lines), nil
}

// delta is what one state of one owner is to be like in the end, by what rules match.
type delta map[string]end

// end is a rule that is to be there, or to be gone.
type end struct {
	text string
	gone bool
}

// both are the two states of an owner.
type both struct{ running, persistent delta }

// deltas are those of all owners.
type deltas map[string]*both

// add adds one step. What one takes away and another wants is there in the end.
func (d deltas) add(have, want map[string]string, of func(*both) delta) {
	for at := range union(have, want) {
		name, key, _ := strings.Cut(at, " ")
		if d[name] == nil {
			d[name] = &both{delta{}, delta{}}
		}
		one := of(d[name])
		if text, wanted := want[at]; wanted {
			one[key] = end{text, false}
		} else if other, known := one[key]; !known || other.gone {
			one[key] = end{have[at], true}
		}
	}
}

// lines are what goes and what comes, in the order of their keys, so that a run that is repeated does the same.
func (d delta) lines() (out, in []owner.Line) {
	for _, key := range slices.Sorted(maps.Keys(d)) {
		if l := (owner.Line{Key: key, Text: d[key].text}); d[key].gone {
			out = append(out, l)
		} else {
			in = append(in, l)
		}
	}
	return out, in
}

// Check finds why a change cannot be made.
func (resource) Check(ctx context.Context, v host.View, _, want *Spec) error {
	if want == nil || want.Found {
		return nil
	}
	own, err := active(ctx, v, want.Backend)
	if err != nil {
		return err
	}
	if o, ok := own.(nft.Owner); ok {
		err = o.Persists(v)
		if !v.Offline {
			_, missing := ruleset.InPass(ctx, v)
			err = errors.Join(err, missing)
		}
	}
	return errors.Join(err, knownInterfaces(ctx, v, want.Interfaces))
}
