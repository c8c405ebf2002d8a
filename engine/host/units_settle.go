package host

import (
	"context"
	"time"
)

// settler is a service manager that can tell, of a start whose job is done, whether the unit stays up.
// One that cannot is taken at its state.
type settler interface {
	Settle(ctx context.Context, verb UnitVerb, name string, told time.Time) (UnitState, error)
}

// Start starts a unit, or starts it anew, and then looks whether it stays up: to systemd a service
// counts as started before its program is, unless its Type says otherwise. It returns the state in which
// the unit then is. What goes wrong is a *JobError.
func (m *UnitManager) Start(ctx context.Context, verb UnitVerb, name string) (UnitState, error) {
	told := time.Now()
	if err := m.Do(ctx, verb, name); err != nil {
		return UnitState{}, err
	}
	s, err := m.connect(ctx)
	if err != nil {
		return UnitState{}, err
	}
	if watches, ok := s.(settler); ok {
		return watches.Settle(ctx, verb, name, told)
	}
	st, err := s.Unit(ctx, name)
	if err != nil || !st.Failing() {
		return st, err
	}
	return st, &JobError{Verb: verb, Unit: name, Result: "failed", State: st}
}

// Failing reports whether the unit ended badly, be it that it is about to be started again.
func (st UnitState) Failing() bool {
	return st.Active == "failed" || st.Sub == "auto-restart" && st.Result != "success"
}
