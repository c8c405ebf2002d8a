package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// long is a plan that writes more than a small pipe holds.
const (
	long = `
plan { name = "long" }
file "many" {
  count   = %d
  path    = "/etc/many/${count.index}"
  content = "number ${count.index}\n"
}
`
	many = 1200
)

// stalled is an apply whose output is no longer read after a few changes: it stops in the middle
// of its work, for as long as the test wants.
type stalled struct {
	cmd    *exec.Cmd
	dir    string
	reader *os.File
	rest   *bufio.Reader
	stderr bytes.Buffer
}

func (s *stalled) args(verb ...string) []string {
	return append(verb, "--root", filepath.Join(s.dir, "root"))
}

func (s *stalled) planFile() string { return filepath.Join(s.dir, "plan.hcl") }

func stall(t *testing.T, change func(*exec.Cmd)) *stalled {
	t.Helper()
	s := &stalled{dir: t.TempDir()}
	for _, err := range []error{
		os.Mkdir(filepath.Join(s.dir, "root"), 0o755),
		os.WriteFile(s.planFile(), fmt.Appendf(nil, long, many), 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	if _, err := unix.FcntlInt(w.Fd(), unix.F_SETPIPE_SZ, 4096); err != nil {
		t.Fatal(err)
	}
	s.cmd = exec.Command("agent0-converge", append(s.args("apply"), s.planFile())...)
	s.cmd.Stdout, s.cmd.Stderr, s.cmd.Dir = w, &s.stderr, s.dir
	if change != nil {
		change(s.cmd)
	}
	err = s.cmd.Start()
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.cmd.Process.Kill(); _ = s.cmd.Wait() })
	s.reader, s.rest = r, bufio.NewReader(r)
	for line := ""; !strings.Contains(line, "file.many[3]"); {
		if line, err = s.rest.ReadString('\n'); err != nil {
			t.Fatalf("%v\n%s", err, s.stderr.String())
		}
	}
	return s
}

func (s *stalled) signal(t *testing.T, sigs ...syscall.Signal) {
	t.Helper()
	for _, sig := range sigs {
		if err := s.cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		s.rests(t)
	}
}

// rests waits until the program has taken note of what it was told: it is stalled again, or gone. While
// anything is left to do one of its threads is about to run, or has run between two looks.
func (s *stalled) rests(t *testing.T) {
	t.Helper()
	was := ""
	waitUntil(t, func() bool {
		is := threads(s.cmd.Process.Pid)
		calm := is == was && !strings.Contains(is, "State:\tR")
		was = is
		return calm
	})
}

// threads tells of each thread of a process its state, the signals that wait for it and how often it ran.
func threads(pid int) string {
	names, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil {
		return err.Error()
	}
	var out strings.Builder
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			fmt.Fprintln(&out, err) // it ended meanwhile
		}
		for line := range strings.Lines(string(b)) {
			for _, key := range []string{"State:", "SigPnd:", "ShdPnd:", "voluntary_ctxt_switches:", "nonvoluntary_ctxt_switches:"} {
				if strings.HasPrefix(line, key) {
					out.WriteString(line)
				}
			}
		}
	}
	return out.String()
}

// ended waits and returns the exit status.
func (s *stalled) ended(t *testing.T) int {
	t.Helper()
	var exit *exec.ExitError
	if err := s.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return s.cmd.ProcessState.ExitCode()
}

