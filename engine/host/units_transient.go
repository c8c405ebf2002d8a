package host

import (
	"context"
	"errors"
	"strings"
	"time"
)

// TransientService is a service that systemd is handed without a file, and forgets when it has ended.
type TransientService struct {
	// Name is the unit's, with .service.
	Name        string
	Description string
	// Argv is the command; its first word is the absolute path of a program.
	Argv []string
}

// transients is a service manager that can be handed units without files.
type transients interface {
	// StartTimer starts a timer, of the service's name with .timer, which starts the service after a time. Both are there
	// then, or neither is.
	StartTimer(ctx context.Context, s TransientService, after time.Duration) error
	// RunOnce starts a service and waits for its end, of which any but a good one is a *JobError.
	RunOnce(ctx context.Context, s TransientService) error
}

// TimerName is the name of the timer of a transient service.
func (s TransientService) TimerName() string {
	return strings.TrimSuffix(s.Name, ".service") + ".timer"
}

// StartTransientTimer has systemd start a service after a time, whatever becomes of this process. Stopping
// s.TimerName() before calls it off. The service is started again when it fails.
func (m *UnitManager) StartTransientTimer(ctx context.Context, s TransientService, after time.Duration) error {
	return m.transient(ctx, "start-transient", s.TimerName(), func(t transients) error { return t.StartTimer(ctx, s, after) })
}

// RunTransient has systemd run a service, and waits for its end. One that fails is a *JobError.
func (m *UnitManager) RunTransient(ctx context.Context, s TransientService) error {
	return m.transient(ctx, "run-transient", s.Name, func(t transients) error { return t.RunOnce(ctx, s) })
}

// transient tells the manager, as Do does.
func (m *UnitManager) transient(ctx context.Context, verb UnitVerb, name string, tell func(transients) error) error {
	s, err := m.connect(ctx)
	if err != nil {
		return err
	}
	t, ok := s.(transients)
	if !ok {
		return &JobError{Verb: verb, Unit: name, Result: "refused", Err: errors.New("this service manager takes no units without files")}
	}
	start, told := time.Now(), false
	err = m.gate.do("dbus", m.told(verb, name), func() error {
		told = true
		return tell(t)
	})
	if !told {
		return &JobError{Verb: verb, Unit: name, Result: "refused", Err: err}
	}
	if m.ran != nil {
		m.ran(m.call(verb, name, time.Since(start), err))
	}
	return err
}
