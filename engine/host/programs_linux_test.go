package host_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

func TestRealPrograms(t *testing.T) {
	t.Setenv("SECRET", "of the caller")
	var calls []host.Call
	var ops []host.Op
	h := open(t, host.Options{
		Ran:   func(c host.Call) { calls = append(calls, c) },
		Watch: func(o host.Op) error { ops = append(ops, o); return nil },
	})
	ctx := context.Background()
	out, err := h.Programs.Run(ctx, "env")
	want := "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nLC_ALL=C\nHOME=/\n"
	if string(out.Stdout) != want || err != nil {
		t.Errorf("the environment is %q, %v", out.Stdout, err)
	}
	out, err = h.Programs.RunInput(ctx, []byte("typed"), "/bin/cat")
	if string(out.Stdout) != "typed" || err != nil {
		t.Errorf("cat printed %q, %v", out.Stdout, err)
	}
	_, err = h.Programs.Run(ctx, "sh", "-c", "echo out; echo err >&2; exit 3")
	failed, ok := errors.AsType[*host.ProgramError](err)
	if !ok || failed.Exit != 3 || failed.Output != "out\nerr\n" || !strings.Contains(err.Error(), "exit status 3: out\nerr") {
		t.Errorf("a failure is %v", err)
	}
	if _, err = h.Programs.Run(ctx, "no-such-program"); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("none: %v", err)
	}
	if len(ops) != 4 || ops[0] != (host.Op{Name: "exec", Path: "env"}) {
		t.Errorf("the watcher saw %v", ops)
	}
	if len(calls) != 4 || calls[2].Exit != 3 || calls[2].Output != "out\nerr\n" || calls[3].Exit != -1 {
		t.Errorf("the journal saw %+v", calls)
	}
}

// TestDeadlineEndsTheWholeGroup starts a program whose child ignores being asked to end.
func TestDeadlineEndsTheWholeGroup(t *testing.T) {
	h := open(t, host.Options{})
	fifo := t.TempDir() + "/fifo"
	check(t, unix.Mkfifo(fifo, 0o600))
	ctx, cancel := context.WithCancelCause(context.Background())
	stop := errors.New("stopped")
	child := make(chan int)
	go func() {
		b, err := os.ReadFile(fifo) // until the child has written its number
		if err != nil {
			t.Error(err)
		}
		pid, _ := strconv.Atoi(strings.TrimSpace(string(b)))
		cancel(stop)
		child <- pid
	}()
	_, err := h.Programs.Run(ctx, "sh", "-c", `sh -c 'trap "" TERM; echo $$ > "$0"; while :; do sleep 1000; done' "$0" & wait`, fifo)
	if !errors.Is(err, stop) {
		t.Errorf("ended with %v", err)
	}
	waitForEnd(t, <-child)
}

// waitForEnd waits until a process that was killed has noticed.
func waitForEnd(t *testing.T, pid int) {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return
	}
	check(t, err)
	defer unix.Close(fd)
	ready := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(ready, 60_000)
	for errors.Is(err, unix.EINTR) {
		n, err = unix.Poll(ready, 60_000)
	}
	if n != 1 || err != nil {
		t.Errorf("process %d lives: %v", pid, err)
	}
}

func TestProgramsLeaveNothingBehind(t *testing.T) {
	h := open(t, host.Options{})
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	fds, routines := openFDs(t), runtime.NumGoroutine()
	for range 20 {
		h.Programs.RunInput(context.Background(), make([]byte, 1<<20), "true") // does not read it
		h.Programs.Run(ended, "cat")
		h.Programs.Run(context.Background(), "no-such-program")
	}
	for range 1_000_000 { // a goroutine that has done its work may not have ended yet
		if runtime.NumGoroutine() <= routines {
			break
		}
		runtime.Gosched()
	}
	if f, r := openFDs(t), runtime.NumGoroutine(); f > fds || r > routines {
		t.Errorf("descriptors %d, were %d; goroutines %d, were %d", f, fds, r, routines)
	}
}

func TestEndlessOutputIsStopped(t *testing.T) {
	_, err := open(t, host.Options{}).Programs.Run(context.Background(), "yes")
	failed, ok := errors.AsType[*host.ProgramError](err)
	if !ok || !strings.Contains(failed.Err.Error(), "16 MiB") || len(failed.Output) > 64<<10 {
		t.Errorf("yes ended with %.200v", err)
	}
}

func TestPlayedPrograms(t *testing.T) {
	m := hosttest.New(t, hosttest.Config{Programs: map[string]hosttest.Program{
		"swapon": func(_ context.Context, m *hosttest.Machine, argv []string, stdin []byte) (host.Output, error) {
			m.Put("/proc/swaps", hosttest.File{Content: argv[1] + string(stdin)})
			return host.Output{}, nil
		},
		"fail": func(context.Context, *hosttest.Machine, []string, []byte) (host.Output, error) {
			return host.Output{Stderr: []byte("no"), Exit: 4}, nil
		},
	}})
	ctx, programs := context.Background(), m.Host().Programs
	_, err := programs.RunInput(ctx, []byte("!"), "/sbin/swapon", "/swap")
	if m.Get("/proc/swaps") != "/swap!" || err != nil {
		t.Errorf("swaps are %q, %v", m.Get("/proc/swaps"), err)
	}
	_, err = programs.Run(ctx, "fail")
	if failed, ok := errors.AsType[*host.ProgramError](err); !ok || failed.Exit != 4 || failed.Output != "no" {
		t.Errorf("a failure is %v", err)
	}
	if _, err := programs.Run(ctx, "env"); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("a program that the machine has not: %v", err)
	}
	m.StopAt(1)
	if _, err := programs.Run(ctx, "swapon", "/other"); !errors.Is(err, hosttest.ErrStopped) || m.Get("/proc/swaps") != "/swap!" {
		t.Errorf("ran on a stopped machine: %v", err)
	}
	if len(m.Calls()) != 0 {
		t.Errorf("what did not run is journalled: %v", m.Calls())
	}
}

func TestQueriesOnlyLook(t *testing.T) {
	played := 0
	look := func(context.Context, *hosttest.Machine, []string, []byte) (host.Output, error) {
		played++
		return host.Output{}, nil
	}
	c := hosttest.Config{Programs: map[string]hosttest.Program{"getent": look, "useradd": look}}
	m := hosttest.New(t, c)
	ctx := context.Background()
	_, err := m.View().Programs.Query(ctx, "getent", "passwd", "x")
	check(t, err)
	for _, argv := range [][]string{{"useradd", "x"}, {"/tmp/getent"}, {}} {
		if _, err := m.View().Programs.Query(ctx, argv...); err == nil || !strings.Contains(err.Error(), "only getent and systemd-detect-virt") {
			t.Errorf("Query(%v): %v", argv, err)
		}
	}
	if played != 1 || m.Changes() != 0 || len(m.Calls()) != 0 {
		t.Errorf("played %d, changes %v, calls %v", played, m.Ops(), m.Calls())
	}
	c.Offline = true
	m = hosttest.New(t, c)
	_, runErr := m.Host().Programs.Run(ctx, "useradd", "x")
	_, queryErr := m.View().Programs.Query(ctx, "getent", "passwd")
	for _, err := range []error{runErr, queryErr} {
		if _, ok := errors.AsType[*host.OfflineError](err); !ok || !m.View().Offline {
			t.Errorf("on an image: %v", err)
		}
	}
}
