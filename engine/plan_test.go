package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

func TestOrder(t *testing.T) {
	r := newRig(t, map[string]string{"old1": "toy:x", "old2": "toy:x"})
	gone := func(d engine.Declared) engine.Declared {
		return but(d, func(d *engine.Declared) { d.Absent = true })
	}
	is(t, "needs first, removals before them and dependants first; else as written",
		r.plan(declare("b", "1", "a"), declare("z", "1"), declare("a", "1"), gone(declare("old1", "")), gone(declare("old2", "", "old1"))),
		"toy.old2:remove toy.old1:remove toy.z:create toy.a:create toy.b:create")
	one := but(declare("i1", "1"), func(d *engine.Declared) { d.Addr = `toy.i["1"]` })
	two := but(declare("i2", "1"), func(d *engine.Declared) { d.Addr = `toy.i["2"]` })
	whole := but(declare("w", "1"), func(d *engine.Declared) { d.DependsOn = []engine.Addr{"toy.i"} })
	part := but(declare("p", "1"), func(d *engine.Declared) { d.DependsOn = []engine.Addr{`toy.i["2"]`} })
	is(t, "a block's address stands for its instances", r.plan(whole, part, two, one),
		`toy.i["2"]:create toy.p:create toy.i["1"]:create toy.w:create`)
}

func TestMistakes(t *testing.T) {
	r := newRig(t, nil)
	is(t, "a circle is told whole", r.plan(declare("a", "1", "b"), declare("b", "1", "c"), declare("c", "1", "b"), declare("d", "1")),
		"b.hcl:1: Resources depend on each other in a circle: toy.b → toy.c → toy.b. Remove one of these references or depends_on.")
	twice := but(declare("a", "2"), func(d *engine.Declared) { d.Addr, d.Place.Start.Line = "toy.again", 7 })
	is(t, "two of one thing", r.plan(declare("a", "1"), twice),
		"a.hcl:7: Two resources manage the same thing: toy.again and toy.a (a.hcl:1) both manage path:/toy/a. Remove one of them.")
	left := but(twice, func(d *engine.Declared) { d.LeftOut = true })
	is(t, "two of one thing, one of them left out", r.plan(left, declare("a", "1")), "toy.a:create")
	is(t, "and the other way round", r.plan(declare("a", "1"), left), "toy.a:create")

	r.apply(declare("a", "1"))
	other := r.planner(r.ledger())
	other.Name = "other"
	_, err := other.Plan(context.Background(), []engine.Declared{declare("a", "1")})
	var ms engine.Mistakes
	if !errors.As(err, &ms) || !strings.Contains(err.Error(), `path:/toy/a is managed by toy.a of plan "test" on this host`) {
		t.Errorf("another plan's thing: %v", err)
	}
}

func TestOnePlaceByTwoPaths(t *testing.T) {
	r := newRig(t, nil)
	r.Put("/alias", hosttest.File{Link: "toy"})
	by := func(addr engine.Addr, name string) engine.Declared {
		return but(declare(name, "1"), func(d *engine.Declared) { d.Addr = addr })
	}
	is(t, "told with both places", r.plan(by("toy.a", "a"), by("toy.b", "../alias/a")),
		"../alias/a.hcl:1: Two resources manage the same thing: toy.b and toy.a (a.hcl:1) both lead to path:/toy/a on this host. Remove one of them.")
	is(t, "the link itself is another thing", r.plan(by("toy.a", "a"), by("toy.b", "../alias")), "toy.a:create toy.b:error")

	r.apply(by("toy.a", "a"))
	other := r.planner(r.ledger())
	other.Name = "other"
	_, err := other.Plan(context.Background(), []engine.Declared{by("toy.b", "../alias/a")})
	if err == nil || !strings.Contains(err.Error(), `path:/toy/a is managed by toy.a of plan "test"`) {
		t.Errorf("another plan's thing by another path: %v", err)
	}
}

