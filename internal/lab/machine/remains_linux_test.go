package machine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/internal/lab/machine/cgroup"
)

// known is how a machine is recognized from outside.
type known struct {
	Name  string
	PIDNS string // its process namespace
	PID   int    // its supervisor
}

func know(m *Machine) (known, error) {
	k := known{Name: m.name, PID: m.supervisor.Process.Pid}
	p, err := m.on()
	if err != nil {
		return k, err
	}
	k.PIDNS, err = os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", p.pid))
	return k, err
}

// remains are what there is of a machine on the host.
type remains struct {
	processes []string // that are in its process namespace, in its groups, or named for it
	mounts    []string // in whatever mount namespace
	groups    []string
	folders   []string
}

func (r remains) none() (bool, string) {
	return len(r.processes)+len(r.mounts)+len(r.groups)+len(r.folders) == 0, fmt.Sprintf("%+v", r)
}

func remainsOf(t *testing.T, k known) remains {
	t.Helper()
	var r remains
	procs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range procs {
		// A process that ends while it is looked at has neither file.
		cmdline, _ := os.ReadFile(p + "/cmdline")
		groups, _ := os.ReadFile(p + "/cgroup")
		pidns, _ := os.Readlink(p + "/ns/pid")
		if strings.Contains(string(cmdline)+string(groups), k.Name) || k.PIDNS != "" && pidns == k.PIDNS {
			r.processes = append(r.processes, p+" "+strings.ReplaceAll(string(cmdline), "\x00", " "))
		}
		mounts, _ := os.ReadFile(p + "/mountinfo")
		for line := range strings.Lines(string(mounts)) {
			if strings.Contains(line, k.Name) {
				r.mounts = append(r.mounts, line)
			}
		}
	}
	slices.Sort(r.mounts)
	r.mounts = slices.Compact(r.mounts)
	r.groups = groupsOf(t, k.Name)
	if _, err := os.Lstat(filepath.Join(os.TempDir(), k.Name)); err == nil {
		r.folders = append(r.folders, k.Name)
	}
	return r
}

func groupsOf(t *testing.T, name string) []string {
	t.Helper()
	layout, err := cgroup.Read()
	if err != nil {
		t.Fatal(err)
	}
	tops := []string{layout.V2}
	for _, h := range layout.V1 {
		tops = append(tops, h.Path)
	}
	var found []string
	for _, top := range tops {
		err := filepath.WalkDir(top, func(p string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() && d.Name() == name {
				found = append(found, p)
			}
			return nil // groups of others come and go
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// there checks that remainsOf finds a machine that is on: what it does not see it cannot miss.
func there(t *testing.T, k known) {
	t.Helper()
	layout, err := cgroup.Read()
	if err != nil {
		t.Fatal(err)
	}
	r := remainsOf(t, k)
	hierarchies := len(layout.V1)
	if layout.V2 != "" {
		hierarchies++
	}
	if len(r.processes) < 5 || len(r.mounts) == 0 || len(r.groups) != hierarchies || len(r.folders) != 1 {
		t.Fatalf("a machine that is on: %d processes, %d mounts, %d of %d groups, %d folders",
			len(r.processes), len(r.mounts), len(r.groups), hierarchies, len(r.folders))
	}
	t.Logf("there: %d processes, %d mounts, %d groups, %d folder", len(r.processes), len(r.mounts), len(r.groups), len(r.folders))
}

func nothingRemains(t *testing.T, k known) {
	t.Helper()
	until(t, "nothing remains", func() (bool, string) { return remainsOf(t, k).none() })
}

func TestCloseLeavesNothing(t *testing.T) {
	m, closed := booted(t)
	k, err := know(m)
	if err != nil {
		t.Fatal(err)
	}
	there(t, k)
	if err := m.Reboot(t.Context()); err != nil {
		t.Fatal(err)
	}
	first := k
	if k, err = know(m); err != nil {
		t.Fatal(err)
	}
	there(t, k)
	for _, p := range remainsOf(t, known{Name: "no machine", PIDNS: first.PIDNS}).processes {
		if first.PIDNS != k.PIDNS { // its number may be used again
			t.Errorf("left over by the reboot: %s", p)
		}
	}
	closed()
	// At once: Close returns when nothing is left.
	if none, left := remainsOf(t, k).none(); !none {
		t.Errorf("left over: %s", left)
	}
}

func TestPowerOffLeavesOnlyTheDisk(t *testing.T) {
	m, _ := booted(t)
	k, err := know(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.PowerOff(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := remainsOf(t, k)
	if len(r.groups) != 0 || len(r.folders) != 1 || len(r.processes) != 1 { // its supervisor
		t.Errorf("while off: %+v", r)
	}
}

// booted is a machine that the test closes itself.
func booted(t *testing.T) (*Machine, func()) {
	t.Helper()
	Need(t)
	root, err := Root(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(root, Options{})
	if err != nil {
		t.Fatal(err)
	}
	open := true
	closed := func() {
		if open {
			open = false
			if err := m.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	t.Cleanup(closed)
	if err := m.Boot(t.Context()); err != nil {
		t.Fatal(err)
	}
	return m, closed
}

// Nobody expects the supervisor to be killed. Its machine dies with it, and Close removes the rest.
func TestKilledSupervisorLeavesNothing(t *testing.T) {
	Need(t)
	root, err := Root(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(root, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Boot(t.Context()); err != nil {
		t.Fatal(errors.Join(err, m.Close()))
	}
	k, err := know(m)
	if err != nil {
		t.Fatal(errors.Join(err, m.Close()))
	}
	if err := unix.Kill(k.PID, unix.SIGKILL); err != nil {
		t.Error(err)
	}
	if err := m.Close(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("closed with %v", err)
	}
	nothingRemains(t, k)
}
