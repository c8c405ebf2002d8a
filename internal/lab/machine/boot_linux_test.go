package machine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A boot that does not end says what it waits for, and is over.
func TestBootThatHangs(t *testing.T) {
	m := Off(t, Options{BootLimit: 20 * time.Second})
	for name, text := range map[string]string{
		"hangs": "Type=oneshot\nExecStart=/bin/sleep infinity", "fails": "Type=oneshot\nExecStart=/bin/false",
	} {
		unit := "[Unit]\nDescription=It " + name + "\n[Service]\n" + text + "\n"
		if err := m.Put("/etc/systemd/system/"+name+".service", []byte(unit), 0o644); err != nil {
			t.Fatal(err)
		}
		drop := "[Unit]\nWants=" + name + ".service\nAfter=" + name + ".service\n"
		if err := m.Put("/etc/systemd/system/multi-user.target.d/"+name+".conf", []byte(drop), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	err := m.Boot(t.Context())
	if err == nil {
		t.Fatal("it booted")
	}
	for _, want := range []string{"longer than 20s", "starting", "hangs.service", "fails.service", "the console's last lines", "Job hangs.service/start running", "[FAILED] Failed to start fails.service"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q:\n%v", want, err)
		}
	}
	k := known{Name: m.name}
	if r := remainsOf(t, k); len(r.groups) != 0 || len(r.processes) != 1 {
		t.Errorf("left over: %+v", r)
	}
}

// A unit that fails does not hold a boot up.
func TestDegradedIsBooted(t *testing.T) {
	m := Off(t, Options{})
	if err := m.Put("/etc/systemd/system/multi-user.target.d/fails.conf", []byte("[Unit]\nWants=fails.service\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := m.Put("/etc/systemd/system/fails.service", []byte("[Service]\nType=oneshot\nExecStart=/bin/false\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := m.Boot(t.Context()); err != nil {
		t.Fatal(err)
	}
	if rc, out, err := m.Run(t.Context(), []string{"systemctl", "is-system-running"}); rc != 1 || string(out) != "degraded\n" || err != nil {
		t.Errorf("%d, %q, %v", rc, out, err)
	}
}

// A root without an init makes no machine, and leaves nothing.
func TestBootOfNothing(t *testing.T) {
	Need(t)
	m, err := New(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Boot(t.Context()); err == nil || !strings.Contains(err.Error(), "/sbin/init") {
		t.Errorf("booted: %v", err)
	}
	k := known{Name: m.name}
	if groups := remainsOf(t, k).groups; len(groups) != 0 {
		t.Errorf("left over: %s", groups)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	nothingRemains(t, k)
}

func TestNoRootNoMachine(t *testing.T) {
	Need(t)
	place := t.TempDir()
	t.Setenv("TMPDIR", place)
	if m, err := New(filepath.Join(t.TempDir(), "nowhere"), Options{}); err == nil {
		t.Errorf("made %+v, %v", m, m.Close())
	}
	if left, err := os.ReadDir(place); err != nil || len(left) != 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

// Power off stops services, Kill does not, and what the machine itself asks for is told.
func TestWaysToEnd(t *testing.T) {
	m := Off(t, Options{})
	unit := "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\nExecStop=/bin/touch /var/lib/stopped\n[Install]\nWantedBy=multi-user.target\n"
	if err := m.Put("/etc/systemd/system/witness.service", []byte(unit), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := m.Boot(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.MustRun(t, "systemctl", "enable", "--now", "witness")
	stopped := func() bool {
		_, err := m.Get("/var/lib/stopped")
		return err == nil
	}
	if err := m.Kill(); err != nil || stopped() {
		t.Errorf("killed: %v; its service was stopped: %v", err, stopped())
	}
	if err := m.Boot(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, how := range []string{"reboot", "poweroff"} {
		m.MustRun(t, "rm", "-f", "/var/lib/stopped")
		if _, _, err := m.Run(t.Context(), []string{"systemctl", "--no-block", how}); err != nil {
			t.Logf("the machine was gone before it said so: %v", err)
		}
		if got, err := m.Wait(t.Context()); got != how || err != nil || !stopped() {
			t.Errorf("%s: ended by %q, %v; its service was stopped: %v", how, got, err, stopped())
		}
		if err := m.Boot(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Boot(t.Context()); err == nil {
		t.Error("a machine that is on booted")
	}
}

// With control groups of version 2 alone, systemd finds them, and the machine ends as cleanly.
func TestUnified(t *testing.T) {
	m := Booted(t, Options{Unified: true, InMemory: true})
	if got := m.MustRun(t, "stat", "-f", "-c", "%T", "/sys/fs/cgroup"); got != "cgroup2fs\n" {
		t.Errorf("control groups: %q", got)
	}
	m.MustRun(t, "systemd-run", "--wait", "true")
	if got := m.MustRun(t, "cat", "/proc/self/cgroup"); !strings.Contains(got, "0::/lab.run-") {
		t.Errorf("a program's group: %s", got)
	}
	if err := m.PowerOff(t.Context()); err != nil {
		t.Error(err)
	}
}

// Machines do not know of each other.
func TestTwoMachines(t *testing.T) {
	one, closeOne := booted(t)
	two := Booted(t, Options{})
	one.MustRun(t, "systemd-run", "--unit=mine", "sleep", "1000")
	if rc, out, err := two.Run(t.Context(), []string{"sh", "-c", "systemctl is-active mine; ps -C sleep"}); rc != 1 || strings.Contains(string(out), "1000") || err != nil {
		t.Errorf("the other machine's unit: %d, %s, %v", rc, out, err)
	}
	closeOne()
	if got := two.MustRun(t, "systemctl", "is-system-running"); got != "running\n" {
		t.Errorf("after the other was closed: %q", got)
	}
}

func TestConsoleAsText(t *testing.T) {
	const console = "Welcome\r\n\x1b[0;1;31m[FAILED]\x1b[0m It fails.\r\n[*     ] Job a (1s)\r\n\x1bM\r\x1b[K[**    ] Job a (2s)\r\n\x1bM\x1b[K[  OK  ] Done.\r\n"
	const want = "Welcome\n[FAILED] It fails.\n[**    ] Job a (2s)\n[  OK  ] Done.\n"
	if got := string(plainText([]byte(console))); got != want {
		t.Errorf("got %q", got)
	}
}
