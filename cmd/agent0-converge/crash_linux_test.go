package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/internal/lab/crash"
	"github.com/agent0-converge/agent0-converge/internal/lab/trace"
)

// everything is a plan of every kind that changes, creates, keeps and removes: what a crash may
// fall into.
const everything = `
plan { name = "crash" }

directory "data" {
  path = "/srv/data"
  mode = "0750"
}
directory "old" {
  path = "/srv/old"
  mode = "0700"
}
file "new" {
  path    = "/srv/data/new.conf"
  mode    = "0640"
  content = "new\n"
}
file "motd" {
  path    = "/etc/motd"
  content = "converged\n"
}
file "deep" {
  path    = "/opt/a/b/c/deep"
  content = "deep\n"
}
file "secret" {
  path      = "/etc/agent0/token"
  content   = "second secret"
  sensitive = true
}
file "mode" {
  path = "/etc/mode-only"
  mode = "0600"
}
file "gone" {
  path   = "/etc/gone"
  absent = true
}
file "many" {
  for_each = ["a", "b", "c"]
  path     = "/srv/old/${each.key}"
  content  = each.key
}
symlink "current" {
  path   = "/srv/current"
  target = "data"
}
symlink "moved" {
  path   = "/etc/moved"
  target = "/srv/data/new.conf"
}
env_file "agent0" {
  path   = "/etc/agent0/agent0.env"
  values = { KEY = "two", OTHER = "three" }
}
`

// before is the plan that was applied earlier: some of it stays, some changes, one is dropped.
const before = `
plan { name = "crash" }

file "motd" {
  path    = "/etc/motd"
  content = "first\n"
}
file "dropped" {
  path    = "/etc/dropped"
  content = "dropped\n"
}
symlink "moved" {
  path   = "/etc/moved"
  target = "/nowhere"
}
`

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

// scene is a root and a plan to be applied to it, in one folder.
type scene struct{ bin, dir string }

func (s scene) root() string { return filepath.Join(s.dir, "root") }

// set fills an empty folder: a root on which the first plan was applied.
func (s scene) set() error {
	for name, content := range map[string]string{
		"root/etc/motd": "original\n", "root/etc/mode-only": "as it is\n", "root/etc/gone": "goes\n",
		"root/srv/old/stays": "nobody manages this\n", "everything.hcl": everything, "before.hcl": before,
	} {
		full := filepath.Join(s.dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(full, []byte(content), 0o644); err != nil {
			return err
		}
	}
	_, err := s.run("apply", "--root", s.root(), filepath.Join(s.dir, "before.hcl"))
	return err
}

func (s scene) apply() *exec.Cmd {
	return exec.Command(s.bin, "apply", "--root", s.root(), filepath.Join(s.dir, "everything.hcl"))
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
func (s scene) arrives(want *crash.Tree) error {
	plan := filepath.Join(s.dir, "everything.hcl")
	for _, args := range [][]string{
		{"apply", "--root", s.root(), plan}, {"plan", "--detailed-exitcode", "--root", s.root(), plan},
		{"history", "--root", s.root()}, {"show", "--root", s.root()},
	} {
		if _, err := s.run(args...); err != nil {
			return err
		}
	}
	have, err := s.tree()
	if err != nil {
		return err
	}
	if diff := want.Diff(have); len(diff) > 0 {
		return fmt.Errorf("the tree is not as without a crash:\n%s", strings.Join(diff, "\n"))
	}
	return nil
}

// tree is what the root holds apart from the journal, which must hold no more than it should.
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
	shadow := filepath.Join(s.dir, "shadow")
	if err := os.RemoveAll(shadow); err != nil {
		return nil, err
	}
	if out, err := exec.Command("cp", "-a", s.root(), shadow).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("cp: %w: %s", err, out)
	}
	if err := os.RemoveAll(filepath.Join(shadow, "var")); err != nil {
		return nil, err
	}
	return crash.Load(shadow)
}

// converged is the tree of a run without a crash.
func converged(t *testing.T, bin string) *crash.Tree {
	t.Helper()
	s := scene{bin, t.TempDir()}
	if err := s.set(); err != nil {
		t.Fatal(err)
	}
	if out, err := s.apply().CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want, err := s.tree()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.arrives(want); err != nil {
		t.Fatal(err)
	}
	return want
}

