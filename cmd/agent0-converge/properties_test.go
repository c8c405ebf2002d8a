package main

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
	"github.com/agent0-converge/agent0-converge/engine/journal"
	"github.com/agent0-converge/agent0-converge/plans"
	"github.com/agent0-converge/agent0-converge/resources/all"
)

// world is a case of the properties: every path has one type, in whatever tree or plan it is.
type world struct {
	types map[string]string // path → directory, file, env_file or symlink
	paths []string          // parents first
}

func drawWorld(t *rapid.T) world {
	w := world{types: map[string]string{}}
	names := rapid.SampledFrom([]string{"a", "b", "c", "with space", "ünï", "d.conf", ".hidden", "$x"})
	for range rapid.IntRange(2, 9).Draw(t, "paths") {
		dirs := []string{"/"}
		for _, p := range w.paths {
			if w.types[p] == "directory" {
				dirs = append(dirs, p)
			}
		}
		parent := rapid.SampledFrom(dirs).Draw(t, "parent")
		p := path.Join(parent, names.Draw(t, "name"))
		if _, taken := w.types[p]; taken {
			continue
		}
		w.types[p] = rapid.SampledFrom([]string{"directory", "directory", "file", "env_file", "symlink"}).Draw(t, "type")
		w.paths = append(w.paths, p)
	}
	return w
}

// some draws a subset of the paths.
func (w world) some(t *rapid.T, what string) []string {
	return slices.DeleteFunc(slices.Clone(w.paths), func(p string) bool { return !rapid.Bool().Draw(t, what+" "+p) })
}

var (
	modes    = rapid.SampledFrom([]int{0o600, 0o640, 0o644, 0o755, 0o4755, 0o1777, 0o700})
	contents = rapid.SampledFrom([]string{"", "x", "line\n", "two\nlines", "\ufeffbom\r\n", strings.Repeat("long\n", 400)})
	ids      = rapid.SampledFrom([]int{0, 1, 1234})
)

// tree draws what is there before: some of the world's paths with what they need, and things that
// no plan will name.
func (w world) tree(t *rapid.T) map[string]hosttest.File {
	files := map[string]hosttest.File{
		"/unmanaged":       {Content: "nobody's", Mode: 0o604, UID: 7},
		"/un/managed/deep": {Content: "nobody's", Xattrs: map[string]string{"user.k": "v"}},
		"/var/lib/other":   {Content: "nobody's"},
	}
	for _, p := range w.some(t, "there") {
		if dir := path.Dir(p); dir != "/" {
			if _, ok := files[dir]; !ok {
				continue
			}
		}
		f := hosttest.File{Mode: fs.FileMode(modes.Draw(t, "mode")), UID: ids.Draw(t, "uid"), GID: ids.Draw(t, "gid")}
		switch w.types[p] {
		case "directory":
			f.Dir = true
		case "symlink":
			f = hosttest.File{Link: rapid.SampledFrom([]string{"/unmanaged", "nowhere", "../x"}).Draw(t, "link")}
		default:
			f.Content = contents.Draw(t, "content")
			if rapid.Bool().Draw(t, "xattr") {
				f.Xattrs = map[string]string{"user.note": "kept"}
			}
		}
		files[p] = f
	}
	return files
}

// block draws one resource of a plan. A whole one says every attribute.
func (w world) block(t *rapid.T, p string, whole bool) string {
	var b strings.Builder
	name := fmt.Sprintf("r%x", p)
	fmt.Fprintf(&b, "%s %q {\n  path = %q\n", w.types[p], name, p)
	says := func(what string) bool { return whole || rapid.Bool().Draw(t, what) }
	if says("owner") {
		fmt.Fprintf(&b, "  owner = \"%d\"\n  group = \"%d\"\n", ids.Draw(t, "owner"), ids.Draw(t, "group"))
	}
	if w.types[p] != "symlink" && says("mode") {
		fmt.Fprintf(&b, "  mode = \"%04o\"\n", modes.Draw(t, "mode"))
	}
	switch w.types[p] {
	case "file":
		fmt.Fprintf(&b, "  content = %s\n", quoted(contents.Draw(t, "content")))
		if rapid.IntRange(0, 4).Draw(t, "sensitive") == 0 {
			b.WriteString("  sensitive = true\n")
		}
	case "env_file":
		fmt.Fprintf(&b, "  values = { KEY = %s }\n", quoted(rapid.SampledFrom([]string{"", "v", "two words", `quo"te`}).Draw(t, "value")))
	case "symlink":
		fmt.Fprintf(&b, "  target = %s\n", quoted(rapid.SampledFrom([]string{"/a", "b", "../c"}).Draw(t, "target")))
	}
	b.WriteString("}\n")
	return b.String()
}

