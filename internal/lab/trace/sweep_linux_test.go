package trace

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestSweepKillsOnEitherSideOfEveryPoint(t *testing.T) {
	want := expectedTrees(t)
	s := Sweep{
		Dir:     t.TempDir(),
		Prepare: func(dir string) (*exec.Cmd, error) { return program("steps", dir), nil },
		Check: func(dir string, k Kill) error {
			done := k.N
			switch {
			case k.N == 0:
				done = len(want) - 1
			case k.When == Before:
				done--
			}
			if got := fingerprint(t, dir); got != want[done] {
				return fmt.Errorf("want\n%s\ngot\n%s", want[done], got)
			}
			return nil
		},
	}
	r, err := s.Run(t.Context())
	if errors.Is(err, ErrNotPermitted) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if n := len(steps()); len(r.Points) != n || r.Fired != 2*n || r.Retries != 0 || r.Strayed != 0 {
		t.Errorf("want %d points, all killed twice, got %s", n, r)
	}
}

// expectedTrees are what is there after each number of steps, found by doing them here.
func expectedTrees(t *testing.T) []string {
	t.Helper()
	s := &stepper{dir: t.TempDir()}
	want := []string{fingerprint(t, s.dir)}
	for _, st := range steps() {
		if err := st.do(s); err != nil {
			t.Skipf("cannot do %s on this file system: %v", st.name, err)
		}
		want = append(want, fingerprint(t, s.dir))
		if n := len(want); (want[n-1] == want[n-2]) != st.silent && !strings.Contains(st.name, "chown") {
			t.Errorf("step %d (%s) must be seen unless it is silent", n-1, st.name)
		}
	}
	return want
}

func TestSweepReportsWhatDidNotFire(t *testing.T) {
	dir := t.TempDir()
	count := filepath.Join(dir, "count")
	if err := os.WriteFile(count, []byte("5"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := Sweep{
		Dir:   dir,
		Retry: 1,
		Prepare: func(dir string) (*exec.Cmd, error) {
			cmd := program("dwindle", dir)
			cmd.Env = append(cmd.Env, "TRACE_COUNT="+count)
			return cmd, nil
		},
		Check: func(string, Kill) error { return nil },
	}
	r, err := s.Run(t.Context())
	if errors.Is(err, ErrNotPermitted) {
		t.Skip(err)
	}
	if err == nil || !strings.Contains(err.Error(), "killed after point 5 of 5") || !strings.Contains(err.Error(), "did not fire in 2 runs") {
		t.Errorf("want the kills that did not fire, got %v", err)
	}
	if r.Retries == 0 || r.Fired >= len(r.Kills) {
		t.Errorf("want retries and misses counted, got %s", r)
	}
}

func TestSweepJoinsFailedChecks(t *testing.T) {
	s := Sweep{
		Dir:     t.TempDir(),
		Prepare: func(dir string) (*exec.Cmd, error) { return program("child", filepath.Join(dir, "c")), nil },
		Check: func(_ string, k Kill) error {
			if k.When == After {
				return errors.New("bad")
			}
			return nil
		},
	}
	_, err := s.Run(t.Context())
	if errors.Is(err, ErrNotPermitted) {
		t.Skip(err)
	}
	if got := fmt.Sprint(err); strings.Count(got, ": bad") != childPoints || !strings.Contains(got, "killed after point 2 (2 symlinkat") {
		t.Errorf("want %d failures that name their points, got %v", childPoints, err)
	}
}

func TestSample(t *testing.T) {
	s := Sweep{Sample: 7, Seed: 1}
	a, b := s.kills(50), s.kills(50)
	if len(a) != 7 || fmt.Sprint(a) != fmt.Sprint(b) {
		t.Errorf("want 7 kills, the same each time, got %v and %v", a, b)
	}
	s.Seed = 2
	if c := s.kills(50); len(c) != 7 || fmt.Sprint(a) == fmt.Sprint(c) {
		t.Errorf("want 7 others of another seed, got %v", c)
	}
	if all := s.kills(3); len(all) != 6 {
		t.Errorf("want all when there are fewer, got %v", all)
	}
}
