package chaos_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/internal/lab/serving"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// programs are the real ones, and faulty has an engine that dies and hangs of prompts which say so.
var programs, faulty serving.Programs

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "agent0-chaos-")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer os.RemoveAll(dir)
	programs, err = serving.Build(dir)
	if errors.Is(err, serving.ErrCannotBuild) {
		fmt.Println("skipping:", err)
		return 0
	}
	if err == nil {
		faulty, err = programs.Faulty(filepath.Join(dir, "faulty"))
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	return m.Run()
}

// patience is how long anything may take that is waited for: much longer than it does on a busy machine.
const patience = 2 * time.Minute

// start serves with programs and waits until a token was generated.
func start(t *testing.T, p serving.Programs, change func(*spec.Runtime)) *serving.Server {
	t.Helper()
	s, err := serving.Start(p, t.TempDir(), change)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("what the front and its engines said last:\n%s", tail(s.Front().Log(), 40))
		}
		s.Close() // the front may have ended
	})
	until(t, s, "ready", func(h serving.Health) bool { return h.Ready })
	return s
}

// until waits for /health to be as wanted.
func until(t *testing.T, s *serving.Server, what string, wanted func(serving.Health) bool) serving.Health {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	h, err := s.Until(ctx, wanted)
	if err != nil {
		t.Fatalf("it was never %s: %v", what, err)
	}
	return h
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never happened: %s", what)
		}
	}
}

// ended waits until a front has ended, and returns its exit status, -1 where a signal ended it.
func ended(t *testing.T, f *serving.Front) int {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	state, err := f.Wait(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return state.ExitCode()
}

// runs reports whether a process is there and has not ended. Who adopts it need not have taken note of its end.
func runs(pid int) bool {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(b), ") ") // its name is in parentheses
	return !strings.HasPrefix(after, "Z") && !strings.HasPrefix(after, "X")
}

// tail returns the last lines of a log.
func tail(log string, lines int) string {
	all := strings.Split(strings.TrimSpace(log), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}
