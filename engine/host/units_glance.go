package host

import (
	"context"
	"sync"
)

// lister is a service manager that can tell of many units at once which of them are at rest. Of one that
// cannot, each unit is read by itself.
type lister interface {
	// Resting returns those of the units that are inactive without a job, and are loaded, masked or not
	// found, as brief states by their names. A name that does not stand for itself, such as an alias or a
	// template, is left out.
	Resting(ctx context.Context, names []string) (map[string]UnitState, error)
	// Defined completes a brief state by Fragment, DropIns and NeedReload.
	Defined(ctx context.Context, st UnitState) (UnitState, error)
}

// filer is a service manager that has its own word for the state of a unit file.
type filer interface {
	FileState(ctx context.Context, name string) (string, error)
}

// glances are what a pass has seen of its units.
type glances struct {
	names []string
	once  sync.Once
	found map[string]UnitState
}

// Glance returns as much of a unit's state as tells whether anything of it runs. In a pass (View.Pass) it
// is Brief for a unit at rest, which costs the service manager next to nothing; otherwise it is as State has it.
func (u Units) Glance(ctx context.Context, name string) (UnitState, error) {
	if u.glances == nil {
		return u.State(ctx, name)
	}
	s, err := u.m.connect(ctx)
	if err != nil {
		return UnitState{}, err
	}
	many, ok := s.(lister)
	if !ok {
		return u.State(ctx, name)
	}
	st, ok := u.glances.of(ctx, many, name)
	if !ok {
		return u.State(ctx, name)
	}
	if st.Fresh {
		return st, nil
	}
	st, err = many.Defined(ctx, st)
	return st, reading(name, err)
}

// of looks at all units when the first is asked for. If they cannot be listed each is read by itself, and
// tells its own error.
func (g *glances) of(ctx context.Context, many lister, name string) (UnitState, bool) {
	g.once.Do(func() {
		found, err := many.Resting(ctx, g.names)
		if err == nil {
			g.found = found
		}
	})
	st, ok := g.found[name]
	return st, ok
}

// FileState returns what systemd itself says of a unit's file, in the words of "systemctl is-enabled". It
// looks at all unit files for that, and says what unitfile.State says, but for what only some versions know.
// Of a service manager that has no word of its own ok is false.
func (u Units) FileState(ctx context.Context, name string) (state string, ok bool, err error) {
	s, err := u.m.connect(ctx)
	if err != nil {
		return "", false, err
	}
	says, ok := s.(filer)
	if !ok {
		return "", false, nil
	}
	state, err = says.FileState(ctx, name)
	return state, true, reading(name, err)
}
