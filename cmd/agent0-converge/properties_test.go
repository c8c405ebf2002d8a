package main

import (
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
	"github.com/agent0-converge/agent0-converge/engine/journal"
)

func TestPlanAfterApplyIsEmpty(t *testing.T) {
	property(t, func(t *rapid.T, w world, machine func(map[string]hosttest.File) rig) {
		r := machine(w.tree(t))
		p := load(t, "p", w.plan(t, "planned", false).blocks)
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
		blocks := w.plan(t, "planned", false).blocks
		one, two := machine(files), machine(files)
		one.apply(load(t, "p", blocks))
		two.apply(load(t, "p", rapid.Permutation(blocks).Draw(t, "order")))
		// New accounts, and new members of a list, come in the order in which they are made.
		if d := cmp.Diff(withoutAccounts(one.tree()), withoutAccounts(two.tree())); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff(unordered(one.contents()), unordered(two.contents())); d != "" {
			t.Error(d)
		}
	})
}

func TestLaterPlanWins(t *testing.T) {
	property(t, func(t *rapid.T, w world, machine func(map[string]hosttest.File) rig) {
		files := w.tree(t)
		first, second := w.plan(t, "first", false), w.plan(t, "second", true)
		a, b := load(t, "p", first.blocks), load(t, "p", second.blocks)
		both, only := machine(files), machine(files)
		both.apply(a)
		both.apply(b)
		only.apply(b)
		have, want := both.tree(), only.tree()
		all := maps.Clone(have)
		maps.Copy(all, want)
		for p := range all {
			is, should := have[p], want[p]
			switch {
			case slices.Contains(second.paths, p):
			case second.owns(p) && path.Ext(p) != ".preset": // made only where others say otherwise, and kept up where it is
				is, should = unowned(is), unowned(should)
			default:
				continue
			}
			if is != should {
				t.Errorf("%s is %s after both, %s after the second alone", p, is, should)
			}
		}
		for _, s := range second.subjects {
			if d := cmp.Diff(of(s, only.contents()), of(s, both.contents())); s.account() && d != "" {
				t.Errorf("%s %s after the second alone (-) and after both (+): %s", s.kind, s.name, d)
			}
		}
	})
}

// unowned leaves out whose a file is, which units and parameters leave as it is.
func unowned(line string) string {
	kind, _, _ := strings.Cut(line, " ")
	if i := strings.IndexAny(line, `">`); i >= 0 {
		return kind + " " + line[i:]
	}
	return kind
}

func TestUnmanagedIsUntouched(t *testing.T) {
	property(t, func(t *rapid.T, w world, machine func(map[string]hosttest.File) rig) {
		r := machine(w.tree(t))
		plan := w.plan(t, "planned", false)
		before, accounts := r.tree(), r.contents()
		r.apply(load(t, "p", plan.blocks))
		after := r.tree()
		managed := func(p string) bool { return slices.Contains(plan.paths, p) || plan.owns(p) }
		for p, was := range before {
			if !managed(p) && !slices.Contains(accountFiles, p) && after[p] != was {
				t.Errorf("%s was %s and is %s", p, was, after[p])
			}
		}
		for p := range after {
			if _, was := before[p]; !was && !holds(after, p, managed) && !strings.HasPrefix(journal.Dir, p) {
				t.Errorf("%s appeared", p)
			}
		}
		if d := cmp.Diff(plan.others(accounts), plan.others(r.contents())); d != "" {
			t.Errorf("the accounts of others: %s", d)
		}
	})
}

// holds reports whether what is at p is managed, or a folder that has something managed in it.
func holds(tree map[string]string, p string, managed func(string) bool) bool {
	for q := range tree {
		if (q == p || strings.HasPrefix(q, p+"/")) && managed(q) {
			return true
		}
	}
	return false
}

// same compares a machine with what it was; account files as sets of lines where their order may be another.
func (r rig) same(what string, files map[string]string, accounts map[string]string, plans []drawn) {
	have, lists := withoutJournal(r.tree()), r.contents()
	if disorders(plans) {
		files, have = withoutAccounts(maps.Clone(files)), withoutAccounts(have)
		accounts, lists = unordered(accounts), unordered(lists)
	}
	if d := cmp.Diff(withoutLinkFolders(files), withoutLinkFolders(have)); d != "" {
		r.t.Errorf("%s: %s", what, d)
	}
	if d := cmp.Diff(accounts, lists); d != "" {
		r.t.Errorf("%s: %s", what, d)
	}
}

func TestUndoIsIdentity(t *testing.T) {
	undone := map[string]int{}
	property(t, func(t *rapid.T, w world, machine func(map[string]hosttest.File) rig) {
		r := machine(w.tree(t))
		start, accounts := withoutJournal(r.tree()), r.contents()
		// What was there before the last run that is in the history; old secrets are kept for two.
		before, lists, changed := start, accounts, false
		var plans []drawn
		back := rapid.SampledFrom([]string{"one run", "all at once", "one by one"}).Draw(t, "back")
		for i := range rapid.IntRange(1, 2).Draw(t, "runs") {
			now, nowLists := withoutJournal(r.tree()), r.contents()
			runs := r.runs()
			plans = append(plans, w.plan(t, "planned", false))
			r.apply(load(t, "p", plans[i].blocks))
			if r.runs() > runs {
				before, lists, changed = now, nowLists, true
			}
		}
		if !changed {
			return
		}
		if back != "all at once" {
			r.undo(0)
			r.same("undo", before, lists, plans)
			undone["the last run"]++
		}
		if back == "all at once" || back == "one by one" && !slices.ContainsFunc(plans, drawn.secret) { // of which not all is kept for so many runs
			r.undo(1)
			r.same("undo --to 1", start, accounts, plans)
			undone[back]++
		}
	})
	t.Log(undone)
	if undone["the last run"] == 0 || undone["all at once"] == 0 {
		t.Errorf("too little was undone to prove anything: %v", undone)
	}
}

// TestDroppingIsIdentity: a plan that has nothing any more leaves what was there before it, also where
// it came to say more, or less, from run to run. What is secret is kept for two.
func TestDroppingIsIdentity(t *testing.T) {
	property(t, func(t *rapid.T, w world, machine func(map[string]hosttest.File) rig) {
		r := machine(w.tree(t))
		start, accounts := withoutJournal(r.tree()), r.contents()
		var plans []drawn
		for range rapid.IntRange(1, 2).Draw(t, "runs") {
			plans = append(plans, w.plan(t, "planned", false))
			r.apply(load(t, "p", plans[len(plans)-1].blocks))
		}
		r.apply(load(t, "p", nil))
		r.same("without any block", start, accounts, plans)
	})
}
