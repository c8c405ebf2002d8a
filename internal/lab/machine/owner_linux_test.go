package machine

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/internal/lab/program"
)

// ownerVariable makes this binary the owner of a machine, to be killed by a test.
const ownerVariable = "MACHINE_OWNER"

func TestMain(m *testing.M) {
	if os.Getenv(ownerVariable) == "" {
		os.Exit(m.Run())
	}
	do := own
	if os.Getenv(ownerVariable) == "building" {
		do = build
	}
	if err := do(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// build stands for a debootstrap: it mounts something, and has children.
func build() error {
	script := `mount -t tmpfs $TMPDIR /mnt || exit 1; sleep 1000 &
		echo "{\"Name\": \"$TMPDIR\", \"PIDNS\": \"$(readlink /proc/self/ns/pid)\"}"; sleep 1000`
	cmd := exec.Command("sh", "-c", script)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return program.RunContained(cmd)
}

// own boots a machine with a program in it, says which, and waits.
func own() error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	root, err := Root(ctx)
	if err != nil {
		return err
	}
	m, err := New(root, Options{})
	if err != nil {
		return err
	}
	if os.Getenv(ownerVariable) == "booting" {
		if err := json.NewEncoder(os.Stdout).Encode(known{Name: m.name, PID: m.supervisor.Process.Pid}); err != nil {
			return err
		}
	}
	if err := m.Boot(ctx); err != nil {
		return err
	}
	k, err := know(m)
	if err != nil {
		return err
	}
	said := &signalling{text: "started", seen: func() { _ = json.NewEncoder(os.Stdout).Encode(k) }}
	_, _, err = m.Run(ctx, []string{"sh", "-c", "echo started; exec sleep 1000"}, Stdout(said))
	return err
}

// A test that is killed leaves nothing behind.
func TestKilledOwnerLeavesNothing(t *testing.T) {
	killOwner(t, "booted", func(k known) { there(t, k) })
}

// Nor does one that is killed while its machine starts, at whatever moment.
func TestKilledWhileBooting(t *testing.T) {
	for _, ms := range []time.Duration{0, 5, 20, 80, 320} {
		killOwner(t, "booting", func(known) { time.Sleep(ms * time.Millisecond) })
	}
}

// Nor does one that is killed while it builds a root, but for the part that the next build removes.
func TestKilledWhileBuilding(t *testing.T) {
	killOwner(t, "building", func(k known) {
		if r := remainsOf(t, k); len(r.processes) < 2 || len(r.mounts) != 1 {
			t.Fatalf("what builds: %+v", r)
		}
	})
}

// killOwner kills a process that has a machine, after do, and looks for what is left.
func killOwner(t *testing.T, when string, do func(known)) {
	t.Helper()
	Need(t)
	if _, err := Root(t.Context()); err != nil {
		t.Fatal(err)
	}
	place := t.TempDir()
	t.Setenv("TMPDIR", place)
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), ownerVariable+"="+when)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// Should do end the test. The process is killed before that otherwise, and has been waited for.
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	var k known
	if err := json.NewDecoder(bufio.NewReader(out)).Decode(&k); err != nil {
		t.Fatalf("%v, %v", err, cmd.Wait())
	}
	do(k)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the owner was not killed")
	}
	nothingRemains(t, k)
	if left, err := os.ReadDir(place); err != nil || len(left) != 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}
