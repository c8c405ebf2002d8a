package hosttest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// transient is a service without a file, which its timer waits to start.
type transient struct {
	service host.TransientService
	after   time.Duration
}

// StartTimer makes a timer without a file that waits, until it is stopped or Elapse lets its time pass.
func (s *Systemd) StartTimer(_ context.Context, t host.TransientService, after time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := t.TimerName()
	if u := s.units[name]; u != nil && u.running() {
		return &host.JobError{Verb: "start-transient", Unit: name, Result: "refused", Err: fmt.Errorf("Unit %s already exists.", name)}
	}
	u := newUnit(name)
	u.load, u.active, u.sub, u.invocation, u.activeEnter = "loaded", "active", "waiting", s.invocation(), s.now()
	u.transient = &transient{t, after}
	s.units[name] = u
	return nil
}

// RunOnce runs a service without a file to its end.
func (s *Systemd) RunOnce(_ context.Context, t host.TransientService) error {
	if err := s.play(t.Argv); err != nil {
		return &host.JobError{Verb: "run-transient", Unit: t.Name, Result: "failed", Err: err}
	}
	return nil
}

// Waiting returns the services that timers without files wait to start, with the time that each was given.
func (s *Systemd) Waiting() map[string]time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]time.Duration{}
	for _, u := range s.units {
		if u.transient != nil && u.running() {
			out[u.transient.service.Name] = u.transient.after
		}
	}
	return out
}

// Elapse lets the time pass that the timer of a service without a file waits for: the timer goes, and the service runs
// to its end, of which it returns the error.
func (s *Systemd) Elapse(service string) error {
	s.mu.Lock()
	u := s.units[host.TransientService{Name: service}.TimerName()]
	waits := u != nil && u.transient != nil && u.running()
	if waits {
		delete(s.units, u.name)
	}
	s.mu.Unlock()
	if !waits {
		return fmt.Errorf("cannot let the time of %s pass: no timer waits for it", service)
	}
	return s.play(u.transient.service.Argv)
}

// play runs the command of a service without a file, outside of the lock: it may talk to the manager itself.
func (s *Systemd) play(argv []string) error {
	if s.config.Command == nil {
		return errors.New("this machine plays no commands of services without a file: set SystemdConfig.Command")
	}
	return s.config.Command(argv)
}
