package host_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
	"github.com/agent0-converge/agent0-converge/internal/lab/machine"
)

// TestUnitsInLab boots a machine, and runs there what needs one to itself.
func TestUnitsInLab(t *testing.T) {
	if os.Getenv(machine.InLab) == "1" {
		t.Skip("is in the lab already")
	}
	m := machine.Booted(t, machine.Options{InMemory: true})
	machine.GoTest(t, m, "./", "^TestUnits(Real|Glance|OverEach|After|Job|Log|Self|Invocation|Credential)")
}

// overEach runs a test on the real systemd over each of the two ways to it.
func overEach(t *testing.T, test func(t *testing.T, b booted)) {
	needLab(t)
	t.Run("socket", func(t *testing.T) { test(t, newBooted(t)) })
	t.Run("bus", func(t *testing.T) {
		if _, err := os.Stat("/run/dbus/system_bus_socket"); err != nil {
			t.Skip("needs a system bus: ", err)
		}
		b := newBooted(t)
		check(t, host.OverTheBus(t.Context(), b.h.Units))
		test(t, b)
	})
}

// have gives the machine units for one test.
func (b booted) have(files map[string]string) {
	b.t.Helper()
	c := unitCase{files: files}
	for name := range files {
		c.steps = append(c.steps, unitStep{want: map[string]string{name: ""}})
	}
	b.clean(c)
	b.t.Cleanup(func() { b.cleanLater(c) })
	for name, text := range files {
		b.put(place(name), content(text))
	}
}

func (b booted) state(unit string) host.UnitState {
	b.t.Helper()
	st, err := b.h.View().Units.State(b.t.Context(), unit)
	check(b.t, err)
	return st
}

func TestUnitsOverEachConnection(t *testing.T) {
	overEach(t, func(t *testing.T, b booted) {
		b.have(map[string]string{"a0-x.service": "[Unit]\nStartLimitIntervalSec=0\n" + daemon, "a0-y.service": oneshot3})
		for range 20 { // each job's end is told, however soon it comes
			check(t, b.h.Units.Do(t.Context(), host.RestartUnit, "a0-x.service"))
		}
		if got := words(b.state("a0-x.service")); got != "active/running ran" {
			t.Errorf("x is %s", got)
		}
		err := b.h.Units.Do(t.Context(), host.StartUnit, "a0-y.service")
		if failure, ok := errors.AsType[*host.JobError](err); !ok || failure.Result != "failed" {
			t.Errorf("got %v, want a job that failed", err)
		}
	})
}

// TestUnitsAfterReexec proves that a systemd which executes itself anew, and so drops all connections,
// is found again.
func TestUnitsAfterReexec(t *testing.T) {
	overEach(t, func(t *testing.T, b booted) {
		b.have(map[string]string{"a0-x.service": daemon})
		check(t, b.h.Units.Do(t.Context(), host.StartUnit, "a0-x.service"))
		before := b.state("a0-x.service")
		reexec(t)
		if after := b.state("a0-x.service"); after.Invocation != before.Invocation {
			t.Errorf("it runs as %q, before as %q", after.Invocation, before.Invocation)
		}
		reexec(t)
		check(t, b.h.Units.Do(t.Context(), host.StopUnit, "a0-x.service"))
		reexec(t)
		check(t, b.h.Units.Do(t.Context(), host.DaemonReload, ""))
		if got := words(b.state("a0-x.service")); got != "inactive/dead" {
			t.Errorf("after its stop it is %s", got)
		}
	})
}