// ok runs the program and wants success.
func ok(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("agent0-converge", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// whole counts the files of the plan that are there, each of which must be as the plan wants it. Only
// what was cut short may leave something else: the temporary file that it was about.
func (s *stalled) whole(t *testing.T, cut bool) int {
	t.Helper()
	dir := filepath.Join(s.dir, "root/etc/many")
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, e := range entries {
		if cut && strings.HasPrefix(e.Name(), ".agent0-converge.") {
			continue
		}
		n++
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if want := "number " + e.Name() + "\n"; string(b) != want {
			t.Errorf("%s holds %q, not %q", e.Name(), b, want)
		}
	}
	return n
}

// goesOn proves that the next run arrives.
func (s *stalled) goesOn(t *testing.T) {
	t.Helper()
	ok(t, append(s.args("apply"), s.planFile())...)
	ok(t, append(s.args("plan", "--detailed-exitcode"), s.planFile())...)
	if n := s.whole(t, false); n != many {
		t.Errorf("%d files, not %d", n, many)
	}
}

// TestSignalEndsAfterTheChangeAtHand: what was begun is finished, the rest is untouched, and the
// journal knows.
func TestSignalEndsAfterTheChangeAtHand(t *testing.T) {
	for _, tt := range []struct {
		sig    syscall.Signal
		status int
	}{{syscall.SIGTERM, 143}, {syscall.SIGINT, 130}, {syscall.SIGHUP, 129}} {
		t.Run(tt.sig.String(), func(t *testing.T) {
			// What is caught here is not ignored by the programs that are started: nohup may run the tests.
			caught := make(chan os.Signal, 1)
			signal.Notify(caught, tt.sig)
			t.Cleanup(func() { signal.Stop(caught) })
			s := stall(t, nil)
			s.signal(t, tt.sig)
			out, err := io.ReadAll(s.rest)
			if err != nil {
				t.Fatal(err)
			}
			if got := s.ended(t); got != tt.status {
				t.Errorf("exit status %d, not %d", got, tt.status)
			}
			if got, want := s.stderr.String(), "Error: stopped by "+tt.sig.String()+"\n"; got != want {
				t.Errorf("%q, not %q", got, want)
			}
			done := s.whole(t, false)
			account := regexp.MustCompile(fmt.Sprintf(`(?m)^  · file\.many\[%d\] +untouched$(?s:.*)^%d done, %d untouched\. This was run 1;`, many-1, done+2, many-done))
			if done == many || !account.Match(out) {
				t.Errorf("%d are done, and it ends:\n%s", done, tail(out))
			}
			if again := "To go on: agent0-converge apply --root " + filepath.Join(s.dir, "root") + " " + s.planFile() + "\n"; !strings.HasSuffix(string(out), again) {
				t.Errorf("it does not say how to go on:\n%s", tail(out))
			}
			if history := ok(t, s.args("history")...); !strings.Contains(history, "interrupted") {
				t.Errorf("history does not know:\n%s", history)
			}
			ok(t, s.args("show", "1")...)
			s.goesOn(t)
		})
	}
}

func tail(b []byte) string { return string(b[max(0, len(b)-500):]) }

// TestRunOutlivesItsReader: that nobody reads on ("apply | head") ends no run in the middle, nor
// does the end of the terminal where nohup said so. What could not be said is an error.
func TestRunOutlivesItsReader(t *testing.T) {
	s := stall(t, func(cmd *exec.Cmd) {
		sh, err := exec.LookPath("sh")
		if err != nil {
			t.Fatal(err)
		}
		cmd.Path, cmd.Args = sh, append([]string{"sh", "-c", `trap "" HUP && exec "$@"`, "sh"}, cmd.Args...)
	})
	s.signal(t, syscall.SIGHUP)
	if err := s.reader.Close(); err != nil {
		t.Fatal(err)
	}
	if got, want := s.ended(t), exitError; got != want {
		t.Errorf("exit status %d, not %d", got, want)
	}
	if got, want := s.stderr.String(), "Error: cannot write the output: write /dev/stdout: broken pipe\n"; got != want {
		t.Errorf("%q, not %q", got, want)
	}
	if n := s.whole(t, false); n != many {
		t.Errorf("%d files, not %d", n, many)
	}
	if history := ok(t, s.args("history")...); !strings.Contains(history, "converged") {
		t.Errorf("history does not know:\n%s", history)
	}
}

// TestSecondSignalEndsAtOnce: nobody reads what the program writes, so that it ends at all is the
// second signal's doing.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	s := stall(t, nil)
	s.signal(t, syscall.SIGTERM, syscall.SIGINT)
	if got := s.ended(t); got != 130 && got != 143 {
		t.Errorf("exit status %d, neither 130 nor 143", got)
	}
	s.whole(t, true)
	s.goesOn(t)
}

// TestKilledRunIsNoticed: the next run says what was cut short and goes on.
func TestKilledRunIsNoticed(t *testing.T) {
	s := stall(t, nil)
	s.signal(t, syscall.SIGKILL)
	s.ended(t)
	plan := ok(t, append(s.args("plan"), s.planFile())...)
	if want := "Run 1 (apply) did not end: it is at work still, or was cut short. The next apply goes on from there.\n"; !strings.Contains(plan, want) {
		t.Errorf("plan does not say %q:\n%s", want, plan)
	}
	if history := ok(t, s.args("history")...); !strings.Contains(history, "cut short or at work") {
		t.Errorf("history does not know:\n%s", history)
	}
	apply := ok(t, append(s.args("apply"), s.planFile())...)
	found := regexp.MustCompile(`^Run 1 \(apply long\) was interrupted (between two changes|while it was to create file\.many\[\d+\])\. Going on from there\.\n`)
	if !found.MatchString(apply) {
		t.Errorf("apply does not say so:\n%s", apply[:min(len(apply), 300)])
	}
	s.goesOn(t)
	ok(t, s.args("undo", "--to", "1")...)
	if _, err := os.Stat(filepath.Join(s.dir, "root/etc")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("undo left something: %v", err)
	}
}

// TestSignalEndsTheWaitForTheLock: a run that waits for another can be called off.
func TestSignalEndsTheWaitForTheLock(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("looks at the files that the program has open, as only root may")
	}
	s := stall(t, nil) // holds the lock
	cmd := exec.Command("agent0-converge", append(s.args("apply", "--lock-timeout", "1h"), s.planFile())...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, func() bool { return opened(cmd.Process.Pid, "/agent0-converge/lock") })
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 143 || !strings.Contains(out.String(), "Error: stopped by terminated") {
		t.Errorf("%v\n%s", err, out.String())
	}
}
