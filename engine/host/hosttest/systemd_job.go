package hosttest

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

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
	case result := <-job:
		return result
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

// run starts a unit itself.
func (s *Systemd) run(u *unit) string {
	if !s.condition(u) {
		u.conditionFailed = true
		return "done"
	}
	u.conditionFailed, u.exit = false, 0
	if u.result != "" {
		u.result = "success"
	}
	is := s.behave[u.name]
	u.starts++
	if is.StartLimit > 0 && u.starts > is.StartLimit {
		s.fail(u, "start-limit-hit", 0)
		return "failed"
	}
	if path.Ext(u.name) != ".service" {
		return s.activate(u)
	}
	u.invocation = s.invocation()
	process, err := s.process(u)
	if err != nil {
		s.fail(u, "resources", 0)
		return "failed"
	}
	if s.hangs(u) {
		u.active, u.sub, u.process, u.job = "activating", "start", process, make(chan string, 1)
		return ""
	}
	exit, ends := s.exits(u, process)
	if ends && u.waited(exit) {
		return s.end(u, exit)
	}
	if u.kind() == "oneshot" && !yes(u.value("Service", "RemainAfterExit")) {
		s.settle(u, "inactive", "dead")
		return "done"
	}
	u.activeEnter = s.now()
	u.active, u.sub, u.process = "active", "running", process
	if u.kind() == "oneshot" {
		u.sub, u.process = "exited", nil
	} else if ends {
		s.end(u, exit)
	}
	s.tellTriggers(u)
	return "done"
}

// hangs reports whether a start of u takes until something stops it.
func (s *Systemd) hangs(u *unit) bool {
	return s.behave[u.name].NeverReady && slices.Contains([]string{"notify", "notify-reload", "forking", "dbus", "oneshot"}, u.kind())
}

// exits reports whether the main process ends at once, and with which status.
func (s *Systemd) exits(u *unit, p *Process) (status int, ends bool) {
	if is := s.behave[u.name]; is.Exit != 0 {
		return is.Exit, true
	}
	switch command := strings.TrimSpace(p.ExecStart); command {
	case "/bin/true":
		return 0, true
	case "/bin/false":
		return 1, true
	default:
		n, err := fmt.Sscanf(command, "/bin/sh -c 'exit %d'", &status)
		return status, n == 1 && err == nil
	}
}

// waited reports whether a start of u waits for more than that its process is there, so that the
// process's end with that status is the start's.
func (u *unit) waited(exit int) bool {
	switch u.kind() {
	case "simple", "idle":
		return false
	case "exec":
		return exit >= 200
	case "oneshot":
		return exit != 0
	}
	return true
}

// end is what becomes of a unit whose main process ends, and of its start.
func (s *Systemd) end(u *unit, exit int) string {
	switch {
	case exit != 0:
		s.fail(u, "exit-code", exit)
	case u.active != "active":
		s.fail(u, "protocol", 0) // it ended before it said that it is ready
	case yes(u.value("Service", "RemainAfterExit")):
		u.sub, u.process = "exited", nil
		return "done"
	default:
		s.settle(u, "inactive", "dead")
		return "done"
	}
	return "failed"
}

// activate starts what has no process.
func (s *Systemd) activate(u *unit) string {
	sub := map[string]string{
		".socket": "listening", ".timer": "waiting", ".path": "waiting", ".mount": "mounted", ".automount": "waiting",
	}[path.Ext(u.name)]
	if sub == "" {
		sub = "active"
	}
	if other := s.units[u.triggers()]; other != nil && other.running() {
		if path.Ext(u.name) == ".socket" {
			return "failed" // systemd: "Socket service already active, refusing."
		}
		sub = "running"
	}
	u.invocation, u.activeEnter, u.active, u.sub = s.invocation(), s.now(), "active", sub
	return "done"
}

// condition reports whether ConditionPathExists holds, the one condition that is played.
func (s *Systemd) condition(u *unit) bool {
	for _, v := range u.values("Unit", "ConditionPathExists") {
		name, not := strings.CutPrefix(v, "!")
		_, err := s.files.Stat(name)
		if (err == nil) == not {
			return false
		}
	}
	return true
}

// process is what a start of u would run.
func (s *Systemd) process(u *unit) (*Process, error) {
	p := &Process{Files: map[string]string{}}
	if all := u.values("Service", "ExecStart"); len(all) > 0 {
		p.ExecStart = strings.TrimLeft(all[0], "-@:+!|")
	}
	for _, v := range u.values("Service", "EnvironmentFile") {
		name, optional := strings.CutPrefix(v, "-")
		b, err := s.files.ReadFile(name)
		if err != nil && !optional {
			return nil, err
		}
		p.Files[name] = string(b)
	}
	s.readArguments(p)
	return p, nil
}

// readArguments reads the files that the command names.
func (s *Systemd) readArguments(p *Process) {
	for _, word := range strings.FieldsFunc(p.ExecStart, func(c rune) bool { return strings.ContainsRune(" \t=\"'", c) }) {
		if b, err := s.files.ReadFile(word); path.IsAbs(word) && err == nil {
			p.Files[word] = string(b)
		}
	}
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

// running reports whether there is something to stop.
func (u *unit) running() bool { return u.active != "inactive" && u.active != "failed" }

// fail ends a unit with a failure.
func (s *Systemd) fail(u *unit, result string, exit int) {
	s.settle(u, "failed", "failed")
	u.result, u.exit = result, exit
}

// settle ends what runs of a unit, and a job that waits for it.
func (s *Systemd) settle(u *unit, active, sub string) {
	if u.job != nil {
		u.job <- "canceled"
	}
	u.active, u.sub, u.process, u.job = active, sub, nil, nil
	s.tellTriggers(u)
	for _, other := range s.units { // what cannot be without it, however it ended
		if slices.Contains(other.names("BindsTo"), u.name) && other.running() {
			s.stop(other)
		}
	}
}

// tellTriggers lets the sockets and timers of a unit know that it runs, or no more.
func (s *Systemd) tellTriggers(u *unit) {
	for _, other := range s.units {
		if other.triggers() != u.name || other.active != "active" {
			continue
		}
		switch {
		case u.active == "active":
			other.sub = "running"
		case path.Ext(other.name) == ".socket":
			other.sub = "listening"
		default:
			other.sub = "waiting"
		}
	}
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
	if e.State, loadErr = s.state(u, name); loadErr != nil {
		return errors.Join(e, loadErr)
	}
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
