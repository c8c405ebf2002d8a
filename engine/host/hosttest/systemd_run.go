package hosttest

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

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
		u.active, u.sub, u.process, u.job = "activating", "start", process, &job{ended: make(chan struct{})}
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
		u.job.result = "canceled"
		close(u.job.ended)
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
