package machine

import (
	"errors"
	"io/fs"
	"os"
	"testing"
)

func TestMachine(t *testing.T) {
	m := Booted(t, Options{})
	if got := m.MustRun(t, "sh", "-c", "cat /proc/1/comm; hostname"); got != "systemd\nlab\n" {
		t.Errorf("got %q", got)
	}
}

// What a machine writes is there after a reboot and while it is off, and what is in memory is not.
func TestFilesLastOverBoots(t *testing.T) {
	m := Booted(t, Options{})
	for _, name := range []string{"/etc/lab/lasting", "/run/lab/passing"} {
		if err := m.Put(name, []byte("text"), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	if got := m.MustRun(t, "stat", "-c", "%a %s", "/etc/lab/lasting", "/run/lab/passing"); got != "640 4\n640 4\n" {
		t.Errorf("in the machine: %q", got)
	}
	boot := m.MustRun(t, "cat", "/proc/sys/kernel/random/boot_id")
	if err := m.Reboot(t.Context()); err != nil {
		t.Fatal(err)
	}
	if again := m.MustRun(t, "cat", "/proc/sys/kernel/random/boot_id"); again == boot || len(again) != 37 {
		t.Errorf("boot ids %q and %q", boot, again)
	}
	if got := m.MustRun(t, "sh", "-c", "journalctl --list-boots --quiet | wc -l"); got != "2\n" {
		t.Errorf("the journal has %s boots", got)
	}
	if got := m.MustRun(t, "cat", "/etc/lab/lasting"); got != "text" {
		t.Errorf("after a reboot: %q", got)
	}
	if _, err := m.Get("/run/lab/passing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("/run after a reboot: %v", err)
	}
	if err := m.PowerOff(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := m.Get("/etc/lab/lasting"); string(got) != "text" {
		t.Errorf("while off: %q, %v", got, err)
	}
	if _, _, err := m.Run(t.Context(), []string{"true"}); !errors.Is(err, ErrOff) {
		t.Errorf("a program ran in a machine that is off: %v", err)
	}
}

// A machine's links are followed in the machine.
func TestFilesStayInside(t *testing.T) {
	m := Booted(t, Options{InMemory: true})
	outside := t.TempDir()
	m.MustRun(t, "sh", "-c", "mkdir -p "+outside+" && ln -s "+outside+" /srv/link && ln -s ../../../../../.."+outside+" /srv/up")
	for _, dir := range []string{"/srv/link", "/srv/up", "/srv/../../.." + outside} {
		if err := m.Put(dir+"/file", []byte(dir), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := m.MustRun(t, "cat", outside+"/file"); got != dir {
			t.Errorf("in the machine: %q, want %q", got, dir)
		}
	}
	if entries, err := os.ReadDir(outside); err != nil || len(entries) > 0 {
		t.Errorf("on the host: %v, %v", entries, err)
	}
}

// The settings of the kernel are the host's: the machine has only those of its own network.
func TestHostIsOutOfReach(t *testing.T) {
	m := Booted(t, Options{})
	m.MustRun(t, "sysctl", "-w", "net.ipv4.ip_forward=1")
	for _, argv := range [][]string{
		{"sysctl", "-w", "kernel.panic=7"}, {"sh", "-c", "echo h > /proc/sysrq-trigger"},
		{"sh", "-c", "echo 0 > /sys/kernel/mm/ksm/run"}, {"date", "-s", "2001-01-01"},
	} {
		if rc, out, err := m.Run(t.Context(), argv); rc == 0 || err != nil {
			t.Errorf("%q: %d, %v\n%s", argv, rc, err, out)
		}
	}
}
