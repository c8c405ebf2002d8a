package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine/enginetest"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
	"github.com/agent0-converge/agent0-converge/internal/lab/crash"
)

// binary builds the program as it is shipped.
func binary(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "agent0-converge")
	cmd := exec.Command("go", "build", "-o", bin, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cannot build: %v\n%s", err, out)
	}
	return bin
}

// play is a plan that a crash falls into, between a root on which an earlier plan was applied and the
// same root with this one, as it is without a crash.
type play struct {
	bin, plan string
	first     int // the number of the plan's first run
	start     *crash.Tree
	want      *crash.Tree
}

// newPlay applies both plans, the earlier one if there is one.
func newPlay(t *testing.T, files map[string]hosttest.File, before, plan string) *play {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: what is converged belongs to root")
	}
	enginetest.FastTemp(t)
	p := &play{bin: binary(t), plan: plan, first: 1}
	m := hosttest.New(t, hosttest.Config{Files: files, Offline: true})
	if before != "" {
		p.first = 2
		first := filepath.Join(t.TempDir(), "before.hcl")
		if err := os.WriteFile(first, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		s := scene{play: p}
		if _, err := s.run("apply", "--root", m.Path("/"), first); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if p.start, err = crash.Load(m.Path("/")); err != nil {
		t.Fatal(err)
	}
	s := scene{p, t.TempDir()}
	if err := s.set(); err != nil {
		t.Fatal(err)
	}
	if out, err := s.apply().CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if p.want, err = s.tree(); err != nil {
		t.Fatal(err)
	}
	if lines := managed(p.start.Diff(p.want)); len(lines) < 10 {
		t.Fatalf("the plan changes too little to prove anything: %q", lines)
	}
	if err := errors.Join(s.arrives(), s.goesBack()); err != nil {
		t.Fatal(err)
	}
	return p
}

// scene is a root and the play's plan to be applied to it, in one folder.
type scene struct {
	*play
	dir string
}

func (s scene) root() string { return filepath.Join(s.dir, "root") }
func (s scene) file() string { return filepath.Join(s.dir, "plan.hcl") }

// set fills an empty folder.
func (s scene) set() error {
	return errors.Join(os.Mkdir(s.root(), 0o755), s.start.Materialize(s.root()), os.WriteFile(s.file(), []byte(s.plan), 0o600))
}

func (s scene) apply() *exec.Cmd {
	return exec.Command(s.bin, "apply", "--allow-prune", "--root", s.root(), s.file())
}

func (s scene) run(args ...string) (string, error) {
	out, err := exec.Command(s.bin, args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

// arrives is what must hold after any crash: the next apply converges, the journal is readable,
// nothing lies about, and the tree is as if there had been no crash.
func (s scene) arrives() error {
	for _, args := range [][]string{
		{"apply", "--allow-prune", "--root", s.root(), s.file()}, {"plan", "--detailed-exitcode", "--root", s.root(), s.file()},
		{"history", "--root", s.root()}, {"show", "--root", s.root()},
	} {
		if _, err := s.run(args...); err != nil {
			return err
		}
	}
	return s.is("without a crash", s.want)
}

// goesBack is what must hold after it: all runs of the plan can be taken back, the one that was cut
// short too.
func (s scene) goesBack() error {
	if _, err := s.run("undo", "--to", fmt.Sprint(s.first), "--root", s.root()); err != nil {
		return err
	}
	return s.is("before", s.start)
}

// is compares the tree.
func (s scene) is(what string, want *crash.Tree) error {
	have, err := s.tree()
	if err != nil {
		return err
	}
	if diff := managed(want.Diff(have)); len(diff) > 0 {
		return fmt.Errorf("the tree is not as %s:\n%s", what, strings.Join(diff, "\n"))
	}
	return nil
}

// managed leaves out differences in the folders of the journal, and the lock of the account files, which
// stays once it is there.
func managed(diff []string) []string {
	return slices.DeleteFunc(diff, func(line string) bool {
		return strings.HasPrefix(line, "/var:") || strings.HasPrefix(line, "/var/lib") || strings.HasPrefix(line, "/etc/.pwd.lock:")
	})
}

// tree is what the root holds, which must be no more than it should.
func (s scene) tree() (*crash.Tree, error) {
	err := filepath.WalkDir(s.root(), func(name string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(filepath.Base(name), ".agent0-converge.") {
			return fmt.Errorf("a temporary file was left: %s", name)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return crash.Load(s.root())
}
