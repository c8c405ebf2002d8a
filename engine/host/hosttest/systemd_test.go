package hosttest_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

const daemon = "[Service]\nExecStart=/opt/d --config /etc/d.toml\nEnvironmentFile=/etc/d.env\nExecReload=/bin/true\n"

// withDaemon is a machine on which d.service runs.
func withDaemon(t *testing.T, c hosttest.SystemdConfig) *hosttest.Machine {
	c.Active = append(c.Active, "d.service")
	return hosttest.New(t, hosttest.Config{Systemd: &c, Files: map[string]hosttest.File{
		"/etc/systemd/system/d.service": {Content: daemon}, "/etc/d.env": {Content: "A=1\n"}, "/etc/d.toml": {Content: "old\n"},
	}})
}

func tell(t *testing.T, m *hosttest.Machine, verb host.UnitVerb, unit string) {
	t.Helper()
	if err := m.Host().Units.Do(t.Context(), verb, unit); err != nil {
		t.Fatal(err)
	}
}

// unitLines are the lines of a dump that are about units.
func unitLines(m *hosttest.Machine) string {
	var out []string
	for line := range strings.Lines(m.Dump()) {
		if strings.HasPrefix(line, "unit ") {
			out = append(out, strings.TrimSpace(line))
		}
	}
	return strings.Join(out, "\n")
}

// TestProcess proves that what runs is what was there when it was started, and that the dump tells when that is
// no longer what the files say.
func TestProcess(t *testing.T) {
	m := withDaemon(t, hosttest.SystemdConfig{})
	process := func(env, config string, reloads int) *hosttest.Process {
		return &hosttest.Process{
			ExecStart: "/opt/d --config /etc/d.toml", Reloads: reloads,
			Files: map[string]string{"/etc/d.env": env, "/etc/d.toml": config},
		}
	}
	runs := func(want *hosttest.Process, line string) {
		t.Helper()
		if d := cmp.Diff(want, m.Systemd().Running("d.service")); d != "" {
			t.Error(d)
		}
		if got := unitLines(m); got != line {
			t.Errorf("the dump says %q, want %q", got, line)
		}
	}
	runs(process("A=1\n", "old\n", 0), "unit d.service active (running)")
	m.Put("/etc/d.env", hosttest.File{Content: "A=2\n"})
	m.Put("/etc/d.toml", hosttest.File{Content: "new\n"})
	runs(process("A=1\n", "old\n", 0), "unit d.service active (running), runs with an older /etc/d.env, runs with an older /etc/d.toml")
	tell(t, m, host.ReloadUnit, "d.service")
	runs(process("A=1\n", "new\n", 1), "unit d.service active (running), runs with an older /etc/d.env")
	tell(t, m, host.RestartUnit, "d.service")
	runs(process("A=2\n", "new\n", 0), "unit d.service active (running)")
	m.Put("/etc/systemd/system/d.service", hosttest.File{Content: strings.Replace(daemon, "/opt/d", "/opt/e", 1)})
	if got := unitLines(m); got != "unit d.service active (running), not loaded as its files are" {
		t.Errorf("the dump says %q", got)
	}
	tell(t, m, host.DaemonReload, "")
	if got := unitLines(m); got != "unit d.service active (running), runs with an older command" {
		t.Errorf("the dump says %q", got)
	}
	tell(t, m, host.StopUnit, "d.service")
	runs(nil, "")
	tell(t, m, host.StartUnit, "d.service")
	m.Put("/etc/systemd/system/d.service.d/new.conf", hosttest.File{Content: "[Service]\nNice=1\n"})
	if st, err := m.View().Units.State(t.Context(), "d.service"); err != nil || st.NeedReload {
		t.Errorf("systemd notices a new directory: %v, %v", st.NeedReload, err)
	}
	if got := unitLines(m); got != "unit d.service active (running), not loaded as its files are" {
		t.Errorf("the dump says %q", got)
	}
}

