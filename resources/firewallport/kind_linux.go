package firewallport

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/ruleset"
)

// changeLimit is how long all changes of a run may take: firewalld and ufw take one rule at a time.
const changeLimit = 15 * time.Minute

// Kind returns the kind firewall_port.
func Kind() *engine.Kind {
	return engine.NewKind("firewall_port", resource{}, engine.Passive(), engine.Timeout(changeLimit))
}

type resource struct{}

// Clashes finds blocks whose ports overlap.
func (resource) Clashes(all []*Spec) []engine.Clash { return clashes(all) }

// Read reports which of the rules that the block asks for are there, and nil where none is.
func (resource) Read(ctx context.Context, v host.View, spec *Spec) (*Spec, error) {
	have := &Spec{
		Port: spec.Port, Ports: spec.Ports, Protocol: spec.Protocol, Family: spec.Family, Sources: spec.Sources,
		Interfaces: spec.Interfaces, Rate: spec.Rate, Comment: spec.Comment,
		Found: true, Running: map[string]string{}, Persistent: map[string]string{},
	}
	own, err := active(ctx, v, spec.Backend)
	if err != nil {
		return nil, err
	}
	for _, o := range withLeftovers(own) {
		if err := have.look(ctx, v, o, o == own, spec); err != nil {
			return nil, err
		}
	}
	if len(have.Running)+len(have.Persistent) == 0 {
		return nil, nil
	}
	return have, nil
}

// look adds what one owner has. Of one that is not active only what it has counts, since nothing is wanted of it.
func (s *Spec) look(ctx context.Context, v host.View, o owner.Owner, active bool, spec *Spec) error {
	st, err := stateOf(ctx, v, o)
	if err != nil {
		if _, missing := errors.AsType[*ruleset.MissingError](err); missing && !active {
			return nil
		}
		return err
	}
	rule, err := spec.rule()
	if err != nil {
		return err
	}
	lines, err := o.Lines(ctx, v, rule)
	if err != nil {
		if active && !spec.Gone && !spec.Found {
			return err
		}
		lines = nil // what an owner cannot say it does not have
	}
	keys := map[string]bool{}
	for _, l := range lines {
		keys[l.Key] = true
	}
	for _, m := range []map[string]string{spec.Running, spec.Persistent} {
		for key := range m {
			if name, key, _ := strings.Cut(key, " "); name == o.Name() {
				keys[key] = true
			}
		}
	}
	theirs, err := spec.theirs(ctx, v)
	if err != nil {
		return err
	}
	for key := range keys {
		if theirs[o.Name()+" "+key] {
			continue
		}
		if l, ok := st.Running[key]; ok {
			s.Running[o.Name()+" "+key] = l.Text
		}
		if l, ok := st.Persistent[key]; ok {
			s.Persistent[o.Name()+" "+key] = l.Text
		}
	}
	if active {
		s.wanted = textsOf(o, lines)
		s.offline = v.Offline
		s.damage = [2]string{st.RunningDamage, st.PersistentDamage}
	}
	return nil
}

// textsOf are lines as each state of an owner keeps them.
func textsOf(o owner.Owner, lines []owner.Line) texts {
	out := texts{make(map[string]string, len(lines)), make(map[string]string, len(lines))}
	for _, l := range lines {
		at := o.Name() + " " + l.Key
		out.running[at], out.persistent[at] = owner.Running(o, l).Text, l.Text
	}
	return out
}

// stateKey is under which one pass of reading remembers an owner's state.
type stateKey string

type readState struct {
	*owner.State
	err error
}

// stateOf reads all lines of an owner, once in a pass.
func stateOf(ctx context.Context, v host.View, o owner.Owner) (*owner.State, error) {
	got := host.Once(v.Files, stateKey(o.Name()), func() readState {
		st, err := o.Read(ctx, v)
		return readState{st, err}
	})
	return got.State, got.err
}