func TestTargets(t *testing.T) {
	ds := []engine.Declared{declare("a", "1"), declare("b", "1", "a"), declare("c", "1", "b"), declare("d", "1")}
	for _, c := range []struct {
		name     string
		targets  []engine.Addr
		excludes []engine.Addr
		want     string
	}{
		{"a target brings what it depends on", []engine.Addr{"toy.b"}, nil, "toy.a:create toy.b:create"},
		{"an exclude takes what depends on it", nil, []engine.Addr{"toy.b"}, "toy.a:create toy.d:create"},
		{"both", []engine.Addr{"toy.c"}, []engine.Addr{"toy.c"}, "toy.a:create toy.b:create"},
		{"one that is not there", []engine.Addr{"toy.x"}, nil, ": No such resource: The plan has no toy.x. It has toy.a, toy.b, toy.c, toy.d."},
	} {
		r := newRig(t, nil)
		p := r.planner(r.ledger())
		p.Targets, p.Excludes = c.targets, c.excludes
		plan, err := p.Plan(context.Background(), slices.Clone(ds))
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = told(plan)
		}
		is(t, c.name, got, c.want)
	}
}

// What is excluded, itself or for what it depends on, is not taken for dropped.
func TestExcludesDoNotPrune(t *testing.T) {
	r := newRig(t, nil)
	ds := []engine.Declared{declare("a", "1"), declare("b", "1", "a"), declare("c", "1")}
	r.apply(ds...)
	p := r.planner(r.ledger())
	p.Excludes = []engine.Addr{"toy.a"}
	plan, err := p.Plan(context.Background(), ds[:2])
	if err != nil {
		t.Fatal(err)
	}
	is(t, "only c is dropped", told(plan), "toy.c:remove")
	p.Excludes, p.Targets = nil, []engine.Addr{"toy.a"}
	if plan, err = p.Plan(context.Background(), ds[:1]); err != nil {
		t.Fatal(err)
	}
	is(t, "with targets, nothing is", told(plan), "toy.a:same")
}

func TestImplied(t *testing.T) {
	below := func(name, parent string) engine.Declared {
		return but(declare(name, "1"), func(d *engine.Declared) { d.Spec.(*toy).Below = parent })
	}
	r := newRig(t, map[string]string{"old": "toy:implied"})
	is(t, "made once, before what implies it", r.plan(below("b", "x"), below("a", "x"), below("c", "old")),
		"toy./x:create toy.b:create toy.a:create toy./old:same toy.c:create")
	is(t, "one that is declared is not implied", r.plan(below("a", "x"), declare("x", "own")), "toy.x:create toy.a:create")
	r.apply(below("a", "x"), below("c", "old"))
	is(t, "what was there all along is nobody's; what was made goes", r.apply(), "toy.c:done toy.a:done toy./x:done")
	is(t, "what is left", r.toys(), "old=toy:implied")
}

func TestNeedsThatThePlanProvides(t *testing.T) {
	r := newRig(t, nil)
	is(t, "refused at plan time", r.plan(declare("a", "refuse")), "toy.a:error")
	is(t, "and at apply time", r.apply(declare("a", "refuse"), declare("b", "1", "a"), declare("c", "1")), "toy.a:failed toy.b:skipped toy.c:done")
}

func TestWhatWaitsForADeferredResourceIsDeferred(t *testing.T) {
	r := newRig(t, map[string]string{"there": "toy:1"})
	later := engine.Declared{Addr: "toy.later", Kind: toyKind(), Deferred: "needs host.memory"}
	waits := but(declare("a", "1"), func(d *engine.Declared) { d.DependsOn = []engine.Addr{"toy.later"} })
	there := but(declare("there", "1"), func(d *engine.Declared) { d.DependsOn = []engine.Addr{"toy.later"} })
	is(t, "planned", r.plan(later, waits, declare("b", "1", "a"), declare("c", "1"), there),
		"toy.later:defer toy.a:defer toy.b:defer toy.c:create toy.there:same")
	is(t, "applied", r.apply(later, waits, declare("c", "1")), "toy.later:deferred toy.a:deferred toy.c:done")

	r.apply(declare("later", "1"))
	is(t, "what is deferred now is not pruned", r.apply(later), "toy.later:deferred")
	is(t, "what is left", r.toys(), "later=toy:1 there=toy:1")
}
