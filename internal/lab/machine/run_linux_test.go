package machine

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestRun(t *testing.T) {
	m := Booted(t, Options{})
	for _, c := range []struct {
		name, script string
		rc           int
		out          string
	}{
		{"both outputs", "echo one; echo two >&2", 0, "one\ntwo\n"},
		{"exit status", "exit 7", 7, ""},
		{"a signal", "kill -TERM $$", 128 + 15, ""},
		{"what it is given", "echo $A $PWD; cat", 0, "b /etc\nread"},
		{"nothing of the host", "ls /work /proc/1/exe 2>/dev/null; env | grep -c GOPATH", 1, "/proc/1/exe\n0\n"},
	} {
		rc, out, err := m.Run(t.Context(), []string{"sh", "-c", c.script}, Env("A=b"), In("/etc"), Stdin(strings.NewReader("read")))
		if rc != c.rc || string(out) != c.out || err != nil {
			t.Errorf("%s: %d, %q, %v; want %d, %q", c.name, rc, out, err, c.rc, c.out)
		}
	}
	var stdout strings.Builder
	rc, out, err := m.Run(t.Context(), []string{"sh", "-c", "echo one; echo two >&2"}, Stdout(&stdout))
	if rc != 0 || string(out) != "two\n" || stdout.String() != "one\n" || err != nil {
		t.Errorf("outputs apart: %d, %q, %q, %v", rc, out, stdout.String(), err)
	}
	if _, _, err := m.Run(t.Context(), []string{"no-such-program"}); err == nil || !strings.Contains(err.Error(), "no-such-program") {
		t.Errorf("no such program: %v", err)
	}
}

// Whatever a program has started goes when it ends, and what systemd has started for it stays.
func TestRunLeavesNothing(t *testing.T) {
	m := Booted(t, Options{})
	m.MustRun(t, "sh", "-c", "setsid sleep 1001 & sleep 1002 & systemd-run --quiet --unit=stays sleep 1003")
	if got := sleeps(t, m); got != "1003" {
		t.Errorf("still running: sleep %s", got)
	}

	ctx, cancel := context.WithCancelCause(t.Context())
	gaveUp := errors.New("gave up")
	out := &signalling{text: "ready", seen: func() { cancel(gaveUp) }}
	_, _, err := m.Run(ctx, []string{"sh", "-c", "trap '' TERM; setsid sleep 1004 & echo ready; sleep 1005"}, Stdout(out))
	if !errors.Is(err, gaveUp) {
		t.Errorf("stopped: %v", err)
	}
	if got := sleeps(t, m); got != "1003" {
		t.Errorf("still running after it was stopped: sleep %s", got)
	}
	if got := m.MustRun(t, "sh", "-c", "find /sys/fs/cgroup -name 'lab.run-*' -printf '%f\\n' | sort -u | wc -l"); got != "1\n" {
		t.Errorf("%s groups of programs, of which one is its own", got)
	}
}

// A machine that goes takes along what runs in it, and Run says so.
func TestRunEndsWithTheMachine(t *testing.T) {
	m := Booted(t, Options{})
	killed := make(chan error, 1)
	out := &signalling{text: "ready", seen: func() { go func() { killed <- m.Kill() }() }}
	rc, _, err := m.Run(t.Context(), []string{"sh", "-c", "echo ready; sleep 1000"}, Stdout(out))
	if rc == 0 && err == nil {
		t.Error("it ended well")
	}
	if err := <-killed; err != nil {
		t.Error(err)
	}
	if err := m.Boot(t.Context()); err != nil {
		t.Error(err)
	}
}

func sleeps(t *testing.T, m *Machine) string {
	t.Helper()
	return strings.Join(strings.Fields(m.MustRun(t, "sh", "-c", "ps -C sleep -o args= | cut -d' ' -f2 | sort")), " ")
}

// signalling calls seen when text is written to it.
type signalling struct {
	text string
	seen func()
}

func (s *signalling) Write(b []byte) (int, error) {
	if strings.Contains(string(b), s.text) {
		s.seen()
	}
	return len(b), nil
}

func TestRunOnce(t *testing.T) {
	Need(t)
	root, err := Root(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rc, out, err := Run(t.Context(), root, []string{"sh", "-c", "systemctl is-active dbus; exit 3"})
	if rc != 3 || string(out) != "active\n" || err != nil {
		t.Errorf("%d, %q, %v", rc, out, err)
	}
}

// until waits for a condition.
func until(t *testing.T, what string, condition func() (done bool, state string)) {
	t.Helper()
	limit := time.Now().Add(2 * time.Minute)
	for {
		done, state := condition()
		if done {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("%s: not so after two minutes; now %s", what, state)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