// quoted writes a string as the plan language does.
func quoted(s string) string {
	r := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`)
	return `"` + r.Replace(s) + `"`
}

// plan draws blocks for the paths.
func (w world) plan(t *rapid.T, paths []string, whole bool) []string {
	var blocks []string
	for _, p := range paths {
		blocks = append(blocks, w.block(t, p, whole))
	}
	return blocks
}

// rig runs plans on a machine.
type rig struct {
	t *rapid.T
	m *hosttest.Machine
}

func load(t *rapid.T, name string, blocks []string) *plans.Plan {
	dir, err := os.MkdirTemp("", "property-*")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	src := fmt.Sprintf("plan {\n  name = %q\n}\n%s", name, strings.Join(blocks, ""))
	file := filepath.Join(dir, "plan.hcl")
	if err := os.WriteFile(file, []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	p, diags := plans.Load(plans.Input{Path: file, Kinds: all.Kinds()})
	if diags.HasErrors() {
		t.Fatalf("%v\n%s", diags, src)
	}
	return p
}

// apply converges the machine and returns how many changes that took.
func (r rig) apply(p *plans.Plan) int {
	j, err := journal.Open(r.m.Host().Files.Tree, kindNamed)
	if err != nil {
		r.t.Fatal(err)
	}
	rec, err := j.Start(context.Background(), r.m.Host(), journal.Info{Verb: "apply", Plan: p.Name}, journal.Options{})
	if err != nil {
		r.t.Fatal(err)
	}
	planner := engine.Planner{View: r.m.View(), Ledger: rec, Kinds: kindNamed, Name: p.Name}
	plan, err := planner.Plan(context.Background(), p.Resources)
	return r.converge(rec, plan, err)
}

func (r rig) converge(rec *journal.Recording, plan *engine.Plan, err error) int {
	if err != nil {
		r.t.Fatal(err)
	}
	report := engine.Converger{Host: r.m.Host(), Recorder: rec}.Apply(context.Background(), plan)
	for _, res := range report.Results {
		if res.Err != nil {
			r.t.Fatalf("%s: %v", res.Addr, res.Err)
		}
	}
	if err := rec.Finish(journal.Converged); err != nil {
		r.t.Fatal(err)
	}
	return report.Count(engine.Done)
}

func (r rig) undo(to int) {
	j, err := journal.Open(r.m.Host().Files.Tree, kindNamed)
	if err != nil {
		r.t.Fatal(err)
	}
	rec, err := j.Start(context.Background(), r.m.Host(), journal.Info{Verb: "undo"}, journal.Options{})
	if err != nil {
		r.t.Fatal(err)
	}
	past, err := rec.Past(to)
	if err != nil {
		r.t.Fatal(err)
	}
	plan, err := engine.Planner{View: r.m.View(), Ledger: rec, Kinds: kindNamed}.Undo(context.Background(), past)
	r.converge(rec, plan, err)
}

// runs is how many runs are in the history.
func (r rig) runs() int {
	j, err := journal.Open(r.m.Host().Files.Tree, kindNamed)
	if err != nil {
		r.t.Fatal(err)
	}
	runs, err := j.History()
	if err != nil {
		r.t.Fatal(err)
	}
	return len(runs)
}

func (r rig) tree() map[string]string { return r.m.Snapshot(journal.Dir) }

func property(t *testing.T, f func(t *rapid.T, w world, machine func(map[string]hosttest.File) rig)) {
	if os.Getuid() != 0 {
		t.Skip("needs root: owners are set")
	}
	rapid.Check(t, func(rt *rapid.T) {
		f(rt, drawWorld(rt), func(files map[string]hosttest.File) rig {
			return rig{rt, hosttest.New(t, hosttest.Config{Files: files})}
		})
	})
}

func TestPlanAfterApplyIsEmpty(t *testing.T) {
	property(t, func(t *rapid.T, w world, machine func(map[string]hosttest.File) rig) {
		r := machine(w.tree(t))
		p := load(t, "p", w.plan(t, w.some(t, "planned"), false))
		r.apply(p)
		after := r.tree()
		if n := r.apply(p); n != 0 {
			t.Fatalf("the second apply made %d changes", n)
		}
		if d := cmp.Diff(after, r.tree()); d != "" {
			t.Fatalf("the second apply changed the tree: %s", d)
		}
	})
}

func TestOrderDoesNotMatter(t *testing.T) {
	property(t, func(t *rapid.T, w world, machine func(map[string]hosttest.File) rig) {
		files := w.tree(t)
		blocks := w.plan(t, w.some(t, "planned"), false)
		one, two := machine(files), machine(files)
		one.apply(load(t, "p", blocks))
		two.apply(load(t, "p", rapid.Permutation(blocks).Draw(t, "order")))
		if d := cmp.Diff(one.tree(), two.tree()); d != "" {
			t.Fatal(d)
		}
	})
}

func TestLaterPlanWins(t *testing.T) {
	property(t, func(t *rapid.T, w world, machine func(map[string]hosttest.File) rig) {
		files := w.tree(t)
		managed := w.some(t, "second")
		a, b := load(t, "p", w.plan(t, w.some(t, "first"), false)), load(t, "p", w.plan(t, managed, true))
		both, only := machine(files), machine(files)
		both.apply(a)
		both.apply(b)
		only.apply(b)
		have, want := both.tree(), only.tree()
		for _, p := range managed {
			if have[p] != want[p] {
				t.Errorf("%s is %s after both, %s after the second alone", p, have[p], want[p])
			}
		}
	})
}

func TestUnmanagedIsUntouched(t *testing.T) {
	property(t, func(t *rapid.T, w world, machine func(map[string]hosttest.File) rig) {
		r := machine(w.tree(t))
		managed := w.some(t, "planned")
		before := r.tree()
		r.apply(load(t, "p", w.plan(t, managed, false)))
		after := r.tree()
		for p, was := range before {
			if !slices.Contains(managed, p) && after[p] != was {
				t.Errorf("%s was %s and is %s", p, was, after[p])
			}
		}
		for p := range after {
			if _, was := before[p]; !was && !slices.ContainsFunc(managed, func(m string) bool { return m == p || strings.HasPrefix(m, p+"/") }) && !strings.HasPrefix(journal.Dir, p) {
				t.Errorf("%s appeared", p)
			}
		}
	})
}

func TestUndoIsIdentity(t *testing.T) {
	property(t, func(t *rapid.T, w world, machine func(map[string]hosttest.File) rig) {
		r := machine(w.tree(t))
		start := withoutJournal(r.tree())
		before, changed := start, false // what was there before the last run that is in the history; old secrets are kept for two
		for range rapid.IntRange(1, 2).Draw(t, "runs") {
			now := withoutJournal(r.tree())
			runs := r.runs()
			r.apply(load(t, "p", w.plan(t, w.some(t, "planned"), false)))
			if r.runs() > runs {
				before, changed = now, true
			}
		}
		if !changed {
			return
		}
		to, want := 0, before
		if rapid.Bool().Draw(t, "all the way") {
			to, want = 1, start
		}
		r.undo(to)
		if d := cmp.Diff(want, withoutJournal(r.tree())); d != "" {
			t.Fatalf("undo --to %d: %s", to, d)
		}
	})
}

// withoutJournal leaves out the folders that the journal lies in, which undo leaves.
func withoutJournal(tree map[string]string) map[string]string {
	maps.DeleteFunc(tree, func(p, _ string) bool { return p != "/" && strings.HasPrefix(journal.Dir, p) })
	return tree
}
