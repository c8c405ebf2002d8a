package journal

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

var long = strings.Repeat("a line that is long enough\n", 100)

// Undoing the last runs brings back host and ledger as they were; undoing that brings both forward.
func TestUndoGoesBackAndForth(t *testing.T) {
	files := map[string]string{"/etc/a": "old", "/etc/long": long, "/etc/same": "1", "/etc/s": "old secret"}
	tests := []struct {
		name string
		runs [][]engine.Declared
		to   int // the run to undo; the states compared are those around it
	}{
		{name: "made", runs: [][]engine.Declared{{text("new", "1")}}},
		{name: "changed", runs: [][]engine.Declared{{text("a", "1")}}},
		{name: "long", runs: [][]engine.Declared{{text("long", "short")}}},
		{name: "from short to long to short", runs: [][]engine.Declared{{text("a", long)}, {text("a", "2")}}},
		{name: "secret", runs: [][]engine.Declared{{secret("s", "new secret")}}},
		{name: "adopted", runs: [][]engine.Declared{{text("same", "1")}}},
		{name: "adopted long", runs: [][]engine.Declared{{text("long", long)}}},
		{name: "adopted secret", runs: [][]engine.Declared{{secret("s", "old secret")}}},
		{name: "wanted gone", runs: [][]engine.Declared{{gone(text("a", ""))}}},
		{name: "dropped", runs: [][]engine.Declared{{text("a", "1"), text("new", "1")}, {}}},
		{name: "several", runs: [][]engine.Declared{{text("a", "1"), dir("d"), text("d/x", "1")}, {text("a", "2"), dir("d")}}},
		{name: "three runs at once", to: 2, runs: [][]engine.Declared{
			{text("a", "1"), text("new", "1")}, {text("a", "2"), text("new", "1")}, {text("new", "3")}, {text("a", "4"), dir("d")}}},
		{name: "all runs at once", to: 1, runs: [][]engine.Declared{{text("a", "1")}, {text("a", "2"), text("b", "1")}, {text("b", "2")}}},
		{name: "becomes another kind", runs: [][]engine.Declared{{text("a", "1")}, {dir("a")}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			there := map[string]hosttest.File{}
			for name, content := range files {
				there[name] = hosttest.File{Content: content, Mode: 0o600}
			}
			r := newRig(t, there)
			state := func() string {
				lines := strings.Split(r.owners(), "\n")
				slices.Sort(lines) // an entry that comes back comes last
				return r.Dump(Dir) + strings.Join(lines, "\n")
			}
			to := tt.to
			if to == 0 {
				to = len(tt.runs)
			}
			before := ""
			for i, ds := range tt.runs {
				if i+1 == to {
					before = state()
				}
				r.apply(ds...)
			}
			after := state()
			r.undo(tt.to)
			if diff := cmp.Diff(before, state()); diff != "" {
				t.Errorf("after undo (-before the run +now):\n%s", diff)
			}
			r.undo(0)
			if diff := cmp.Diff(after, state()); diff != "" {
				t.Errorf("after undoing the undo (-after the run +now):\n%s", diff)
			}
		})
	}
}

func TestUndoOfWhatIsNotThere(t *testing.T) {
	r := newRig(t, nil)
	if past, err := r.mustOpen().Past(0); len(past) != 0 || err != nil {
		t.Errorf("Past(0) of an empty journal = %v, %v", past, err)
	}
	_, err := r.mustOpen().Past(3)
	if gone, ok := errors.AsType[*GoneError](err); !ok || gone.Known {
		t.Errorf("Past(3) of an empty journal: %v", err)
	}
}

