package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/enginetest"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
	"github.com/agent0-converge/agent0-converge/engine/journal"
	"github.com/agent0-converge/agent0-converge/plans"
	"github.com/agent0-converge/agent0-converge/resources/all"
)

// rig runs plans on a machine.
type rig struct {
	t rapid.TB
	m *hosttest.Machine
}

func load(t rapid.TB, name string, blocks []string) *plans.Plan {
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
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: owners are set")
	}
	enginetest.FastTemp(t)
	rapid.Check(t, func(rt *rapid.T) {
		f(rt, drawWorld(rt), func(files map[string]hosttest.File) rig {
			return rig{rt, hosttest.New(t, hosttest.Config{Files: files, Offline: true})}
		})
	})
}

// withoutJournal leaves out the folders that the journal lies in, which undo leaves.
func withoutJournal(tree map[string]string) map[string]string {
	maps.DeleteFunc(tree, func(p, _ string) bool { return p != "/" && strings.HasPrefix(journal.Dir, p) })
	return tree
}

// withoutLinkFolders leaves out the folders of the links that enable units, and not the links: one that
// held none between two steps may have gone and come back.
func withoutLinkFolders(tree map[string]string) map[string]string {
	out := maps.Clone(tree)
	maps.DeleteFunc(out, func(p, _ string) bool {
		return path.Dir(p) == "/etc/systemd/system" && (path.Ext(p) == ".wants" || path.Ext(p) == ".requires")
	})
	return out
}