func needPtrace(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: what is converged belongs to root")
	}
}

// TestKillAtEveryPoint kills the program before and after its system calls that change something.
// All points are swept with AGENT0_LAB=1, otherwise 150 of them.
func TestKillAtEveryPoint(t *testing.T) {
	needPtrace(t)
	bin := binary(t)
	want := converged(t, bin)
	sample := 150
	if os.Getenv("AGENT0_LAB") != "" {
		sample = 0
	}
	sweep := trace.Sweep{
		Dir: t.TempDir(), Sample: sample, Seed: 1, Retry: 5,
		Prepare: func(dir string) (*exec.Cmd, error) {
			s := scene{bin, dir}
			return s.apply(), s.set()
		},
		Check: func(dir string, _ trace.Kill) error { return scene{bin, dir}.arrives(want) },
	}
	report, err := sweep.Run(t.Context())
	t.Log(report)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Points) < 60 || report.Fired != len(report.Kills) {
		t.Errorf("%d of %d kills fired at %d points", report.Fired, len(report.Kills), len(report.Points))
	}
}

// TestKillTheRecovery kills a run, and then the run that recovers from it.
func TestKillTheRecovery(t *testing.T) {
	needPtrace(t)
	bin := binary(t)
	want := converged(t, bin)
	sample := 15
	if os.Getenv("AGENT0_LAB") != "" {
		sample = 0
	}
	for _, first := range []int{40, 80, 120} {
		sweep := trace.Sweep{
			Dir: t.TempDir(), Sample: sample, Seed: uint64(first), Retry: 5,
			Prepare: func(dir string) (*exec.Cmd, error) {
				s := scene{bin, dir}
				return s.apply(), errors.Join(s.set(), s.killed(first))
			},
			Check: func(dir string, _ trace.Kill) error { return scene{bin, dir}.arrives(want) },
		}
		report, err := sweep.Run(t.Context())
		t.Logf("after a kill at point %d: %s", first, report)
		if err != nil {
			t.Error(err)
		}
	}
}

// killed runs apply and kills it before its n-th point.
func (s scene) killed(n int) error {
	res, err := trace.Run(context.Background(), s.apply(), trace.Options{Under: []string{s.dir}, Kill: trace.KillBefore(n)})
	if err == nil && !res.Fired {
		err = fmt.Errorf("the run ended before point %d", n)
	}
	return err
}

// TestPowerCut replays the trace of a run to trees that a power cut may have left.
func TestPowerCut(t *testing.T) {
	needPtrace(t)
	bin := binary(t)
	want := converged(t, bin)
	s := scene{bin, t.TempDir()}
	if err := s.set(); err != nil {
		t.Fatal(err)
	}
	model, err := crash.Record(context.WithoutCancel(t.Context()), s.dir, s.apply())
	if err != nil {
		t.Fatal(err)
	}
	most := 500
	if os.Getenv("AGENT0_LAB") != "" {
		most = 5000
	}
	found, arrived := 0, 0
	for state := range model.States(1, most) {
		found++
		after := scene{bin, filepath.Join(t.TempDir(), "cut")}
		err := errors.Join(os.Mkdir(after.dir, 0o755), state.Materialize(after.dir))
		if err == nil {
			err = after.arrives(want)
		}
		if err != nil {
			t.Errorf("%s: %v", state, err)
			continue
		}
		arrived++
		if err := os.RemoveAll(after.dir); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d states found, %d arrived", found, arrived)
	if found < most {
		t.Errorf("only %d states, not %d", found, most)
	}
}

// TestDurableBeforeVisible reads the order of durability off the trace of a real run: data is
// durable before the rename that shows it, and the directory after.
func TestDurableBeforeVisible(t *testing.T) {
	needPtrace(t)
	s := scene{binary(t), t.TempDir()}
	if err := s.set(); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cmd := s.apply()
	cmd.Stdout, cmd.Stderr = &out, &out
	res, err := trace.Run(t.Context(), cmd, trace.Options{Under: []string{s.root()}, Record: true})
	if err != nil || res.Exit() != "exit 0" {
		t.Fatalf("%v %s\n%s", err, res.Exit(), out.String())
	}
	checkOrder(t, res.Events)
}