// What a failed change left is not known, so undo takes it back whatever is there.
func TestUndoOfAFailedChange(t *testing.T) {
	r := newRig(t, map[string]hosttest.File{"/etc/a": {Content: "old", Mode: 0o600}})
	before := r.Dump(Dir)
	rec, err := r.start()
	if err != nil {
		t.Fatal(err)
	}
	c := change(t, r, text("a", "new"))
	if err := rec.Begin(c); err != nil {
		t.Fatal(err)
	}
	r.Put("/etc/a", hosttest.File{Content: "half", Mode: 0o600})
	if err := errors.Join(rec.End(c, errors.New("disk on fire")), rec.Finish(Failed)); err != nil {
		t.Fatal(err)
	}
	r.undo(0)
	if diff := cmp.Diff(before, r.Dump(Dir)); diff != "" {
		t.Error(diff)
	}
	if got := r.owners(); got != "" {
		t.Errorf("the ledger still has %s", got)
	}
	runs, err := r.mustOpen().History()
	if err != nil || len(runs) != 2 || runs[0].Failed != 1 || runs[0].Result != Failed || runs[1].Changed != 1 {
		t.Errorf("history: %+v, %v", runs, err)
	}
}

// change plans one declaration as the engine does.
func change(t *testing.T, r *rig, d engine.Declared) *engine.Change {
	t.Helper()
	p, err := engine.Planner{View: r.View(), Ledger: r.run, Kinds: kinds, Name: "p"}.Plan(t.Context(), []engine.Declared{d})
	if err != nil {
		t.Fatal(err)
	}
	return p.Changes[slices.IndexFunc(p.Changes, func(c *engine.Change) bool { return c.Addr == d.Addr })]
}

func TestShow(t *testing.T) {
	r := newRig(t, map[string]hosttest.File{"/etc/a": {Content: long}})
	d := text("a", "new")
	d.Spec.(*note).Touch = "now"
	r.apply(d)
	run, err := r.mustOpen().Show(1)
	if err != nil || len(run.Changes) != 1 {
		t.Fatalf("%+v, %v", run, err)
	}
	c := run.Changes[0]
	if run.Verb != "apply" || run.User != "someone" || run.Plan != "p" || run.Result != Converged || run.Changed != 1 {
		t.Errorf("run: %+v", run.RunInfo)
	}
	if c.Addr != "note.a" || c.Action != engine.Update || !c.Ended || c.Error != "" || c.Took <= 0 {
		t.Errorf("change: %+v", c)
	}
	if len(c.Fields) != 1 || c.Fields[0].Want != "new" || !strings.HasPrefix(c.Fields[0].Have, "(2700 bytes, sha256 ") {
		t.Errorf("fields: %+v", c.Fields)
	}
	if len(c.Calls) != 1 || strings.Join(c.Calls[0].Argv, " ") != "touch now new" || c.Calls[0].Output != "touched now new" {
		t.Errorf("calls: %+v", c.Calls)
	}
	_, err = r.mustOpen().Show(2)
	if _, ok := errors.AsType[*GoneError](err); !ok {
		t.Errorf("Show of a run that never was: %v", err)
	}
}

// A run in which nothing changed leaves no trace but that it held the lock.
func TestNoOpAppendsNothing(t *testing.T) {
	r := newRig(t, nil)
	r.apply(text("a", "1"), secret("s", "hunter22"))
	before := r.Dump(lockPath)
	r.Reset()
	r.apply(text("a", "1"), secret("s", "hunter22"))
	for _, op := range r.Ops() {
		if op.Path != lockPath {
			t.Errorf("%s", op)
		}
	}
	if diff := cmp.Diff(before, r.Dump(lockPath)); diff != "" {
		t.Error(diff)
	}
}

func TestReadingChangesNothing(t *testing.T) {
	r := newRig(t, nil)
	j := r.mustOpen()
	p, err := engine.Planner{View: r.View(), Ledger: j, Kinds: kinds, Name: "p"}.Plan(t.Context(), []engine.Declared{text("a", "1"), secret("s", "x")})
	if err != nil || len(p.Changes) != 2 {
		t.Fatal(p, err)
	}
	if r.Changes() != 0 {
		t.Errorf("a plan changed %v", r.Ops())
	}
}
