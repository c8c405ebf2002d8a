package machine

import (
	"fmt"
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/internal/lab/machine/cgroup"
)

// Need skips the test where no machine can be booted, and says what is missing.
func Need(t testing.TB) {
	t.Helper()
	if why := missing(); why != "" {
		t.Skip("needs " + why)
	}
}

// missing is what this process lacks to boot machines; "" for nothing.
func missing() string {
	if os.Geteuid() != 0 {
		return "root, to make namespaces and control groups"
	}
	for _, p := range []string{"go", "apt-get"} {
		if _, err := exec.LookPath(p); err != nil {
			return "the program " + p
		}
	}
	layout, err := cgroup.Read()
	if err != nil {
		return "control groups: " + err.Error()
	}
	name := fmt.Sprintf("agent0-lab-probe-%d", os.Getpid())
	if err := layout.Probe(name); err != nil {
		return "control groups: " + err.Error()
	}
	cmd := exec.Command("unshare", "--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup", "--fork", "true")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Sprintf("namespaces of its own: %v: %s", err, out)
	}
	if err := unix.Access("/dev/ptmx", unix.R_OK|unix.W_OK); err != nil {
		return "terminals: /dev/ptmx: " + err.Error()
	}
	return ""
}

// Booted is a machine that has booted, over the root that has o.Packages. It is closed when the test ends, and its
// console is logged if the test has failed. Where there can be no machine the test is skipped.
func Booted(t testing.TB, o Options) *Machine {
	t.Helper()
	m := Off(t, o)
	if err := m.Boot(t.Context()); err != nil {
		t.Fatal(err)
	}
	return m
}

// Off is Booted without the boot.
func Off(t testing.TB, o Options) *Machine {
	t.Helper()
	Need(t)
	root, err := Root(t.Context(), o.Packages...)
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(root, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(m.report())
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// MustRun runs a program in the machine and returns its output. Any exit status but 0 ends the test.
func (m *Machine) MustRun(t testing.TB, argv ...string) string {
	t.Helper()
	rc, out, err := m.Run(t.Context(), argv)
	if err != nil || rc != 0 {
		t.Fatalf("%q in the machine: exit status %d, %v\n%s", argv, rc, err, out)
	}
	return string(out)
}
