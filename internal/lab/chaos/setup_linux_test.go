package chaos_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/internal/lab/serving"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// programs are the real ones, and faulty has an engine that dies and hangs of prompts which say so.
var programs, faulty serving.Programs

func TestMain(m *testing.M) {
	os.Exit(serving.Main(m, &programs, func(dir string) (err error) {
		faulty, err = programs.Faulty(filepath.Join(dir, "faulty"))
		return err
	}))
}

// start serves with programs and waits until a token was generated.
func start(t *testing.T, p serving.Programs, change func(*spec.Runtime)) *serving.Server {
	t.Helper()
	s := serving.Serve(t, p, t.TempDir(), change)
	s.AwaitReady(t)
	return s
}

// ended waits until a front has ended, and returns its exit status, -1 where a signal ended it.
func ended(t *testing.T, f *serving.Front) int {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), serving.Patience)
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
