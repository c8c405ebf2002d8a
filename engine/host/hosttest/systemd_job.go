package hosttest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// Do tells the manager and waits until its job has ended, or ctx.
func (s *Systemd) Do(ctx context.Context, verb host.UnitVerb, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch verb {
	case host.DaemonReload:
		s.reread()
		return nil
	case host.ResetFailed:
		if u := s.units[s.primary(name)]; u != nil {
			s.reset(u)
		}
		return nil
	}
	u, err := s.loaded(name)
	if err != nil {
		return &host.JobError{Verb: verb, Unit: name, Result: "refused", Err: err}
	}
	if err := s.refuse(verb, u); err != nil {
		return s.failure(verb, name, "refused", err)
	}
	result := s.do(verb, u)
	if result == "" {
		result = s.wait(ctx, u)
	}
	if result == "done" || result == "skipped" {
		return nil
	}
	return s.failure(verb, name, result, nil)
}

// wait waits for the end of a job that does not end by itself, without keeping the manager.
func (s *Systemd) wait(ctx context.Context, u *unit) string {
	job := u.job
	s.mu.Unlock()
	defer s.mu.Lock()
	select {
	case <-job.ended:
		return job.result
	case <-ctx.Done():
		return "still activating after the time that the test gave it"
	}
}

// refuse says why the manager makes no job, in systemd's words.
func (s *Systemd) refuse(verb host.UnitVerb, u *unit) error {
	if verb == host.StopUnit {
		if u.active == "inactive" && u.load != "loaded" && u.load != "masked" {
			return fmt.Errorf("Unit %s not loaded.", u.name)
		}
		return s.own(u)
	}
	if u.load != "loaded" {
		return errors.New(u.loadError)
	}
	if verb == host.ReloadUnit {
		if !u.canReload() {
			return fmt.Errorf("Job type reload is not applicable for unit %s.", u.name)
		}
		return nil
	}
	if yes(u.value("Unit", "RefuseManualStart")) {
		return fmt.Errorf("Operation refused, unit %s may be requested by dependency only (it is configured to refuse manual start/stop).", u.name)
	}
	if verb == host.RestartUnit && u.active != "inactive" {
		if err := s.own(u); err != nil {
			return err
		}
	}
	return s.required(u, map[string]bool{})
}

// own fails the test if the process under test is about to end itself.
func (s *Systemd) own(u *unit) error {
	if u.name != s.config.Self {
		return nil
	}
	s.t.Errorf("%s was stopped: the process under test runs in it and would have ended here", u.name)
	return ErrStopped
}

// required finds, in all that a start of u would start, what cannot be loaded.
func (s *Systemd) required(u *unit, seen map[string]bool) error {
	seen[u.name] = true
	for _, name := range slices.Concat(u.names("Requires"), u.names("BindsTo"), u.names("Requisite"), u.requires) {
		other, err := s.loaded(name)
		if err != nil {
			return err
		}
		if other.load != "loaded" {
			return errors.New(other.loadError)
		}
		if !seen[other.name] {
			if err := s.required(other, seen); err != nil {
				return err
			}
		}
	}
	return nil
}

// do carries out a job, with those that it brings with it. It returns how the job ended, "" for not yet.
func (s *Systemd) do(verb host.UnitVerb, u *unit) string {
	switch verb {
	case host.StartUnit:
		return s.start(u, map[string]bool{})
	case host.StopUnit:
		s.stop(u)
		return "done"
	case host.RestartUnit:
		stopped := s.stop(u)
		result := s.start(u, map[string]bool{})
		for _, other := range stopped {
			if result == "done" {
				s.start(other, map[string]bool{})
			}
		}
		return result
	}
	return s.reload(u)
}

// start starts a unit after what it requires.
func (s *Systemd) start(u *unit, seen map[string]bool) string {
	if seen[u.name] {
		return "done"
	}
	seen[u.name] = true
	for _, name := range u.names("Conflicts") {
		if other := s.units[s.primary(name)]; other != nil {
			s.stop(other)
		}
	}
	for _, name := range u.names("Requisite") {
		if other := s.units[s.primary(name)]; other == nil || other.active != "active" {
			return "dependency"
		}
	}
	for _, name := range slices.Concat(u.names("Wants"), u.wants) {
		if other, err := s.loaded(name); err == nil && other.load == "loaded" {
			s.start(other, seen)
		}
	}
	for _, name := range slices.Concat(u.names("Requires"), u.names("BindsTo"), u.requires) {
		if other, err := s.loaded(name); err != nil || s.start(other, seen) != "done" {
			return "dependency"
		}
	}
	s.units[u.name] = u
	switch u.active {
	case "active":
		return "done"
	case "activating":
		return ""
	}
	return s.run(u)
}

// stop stops a unit and what cannot be without it, and returns the latter.
func (s *Systemd) stop(u *unit) (others []*unit) {
	if !u.running() {
		return nil
	}
	for _, other := range s.units {
		if other != u && other.running() && slices.Contains(slices.Concat(other.names("Requires"), other.names("Requisite"),
			other.names("BindsTo"), other.names("PartOf"), other.requires), u.name) {
			others = append(others, other)
			others = append(others, s.stop(other)...)
		}
	}
	s.settle(u, "inactive", "dead")
	return others
}

func (s *Systemd) reload(u *unit) string {
	if u.active != "active" {
		return "invalid"
	}
	if s.behave[u.name].ReloadExit != 0 {
		return "failed"
	}
	if u.process != nil {
		u.process.Reloads++
		s.readArguments(u.process)
	}
	return "done"
}

func (s *Systemd) reset(u *unit) {
	u.starts, u.exit = 0, 0
	if u.result != "" {
		u.result = "success"
	}
	if u.active == "failed" {
		u.active, u.sub = "inactive", "dead"
	}
}

// failure is the error about a job, with the state of its unit and what that last wrote.
func (s *Systemd) failure(verb host.UnitVerb, name, result string, err error) error {
	e := &host.JobError{Verb: verb, Unit: name, Result: result, Err: err}
	u, loadErr := s.loaded(name)
	if loadErr != nil {
		return errors.Join(e, loadErr)
	}
	e.State = s.state(u, name)
	if result == "dependency" {
		for _, other := range slices.Concat(u.names("Requires"), u.names("Requisite"), u.names("BindsTo"), u.requires) {
			if o := s.units[s.primary(other)]; o == nil || o.active == "failed" || o.active == "inactive" {
				e.Needs = append(e.Needs, other)
			}
		}
	}
	e.Log = s.behave[u.name].Log
	return e
}
