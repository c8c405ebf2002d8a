package engine_test

import (
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
)

func TestPrune(t *testing.T) {
	keep := func(d *engine.Declared) { d.Keep = true }
	prevent := func(d *engine.Declared) { d.PreventRemoval = true }
	for _, c := range []struct {
		name         string
		there        map[string]string
		first        []engine.Declared
		then         []engine.Declared
		ended, after string
	}{
		{"what was made goes, dependants first", nil,
			[]engine.Declared{declare("a", "1"), declare("b", "1", "a")}, nil, "toy.b:done toy.a:done", ""},
		{"what was there comes back", map[string]string{"a": "toy:old"},
			[]engine.Declared{declare("a", "1")}, nil, "toy.a:done", "a=toy:old"},
		{"what was as wanted stays", map[string]string{"a": "toy:1"},
			[]engine.Declared{declare("a", "1")}, nil, "toy.a:same", "a=toy:1"},
		{"what was removed comes back", map[string]string{"a": "toy:old"},
			[]engine.Declared{but(declare("a", ""), func(d *engine.Declared) { d.Absent = true })}, nil, "toy.a:done", "a=toy:old"},
		{"keep leaves it", nil, []engine.Declared{but(declare("a", "1"), keep)}, nil, "toy.a:same", "a=toy:1"},
		{"prevent_removal is an error", nil, []engine.Declared{but(declare("a", "1"), prevent)}, nil, "toy.a:failed", "a=toy:1"},
		{"what others use is kept", nil, []engine.Declared{declare("a", "stay")}, nil, "toy.a:kept", "a=toy:stay"},
		{"when = false leaves it", nil, []engine.Declared{declare("a", "1")},
			[]engine.Declared{but(declare("a", "1"), func(d *engine.Declared) { d.LeftOut, d.Spec = true, nil })}, "", "a=toy:1"},
		{"instances that cannot be told yet stay", nil,
			[]engine.Declared{but(declare("a", "1"), func(d *engine.Declared) { d.Addr = `module.m["k"].toy.x["i"]` })},
			[]engine.Declared{but(declare("a", ""), func(d *engine.Declared) { d.Addr, d.Spec, d.Deferred = "module.m.toy.x", nil, "needs host.memory" })},
			"module.m.toy.x:deferred", "a=toy:1"},
		{"another label is no change", nil, []engine.Declared{declare("a", "1")},
			[]engine.Declared{but(declare("a", "1"), func(d *engine.Declared) { d.Addr = "toy.other" })}, "toy.other:same", "a=toy:1"},
		{"another kind in its place", nil, []engine.Declared{declare("a", "1"), declare("b", "1", "a")},
			[]engine.Declared{declare("b", "2", "a"), doll("a", "2")}, "toy.a:done doll.a:done toy.b:done", "a=doll:2 b=toy:2"},
		{"ours is gone, and what is there is not ours", map[string]string{},
			[]engine.Declared{declare("a", "1")}, []engine.Declared{declare("b", "replace a")}, "toy.a:same toy.b:done", "a=doll:2 b=toy:replace a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, c.there)
			r.apply(c.first...)
			if c.name == "ours is gone, and what is there is not ours" {
				r.Delete("/toy/a")
				r.put("a", "doll:2")
			}
			is(t, "the second run", r.apply(c.then...), c.ended)
			is(t, "what is there", r.toys(), c.after)
		})
	}
}

func doll(name, value string) engine.Declared {
	return but(declare(name, value), func(d *engine.Declared) { d.Addr, d.Kind = engine.Addr("doll."+name), dollKind() })
}

func TestPruneForgets(t *testing.T) {
	r := newRig(t, nil)
	r.apply(but(declare("a", "1"), func(d *engine.Declared) { d.Keep = true }), declare("b", "stay"))
	r.apply()
	is(t, "what was kept or is in use is nobody's now", r.apply(), "")
	is(t, "and another run may declare it", r.apply(declare("a", "1")), "toy.a:same")
}

// Becoming another kind can be taken back: both are planned by what each finds once the other is gone.
func TestUndoOfAnotherKind(t *testing.T) {
	r := newRig(t, nil)
	r.apply(declare("a", "1"))
	r.apply(doll("a", "2"))
	is(t, "undo", r.undo(), "doll.a:done toy.a:done")
	is(t, "what is there", r.toys(), "a=toy:1")
	is(t, "and who manages it", r.plan(declare("a", "1")), "toy.a:same")
}

// A thing that a change stops needing is removed after that change, whose failure keeps it.
func TestWhatIsNeededGoesLast(t *testing.T) {
	r := newRig(t, nil)
	r.apply(declare("user", "1"), declare("file", "by user"))
	is(t, "the change first", r.plan(declare("file", "2")), "toy.file:change toy.user:remove")
	is(t, "its failure keeps what it needs", r.apply(declare("file", "fail")), "toy.file:failed toy.user:skipped")
	is(t, "the change first", r.apply(declare("file", "2")), "toy.file:done toy.user:done")
	is(t, "undo makes it first", r.undo(), "toy.user:done toy.file:done")
	is(t, "what is there", r.toys(), "file=toy:by user user=toy:1")
}
