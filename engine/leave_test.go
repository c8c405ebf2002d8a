package engine_test

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/journal"
)

// leave runs ds, but leaves alone what is named.
func (r rig) leave(names []engine.Addr, ds ...engine.Declared) *engine.Report {
	r.t.Helper()
	return r.runs(context.Background(), func(p engine.Planner) (*engine.Plan, error) {
		plan, err := p.Plan(context.Background(), ds)
		if err != nil {
			return nil, err
		}
		plan.Leave(func(c *engine.Change) string {
			if c.Action == engine.NoOp || c.Action == engine.Broken {
				r.t.Errorf("asked about %s, which is %s", c.Addr, c.Action)
			}
			for _, name := range names {
				if c.Addr == name {
					return "since it is named"
				}
			}
			return ""
		})
		return plan, nil
	}, nil)
}

func TestLeave(t *testing.T) {
	below := func(d engine.Declared) engine.Declared {
		d.Spec.(*toy).Below = "dir"
		return d
	}
	for name, c := range map[string]struct {
		there   map[string]string
		ds      []engine.Declared
		leave   []engine.Addr
		want    string
		because map[engine.Addr]string
		toys    string
	}{
		"nothing": {nil, []engine.Declared{declare("a", "1")}, nil, "toy.a:done", nil, "a=toy:1"},
		"what waits for what is not made": {nil, []engine.Declared{declare("a", "1"), declare("b", "1", "a"), declare("c", "1", "b"), declare("d", "1")},
			[]engine.Addr{"toy.a"}, "toy.a:left alone toy.b:left alone toy.c:left alone toy.d:done",
			map[engine.Addr]string{"toy.a": "since it is named", "toy.b": "waits for toy.a", "toy.c": "waits for toy.b"}, "d=toy:1"},
		"what needs something that is there": {map[string]string{"a": "toy:0"}, []engine.Declared{declare("a", "1"), declare("b", "1", "a")},
			[]engine.Addr{"toy.a"}, "toy.a:left alone toy.b:done", nil, "a=toy:0 b=toy:1"},
		"same and broken ones": {map[string]string{"a": "toy:1", "b": "doll:1"}, []engine.Declared{declare("a", "1"), declare("b", "1")},
			[]engine.Addr{"toy.a", "toy.b"}, "toy.a:same toy.b:failed", nil, "a=toy:1 b=doll:1"},
		"a folder that nobody needs": {nil, []engine.Declared{below(declare("a", "1"))},
			[]engine.Addr{"toy.a"}, "toy./dir:left alone toy.a:left alone", map[engine.Addr]string{"toy./dir": "nothing that is made needs it"}, ""},
		"a folder that somebody needs": {nil, []engine.Declared{below(declare("a", "1")), below(declare("b", "1"))},
			[]engine.Addr{"toy.a"}, "toy./dir:done toy.a:left alone toy.b:done", nil, "b=toy:1 dir=toy:implied"},
		"a removal": {map[string]string{"a": "toy:1"}, []engine.Declared{but(declare("a", ""), func(d *engine.Declared) { d.Absent = true })},
			[]engine.Addr{"toy.a"}, "toy.a:left alone", nil, "a=toy:1"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, c.there)
			report := r.leave(c.leave, c.ds...)
			is(t, "statuses", ended(report), c.want)
			is(t, "what is there", r.toys(), c.toys)
			for _, res := range report.Results {
				if why, ok := c.because[res.Addr]; ok {
					is(t, string(res.Addr), res.Why, why)
				}
			}
			if report.Converged() != !strings.Contains(c.want, "failed") {
				t.Error("what is left alone is no failure")
			}
		})
	}
}

// note is a file of two lines: a colour and a secret.
type note struct {
	Colour string       `hcl:"colour,optional"`
	Secret *engine.Text `hcl:"secret,optional"`
}

func (*note) Claims() []engine.Claim { return []engine.Claim{claim("note")} }

type notes struct{}

func (notes) Read(_ context.Context, v host.View, _ *note) (*note, error) {
	b, err := v.Files.ReadFile("/toy/note")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	colour, secret, _ := strings.Cut(string(b), "\n")
	return &note{Colour: colour, Secret: engine.NewSecret(secret)}, err
}

func (notes) Apply(_ context.Context, h *host.Host, _, want *note) error {
	return h.Files.Write("/toy/note", []byte(want.Colour+"\n"+want.Secret.Reveal()), host.Attr{Mode: 0o600, UID: -1, GID: -1})
}

// What the ledger knows by reference alone is recalled as long as the host still has it.
func TestRecall(t *testing.T) {
	kind := engine.NewKind("note", notes{})
	named := func(string) (*engine.Kind, bool) { return kind, true }
	for name, c := range map[string]struct {
		found string
		whole bool
		want  string // once it was recalled and applied
	}{
		"as it was":               {"red\ns3cret", true, "red\ns3cret"},
		"the rest drifted":        {"blue\ns3cret", true, "red\ns3cret"},
		"the secret drifted":      {"red\nother", false, "red\nother"},
		"an older secret is back": {"red\nold", false, "red\nold"},
		"all of it is gone":       {"", false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, map[string]string{"note": "red\nold"})
			run := func(make func(engine.Planner) engine.Declared) {
				j, err := journal.Open(r.View().Files, named)
				if err != nil {
					t.Fatal(err)
				}
				rec, err := j.Start(context.Background(), r.Host(), journal.Info{Verb: "apply"}, journal.Options{})
				if err != nil {
					t.Fatal(err)
				}
				defer rec.Close()
				planner := engine.Planner{View: r.View(), Ledger: rec, Kinds: named, Name: "test"}
				d := make(planner)
				if d.Spec == nil {
					return
				}
				p, err := planner.Plan(context.Background(), []engine.Declared{d})
				if err != nil {
					t.Fatal(err)
				}
				report := engine.Converger{Host: r.Host(), Recorder: rec}.Apply(context.Background(), p)
				if !report.Converged() {
					t.Fatal(ended(report))
				}
				if err := rec.Finish(journal.Converged); err != nil {
					t.Fatal(err)
				}
			}
			run(func(engine.Planner) engine.Declared {
				return engine.Declared{Addr: "note.n", Kind: kind, Spec: &note{Colour: "red", Secret: engine.NewSecret("s3cret")}}
			})
			if r.put("note", c.found); c.found == "" {
				r.Delete("/toy/note")
			}
			run(func(p engine.Planner) engine.Declared {
				d, whole, err := p.Recall(context.Background(), claim("note"))
				if err != nil || whole != c.whole || d.Addr != "note.n" || d.Kind != kind {
					t.Errorf("recalled %+v, %t, %v", d, whole, err)
				}
				if !whole {
					d.Spec = nil
				}
				return d
			})
			if c.want != "" {
				is(t, "the note", r.Get("/toy/note"), c.want)
			}
		})
	}
}
