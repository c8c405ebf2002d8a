package trace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// run traces a program and expects it to go as far as its kill, leaving no process behind.
func run(t *testing.T, cmd *exec.Cmd, opt Options) Result {
	t.Helper()
	res, err := Run(t.Context(), cmd, opt)
	if errors.Is(err, ErrNotPermitted) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if opt.Kill.N == 0 && res.Exit() != "exit 0" {
		t.Fatalf("%s ended with %s", cmd, res.Exit())
	}
	noneLeft(t, res.Points)
	return res
}

// noneLeft fails if a process that made a point is still there. A zombie of an orphan is pid 1's.
func noneLeft(t *testing.T, points []Point) {
	t.Helper()
	for _, p := range points {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Process))
		if err == nil && !bytes.Contains(b, []byte(") Z 1 ")) {
			t.Errorf("process %d is still there: %s", p.Process, b)
		}
	}
}

func realDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestEveryStepIsOnePoint(t *testing.T) {
	dir := realDir(t)
	res := run(t, program("steps", dir), Options{Under: []string{dir}})
	threads := map[int]bool{}
	for i, st := range steps() {
		if i >= len(res.Points) {
			break
		}
		p := res.Points[i]
		// The wrappers in x/sys choose between mkdir and mkdirat by architecture.
		if !strings.HasPrefix(p.Call, strings.TrimSuffix(st.name, "at")) || !p.OK() || p.Index != i+1 {
			t.Errorf("step %d: want %s, got %+v", i+1, st.name, p)
		}
		threads[p.Thread] = true
	}
	if len(res.Points) != len(steps()) {
		t.Errorf("want %d points, got %d: %v", len(steps()), len(res.Points), res.Points)
	}
	if len(threads) < 5 {
		t.Errorf("want points of many threads, got %v", threads)
	}
	if len(res.Blind) > 0 || res.Fired {
		t.Errorf("want nothing blind or fired, got %q, %v", res.Blind, res.Fired)
	}
}

func TestManyThreadsAndChildren(t *testing.T) {
	dir := realDir(t)
	res := run(t, program("threads", dir), Options{Under: []string{dir}})
	want := threads*rounds*pointsPerThread + threads*childPoints
	if len(res.Points) != want {
		t.Errorf("want %d points, got %d", want, len(res.Points))
	}
	processes, tids := map[int]bool{}, map[int]bool{}
	for _, p := range res.Points {
		processes[p.Process], tids[p.Thread] = true, true
		if !p.OK() {
			t.Errorf("failed: %v %d", p, p.Result)
		}
	}
	if len(processes) != 1+threads || len(tids) < 2*threads {
		t.Errorf("want %d processes and twice as many threads, got %v and %v", 1+threads, processes, tids)
	}
}

func TestKillAmongThreads(t *testing.T) {
	for _, k := range []Kill{KillBefore(1), KillBefore(17), KillAfter(50), KillAfter(130), KillBefore(threads*rounds*pointsPerThread + threads*childPoints)} {
		t.Run(k.String(), func(t *testing.T) {
			dir := realDir(t)
			res := run(t, program("threads", dir), Options{Under: []string{dir}, Kill: k})
			if !res.Fired || len(res.Points) != k.N || res.Points[k.N-1].Done != (k.When == After) {
				t.Errorf("want it fired at its point, got %v and %d points", res.Fired, len(res.Points))
			}
			for _, p := range res.Points[:k.N-1] {
				if !p.OK() {
					t.Errorf("an earlier point is not done: %v", p)
				}
			}
		})
	}
}

func TestNotFired(t *testing.T) {
	dir := realDir(t)
	res, err := Run(t.Context(), program("steps", dir), Options{Under: []string{dir}, Kill: KillBefore(len(steps()) + 1)})
	if errors.Is(err, ErrNotPermitted) {
		t.Skip(err)
	}
	if err != nil || res.Fired || res.Exit() != "exit 0" {
		t.Errorf("want a run to its end, not fired; got %+v, %v", res, err)
	}
}

func TestExecOnAnotherThread(t *testing.T) {
	dir := filepath.Join(realDir(t), "new")
	res := run(t, program("exec", dir), Options{Under: []string{dir}})
	if want := 1 + childPoints; len(res.Points) != want {
		t.Errorf("want %d points, got %v", want, res.Points)
	}
}

func TestCancel(t *testing.T) {
	dir := realDir(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cue := func(s Syscall) bool {
		if s.Name == "kill" {
			cancel()
		}
		return false
	}
	res, err := Run(ctx, program("hang", dir), Options{Under: []string{dir}, Extra: cue})
	if errors.Is(err, ErrNotPermitted) {
		t.Skip(err)
	}
	if !errors.Is(err, context.Canceled) || !res.Status.Signaled() || len(res.Points) == 0 {
		t.Errorf("want the run cancelled, got %s, %v", res.Exit(), err)
	}
	noneLeft(t, res.Points)
}

func TestExtraPoints(t *testing.T) {
	dir := filepath.Join(realDir(t), "new")
	pipes := func(s Syscall) bool {
		file, err := s.FD(int(s.Args[0]))
		if s.Nr != unix.SYS_WRITE || err != nil || !strings.HasPrefix(file, "pipe:") {
			return false
		}
		b, err := s.Memory(s.Args[1], int(s.Args[2]))
		return err == nil && string(b) == "not a file"
	}
	res := run(t, program("child", dir), Options{Under: []string{dir}, Extra: pipes})
	var calls []string
	for _, p := range res.Points {
		calls = append(calls, p.Call+"="+string(p.Op))
	}
	if got := strings.Join(calls, " "); !strings.Contains(got, "write=other") || len(calls) != 1+childPoints {
		t.Errorf("want one more point, got %s", got)
	}
}

func TestOutputIsNotLost(t *testing.T) {
	cmd := exec.Command("/bin/sh", "-c", "echo out; (echo late &) ; echo err >&2")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	run(t, cmd, Options{})
	if !strings.Contains(out.String(), "out\n") || !strings.Contains(out.String(), "late\n") || errs.String() != "err\n" {
		t.Errorf("want all output, got %q and %q", &out, &errs)
	}
}

func TestBlind(t *testing.T) {
	dir := realDir(t)
	res := run(t, program("mapped", dir), Options{Under: []string{dir}})
	if want := "mmap " + dir + "/mapped"; len(res.Blind) != 1 || res.Blind[0] != want {
		t.Errorf("want %q reported, got %q", want, res.Blind)
	}
}

func TestRunsSideBySide(t *testing.T) {
	var wg sync.WaitGroup
	for range 3 {
		dir := filepath.Join(realDir(t), "new")
		wg.Go(func() {
			res, err := Run(t.Context(), program("child", dir), Options{Under: []string{dir}})
			if errors.Is(err, ErrNotPermitted) {
				return
			}
			if err != nil || len(res.Points) != childPoints {
				t.Errorf("want %d points, got %v, %v", childPoints, res.Points, err)
			}
		})
		wg.Go(func() {
			// Programs of other goroutines are theirs to wait for.
			for range 20 {
				if err := exec.Command("/bin/true").Run(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
