package hosttest

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// SystemdConfig says how the units of a machine behave, as far as their files do not.
type SystemdConfig struct {
	// Units is by name. A unit that is not in it has a program that starts, and stops when told to.
	Units map[string]Behaviour
	// Active are started, in order, when the machine is made.
	Active []string
	// Self is the unit that the process under test runs in. To stop it fails the test.
	Self string
	// Command plays the command of a service without a file, to its end.
	Command func(argv []string) error
}

// Behaviour is how the program of a unit behaves. That /bin/true, /bin/false and /bin/sh -c 'exit N' end at
// once need not be said.
type Behaviour struct {
	// Exit is the status with which its main process ends as soon as it is started. From 200 on it is
	// what systemd itself says of a program that it could not start (systemd.exec(5)).
	Exit int
	// NeverReady makes a start of it take until something stops it: its service does not say
	// READY=1, or its command does not end. It is nothing to a Type that is not waited for.
	NeverReady bool
	// ReloadExit is the status of its reload command.
	ReloadExit int
	// StartLimit is how often it may be started until the limit is reset; 0 is any number of times,
	// as the time in which systemd counts does not pass here.
	StartLimit int
	// Log is what it writes when it is started.
	Log []string
}

// Process is what runs for a unit: what it was made of when it was started, whatever is in the
// files now.
type Process struct {
	// ExecStart is the command, without prefixes.
	ExecStart string
	// Files are those that ExecStart and EnvironmentFile name by their absolute paths, with the text that
	// the process read. A reload reads those of ExecStart again.
	Files map[string]string
	// Reloads counts what it was told so far.
	Reloads int
}

// Systemd plays the systemd of a machine. It is a host.ServiceManager; what is told to it directly
// happens from outside, so that nothing counts or fails it.
//
// It reads unit files from the machine's tree when systemd would, and no sooner, and it knows
// services, and of the other types as much as that they are active. Of the dependencies it plays
// Requires, Requisite, BindsTo, PartOf, Wants, Conflicts and After; that something which is required is
// NeverReady counts as its failure. It does not restart what fails (Restart=), and its timers never elapse
// by themselves: see Trigger and Elapse.
type Systemd struct {
	t      testing.TB
	files  host.Tree
	config SystemdConfig

	mu     sync.Mutex
	behave map[string]Behaviour
	units  map[string]*unit
	// dropInDirs are those that were there when unit files were last looked for.
	dropInDirs map[string]bool
	clock      time.Duration
	count      int
}

// newSystemd boots: the targets that a booted machine has reached are active.
func newSystemd(t testing.TB, files host.Tree, c SystemdConfig) *Systemd {
	s := &Systemd{t: t, files: files, config: c, units: map[string]*unit{}, behave: map[string]Behaviour{}}
	maps.Copy(s.behave, c.Units)
	for _, name := range bootTargets() {
		s.units[name] = &unit{name: name, load: "loaded", active: "active", sub: "active", booted: true}
	}
	s.reread()
	for _, name := range c.Active {
		if err := s.Do(t.Context(), host.StartUnit, name); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func bootTargets() []string {
	return []string{
		"basic.target", "local-fs.target", "multi-user.target", "paths.target", "sockets.target",
		"swap.target", "sysinit.target", "timers.target",
	}
}

// Systemd returns the machine's systemd, and fails the test if Config gave it none.
func (m *Machine) Systemd() *Systemd {
	m.t.Helper()
	if m.systemd == nil {
		m.t.Fatal("this machine has no systemd: set Config.Systemd")
	}
	return m.systemd
}

// Behave changes how the program of a unit behaves from its next start on.
func (s *Systemd) Behave(name string, b Behaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.behave[name] = b
}

// Running returns what runs for a unit, nil if nothing does.
func (s *Systemd) Running(name string) *Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.units[s.primary(name)]
	if u == nil || u.process == nil {
		return nil
	}
	p := *u.process
	p.Files = maps.Clone(p.Files)
	return &p
}

// Crash ends the process of a unit with an exit status.
func (s *Systemd) Crash(name string, exit int) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.units[s.primary(name)]
	if u == nil || u.process == nil {
		s.t.Fatalf("cannot crash %s: nothing of it runs", name)
	}
	s.fail(u, "exit-code", exit)
}

// Trigger does what a socket, a timer or a path waits for: its unit is started.
func (s *Systemd) Trigger(name string) error {
	s.mu.Lock()
	u := s.units[s.primary(name)]
	waits := u != nil && u.active == "active" && u.triggers() != ""
	s.mu.Unlock()
	if !waits {
		return fmt.Errorf("cannot trigger %s: it does not wait for anything", name)
	}
	return s.Do(s.t.Context(), host.StartUnit, u.triggers())
}

// Unit loads a unit and returns its state.
func (s *Systemd) Unit(_ context.Context, name string) (host.UnitState, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.loaded(name)
	if err != nil {
		return host.UnitState{}, err
	}
	return s.state(u, name), nil
}

// UnitOf returns the unit of the process under test; the machine has no other.
func (s *Systemd) UnitOf(_ context.Context, pid int) (string, error) {
	if pid == os.Getpid() {
		return s.config.Self, nil
	}
	return "", nil
}

// Close does nothing: the machine goes on.
func (s *Systemd) Close() error { return nil }

// snapshot describes what runs, for Machine.Snapshot: neither times nor the targets of the boot.
func (s *Systemd) snapshot() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	lines := map[string]string{}
	for name, u := range s.units {
		if u.active == "inactive" || u.booted {
			continue
		}
		line := u.active + " (" + u.sub + ")"
		if s.stale(u) {
			line += ", not loaded as its files are"
		}
		for _, old := range slices.Sorted(maps.Keys(s.outdated(u))) {
			line += ", runs with an older " + old
		}
		lines["unit "+name] = line
	}
	return lines
}

// outdated are the parts of what runs that would be others if it were started now.
func (s *Systemd) outdated(u *unit) map[string]bool {
	out := map[string]bool{}
	if u.process == nil {
		return out
	}
	now, err := s.process(u)
	if err != nil || now.ExecStart != u.process.ExecStart {
		out["command"] = true
		return out
	}
	for name, text := range now.Files {
		if u.process.Files[name] != text {
			out[name] = true
		}
	}
	return out
}

// now is a time on the monotonic clock that no two events share; systemd tells microseconds.
func (s *Systemd) now() time.Duration {
	s.clock = max(s.clock+time.Microsecond, host.Monotonic().Truncate(time.Microsecond))
	return s.clock
}

// invocation identifies one start.
func (s *Systemd) invocation() string {
	s.count++
	return fmt.Sprintf("%032x", s.count)
}