// TestUnitChangesAreCounted proves that what the manager is told passes the same door as every change, and leaves
// the same trace, and that reading does neither.
func TestUnitChangesAreCounted(t *testing.T) {
	m := withDaemon(t, hosttest.SystemdConfig{Units: map[string]hosttest.Behaviour{"d.service": {ReloadExit: 1, Log: []string{"secret"}}}})
	if _, err := m.View().Units.State(t.Context(), "d.service"); err != nil || m.Changes() != 0 {
		t.Errorf("reading made %d changes, %v", m.Changes(), err)
	}
	tell(t, m, host.StopUnit, "d.service")
	tell(t, m, host.DaemonReload, "")
	tell(t, m, host.StartUnit, "d.service")
	err := m.Host().Units.Do(t.Context(), host.ReloadUnit, "d.service")
	if failure, ok := errors.AsType[*host.JobError](err); !ok || !strings.Contains(err.Error(), "\n  secret") || failure.Result != "failed" {
		t.Errorf("a reload that fails gives %v", err)
	}
	want := []host.Op{
		{Name: "dbus", Path: "stop d.service"}, {Name: "dbus", Path: "daemon-reload"},
		{Name: "dbus", Path: "start d.service"}, {Name: "dbus", Path: "reload d.service"},
	}
	if d := cmp.Diff(want, m.Ops()); d != "" {
		t.Error(d)
	}
	calls := m.Calls()
	if len(calls) != 4 || calls[3].Exit != 1 || strings.Contains(calls[3].Output, "secret") || calls[3].Output == "" ||
		!cmp.Equal(calls[3].Argv, []string{"systemd", "reload", "d.service"}) || calls[0].Exit != 0 {
		t.Errorf("the calls are %+v", calls)
	}
	m.FailAt(1, errors.New("no"))
	if err := m.Host().Units.Do(t.Context(), host.StopUnit, "d.service"); err == nil || err.Error() != "cannot stop d.service: no" {
		t.Errorf("a change that may not be made gives %v", err)
	}
	if m.Systemd().Running("d.service") == nil || len(m.Calls()) != 0 {
		t.Errorf("it was made all the same: %+v", m.Calls())
	}
}

// TestNeverReady proves that a start waits for its end or for ctx, while others can read, and that a stop ends it.
func TestNeverReady(t *testing.T) {
	m := hosttest.New(t, hosttest.Config{
		Systemd: &hosttest.SystemdConfig{Units: map[string]hosttest.Behaviour{"n.service": {NeverReady: true}}},
		Files:   map[string]hosttest.File{"/etc/systemd/system/n.service": {Content: "[Service]\nType=notify\nExecStart=/opt/n\n"}},
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	wait := func() *host.JobError {
		failure, _ := errors.AsType[*host.JobError](<-ended)
		return failure
	}
	starting := func() { // waits until it has been told
		for st := (host.UnitState{}); st.Active != "activating" || !st.Job; {
			var err error
			if st, err = m.View().Units.State(t.Context(), "n.service"); err != nil {
				t.Fatal(err)
			}
		}
	}
	go func() { ended <- m.Host().Units.Do(ctx, host.StartUnit, "n.service") }()
	starting()
	cancel()
	if failure := wait(); failure == nil || !strings.HasPrefix(failure.Result, "still activating") {
		t.Errorf("at the end of its time the job is %v", failure)
	}
	tell(t, m, host.StopUnit, "n.service")
	go func() { ended <- m.Host().Units.Do(t.Context(), host.StartUnit, "n.service") }()
	starting()
	if err := m.Systemd().Do(t.Context(), host.StopUnit, "n.service"); err != nil {
		t.Fatal(err)
	}
	if failure := wait(); failure == nil || failure.Result != "canceled" {
		t.Errorf("when it is stopped the job is %v", failure)
	}
}

// TestMachinesAreApart proves that machines of one configuration share no state.
func TestMachinesAreApart(t *testing.T) {
	c := hosttest.SystemdConfig{Units: map[string]hosttest.Behaviour{}}
	a, b := withDaemon(t, c), withDaemon(t, c)
	tell(t, a, host.StopUnit, "d.service")
	a.Systemd().Behave("d.service", hosttest.Behaviour{Exit: 1})
	if a.Systemd().Running("d.service") != nil || b.Systemd().Running("d.service") == nil || len(c.Units) != 0 {
		t.Error("one machine changed another")
	}
}

func TestNoSystemd(t *testing.T) {
	for name, c := range map[string]hosttest.Config{
		"none": {}, "image": {Offline: true, Systemd: &hosttest.SystemdConfig{}},
	} {
		m := hosttest.New(t, c)
		_, err := m.View().Units.State(t.Context(), "d.service")
		if _, ok := errors.AsType[*host.OfflineError](err); m.View().Units.Running() || !ok {
			t.Errorf("%s: has a service manager, %v", name, err)
		}
	}
}