func reexec(t *testing.T) {
	t.Helper()
	if out, err := exec.Command("systemctl", "daemon-reexec").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// TestUnitsJobOverReexec proves that a job is waited for to its end when the connection breaks meanwhile, and is
// not made a second time.
func TestUnitsJobOverReexec(t *testing.T) {
	const script = "[Service]\nType=%s\nExecStart=/bin/sh -c 'echo start >>/run/a0-starts; %s'\n"
	notify := fmt.Sprintf(script, "notify\nNotifyAccess=all",
		"until [ -e /run/a0-go ]; do sleep 0.05; done; systemd-notify --ready; exec sleep infinity")
	fails := fmt.Sprintf(script, "notify", "until [ -e /run/a0-go ]; do sleep 0.05; done; exit 5")
	overEach(t, func(t *testing.T, b booted) {
		for _, c := range []struct{ name, unit, want string }{{"ready", notify, ""}, {"fails", fails, "failed"}} {
			for _, verb := range []host.UnitVerb{host.StartUnit, host.RestartUnit} {
				t.Run(c.name+" "+string(verb), func(t *testing.T) {
					b := booted{t, b.h}
					b.have(map[string]string{"a0-x.service": c.unit, "/run/a0-starts": "", "/run/a0-go": ""})
					b.remove("/run/a0-go")
					ended := make(chan error, 1)
					go func() { ended <- b.h.Units.Do(t.Context(), verb, "a0-x.service") }()
					await(t, "the start", func() bool {
						text, err := os.ReadFile("/run/a0-starts")
						return err == nil && len(text) > 0
					})
					reexec(t)
					b.put("/run/a0-go", hosttest.File{})
					b.awaitJob(ended, c.want)
					if text, err := os.ReadFile("/run/a0-starts"); err != nil || string(text) != "start\n" {
						t.Errorf("it was started as %q, %v", text, err)
					}
				})
			}
		}
	})
}

// TestUnitsJobCanceled proves that a start whose unit is stopped meanwhile does not wait on.
func TestUnitsJobCanceled(t *testing.T) {
	overEach(t, func(t *testing.T, b booted) {
		b.have(map[string]string{"a0-x.service": notify})
		ended := make(chan error, 1)
		go func() { ended <- b.h.Units.Do(t.Context(), host.StartUnit, "a0-x.service") }()
		await(t, "the start", func() bool { return words(b.state("a0-x.service")) == "activating/start job ran" })
		check(t, b.h.Units.Do(t.Context(), host.StopUnit, "a0-x.service"))
		b.awaitJob(ended, "canceled")
	})
}

// awaitJob waits for the end of a job, which is to be result.
func (b booted) awaitJob(ended <-chan error, result string) {
	b.t.Helper()
	select {
	case err := <-ended:
		failure, _ := errors.AsType[*host.JobError](err)
		if result == "" && err != nil || result != "" && (failure == nil || failure.Result != result) {
			b.t.Errorf("the job ended with %v, want %q", err, result)
		}
	case <-time.After(settleLimit):
		b.t.Fatal("the job's end was not noticed")
	}
}

// TestUnitsSelf runs itself as a service, and there asks which unit that is.
func TestUnitsSelf(t *testing.T) {
	needLab(t)
	b := newBooted(t)
	if os.Getenv("AGENT0_IN_UNIT") == "1" {
		self, err := b.h.View().Units.Self(t.Context())
		check(t, err)
		fmt.Printf("self is %s.\n", self)
		return
	}
	program, err := os.Executable()
	check(t, err)
	out, err := exec.Command("systemd-run", "--quiet", "--wait", "--pipe", "--collect", "--unit=a0-self.service",
		"--setenv=AGENT0_IN_LAB=1", "--setenv=AGENT0_IN_UNIT=1", program, "-test.run=^TestUnitsSelf$").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "self is a0-self.service.\n") {
		t.Errorf("%v: %s", err, out)
	}
}

// TestUnitsInvocation proves, of the played and of the real systemd, that a restart is another invocation and that
// its time is on the clock of host.Monotonic.
func TestUnitsInvocation(t *testing.T) {
	onBoth(t, map[string]string{"a0-x.service": daemon}, func(t *testing.T, w world) {
		var last host.UnitState
		for range 3 {
			before := host.Monotonic().Truncate(time.Microsecond)
			check(t, w.host().Units.Do(t.Context(), host.RestartUnit, "a0-x.service"))
			now, err := w.host().View().Units.State(t.Context(), "a0-x.service")
			check(t, err)
			if now.Invocation == last.Invocation || len(now.Invocation) != 32 {
				t.Errorf("restarted as %q, before it was %q", now.Invocation, last.Invocation)
			}
			if now.ActiveEnter < before || now.ActiveEnter > host.Monotonic() || now.ActiveEnter <= last.ActiveEnter {
				t.Errorf("active since %s, told at %s, before since %s", now.ActiveEnter, before, last.ActiveEnter)
			}
			last = now
		}
	})
}

// benchmarkUnits makes 500 units.
func benchmarkUnits(b *testing.B) (names []string) {
	if os.Getenv(machine.InLab) != "1" {
		b.Skip("needs a machine to itself, with systemd: the lab boots one and sets AGENT0_IN_LAB=1")
	}
	files := map[string]string{}
	for i := range 500 {
		names = append(names, fmt.Sprintf("a0-b%03d.service", i))
		files[names[i]] = daemon
	}
	// So that systemd keeps them in memory, as it does with the units of a machine.
	files["a0-all.target"] = "[Unit]\nAfter=" + strings.Join(names, " ") + "\n"
	for name, text := range files {
		check(b, os.WriteFile(place(name), []byte(text), 0o644))
		b.Cleanup(func() { os.Remove(place(name)) })
	}
	if out, err := exec.Command("systemctl", "start", "a0-all.target").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	b.Cleanup(func() { exec.Command("systemctl", "stop", "a0-all.target").Run() })
	return names
}

// BenchmarkUnits reads 500 units.
func BenchmarkUnits(b *testing.B) {
	names := benchmarkUnits(b)
	h, err := host.Open(host.Options{})
	check(b, err)
	defer h.Close()
	for b.Loop() {
		for _, name := range names {
			if _, err := h.View().Units.State(context.Background(), name); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkUnitsBySystemctl does the same with a systemctl for each, to compare.
func BenchmarkUnitsBySystemctl(b *testing.B) {
	names := benchmarkUnits(b)
	for b.Loop() {
		for _, name := range names {
			if out, err := exec.Command("systemctl", "show", name).CombinedOutput(); err != nil {
				b.Fatalf("%v: %s", err, out)
			}
		}
	}
}
