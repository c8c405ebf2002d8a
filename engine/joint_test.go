package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

// singer is one line of the file /choir, which is written as a whole.
type singer struct {
	Name  string `hcl:"name"`
	After string `hcl:"after,optional" diff:"-"`
	Gone  bool   `record:"gone"`
}

func (s *singer) Absent() { s.Gone = true }

func (s *singer) Claims() []engine.Claim { return []engine.Claim{engine.Claim("singer:" + s.Name)} }

func (s *singer) Needs() []engine.Claim {
	if s.After == "" {
		return nil
	}
	return []engine.Claim{engine.Claim(s.After)}
}

type choir struct{}

func choirKind() *engine.Kind { return engine.NewKind("singer", choir{}) }

func (choir) lines(t host.Tree) ([]string, error) {
	b, err := t.ReadFile("/choir")
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return strings.Fields(string(b)), err
}

func (c choir) Read(_ context.Context, v host.View, spec *singer) (*singer, error) {
	lines, err := c.lines(v.Files)
	if err != nil || !slices.Contains(lines, spec.Name) {
		return nil, err
	}
	return &singer{Name: spec.Name}, nil
}

// Prove finds out whether the singer is heard, or, if he is to be silent, whether he is.
func (choir) Prove(_ context.Context, v host.View, spec *singer, pending bool) (warning, err error) {
	if _, err := v.Files.Lstat("/noise"); err == nil {
		warning = fmt.Errorf("nobody hears %s (gone %t, pending %t)", spec.Name, spec.Gone, pending)
	}
	if _, deaf := v.Files.Lstat("/deaf"); deaf == nil {
		err = errors.New("all are deaf")
	}
	return warning, err
}

func (choir) Apply(context.Context, *host.Host, *singer, *singer) error {
	return errors.New("a choir sings together")
}

func (c choir) ApplyAll(_ context.Context, h *host.Host, steps []engine.Step[singer]) []error {
	lines, err := c.lines(h.Files.Tree)
	errs := make([]error, len(steps))
	for i, s := range steps {
		switch {
		case s.Want == nil:
			lines = slices.DeleteFunc(lines, func(l string) bool { return l == s.Have.Name })
		case s.Want.Name == "hoarse":
			errs[i] = errors.New("no voice")
		default:
			lines = append(lines, s.Want.Name)
		}
	}
	if err == nil {
		err = h.Files.Write("/choir", []byte(strings.Join(lines, "\n")), host.Attr{Mode: 0o644, UID: -1, GID: -1})
	}
	for i := range errs {
		errs[i] = errors.Join(errs[i], err)
	}
	return errs
}

func sing(name, after string) engine.Declared {
	return engine.Declared{Addr: engine.Addr("singer." + name), Kind: choirKind(), Spec: &singer{Name: name, After: after}}
}

// writes counts how often the choir was published.
func (r rig) writes() int {
	n := 0
	for _, op := range r.Ops() {
		if op.Name == "rename" && strings.HasSuffix(op.Path, "/choir") {
			n++
		}
	}
	return n
}

// Changes of a kind that makes them together are one change of the host, and each is recorded, proven and undone by itself.
func TestJoint(t *testing.T) {
	r := newRig(t, nil)
	r.Reset()
	is(t, "statuses", r.apply(sing("a", ""), declare("x", "1"), sing("b", ""), sing("hoarse", "")),
		"toy.x:done singer.a:done singer.b:done singer.hoarse:failed")
	if n := r.writes(); n != 1 {
		t.Errorf("three changes were %d writes", n)
	}
	is(t, "what is there", r.Get("/choir"), "a\nb")
	is(t, "a second apply", r.apply(sing("a", ""), declare("x", "1"), sing("b", "")), "singer.hoarse:same singer.a:same toy.x:same singer.b:same")

	// What is dropped and what comes are one change too.
	r.Reset()
	is(t, "another choir", r.apply(sing("b", ""), sing("c", ""), declare("x", "1")), "singer.b:same toy.x:same singer.a:done singer.c:done")
	if n := r.writes(); n != 1 {
		t.Errorf("a removal and a change were %d writes", n)
	}
	is(t, "undo", r.undo(), "singer.c:done singer.a:done")
	is(t, "what is there after the undo", r.Get("/choir"), "b\na")
}

// Who waits for one of a group has it made before, and who comes after that is of another group.
func TestJointIsMadeBeforeWhatWaitsForIt(t *testing.T) {
	r := newRig(t, nil)
	needs := but(declare("x", "1"), func(d *engine.Declared) { d.DependsOn = []engine.Addr{"singer.a"} })
	is(t, "statuses", r.apply(sing("a", ""), needs, sing("b", string(claim("x")))), "singer.a:done toy.x:done singer.b:done")
	fails := but(declare("y", "1"), func(d *engine.Declared) { d.DependsOn = []engine.Addr{"singer.hoarse"} })
	is(t, "after a failure", r.apply(sing("a", ""), needs, sing("b", ""), sing("hoarse", ""), fails),
		"singer.a:same toy.x:same singer.b:same singer.hoarse:failed toy.y:skipped")
}

// A run that is stopped before the group is made leaves all of it.
func TestJointUntouched(t *testing.T) {
	r := newRig(t, nil)
	ctx, cancel := context.WithCancel(context.Background())
	report := r.runs(ctx, func(p engine.Planner) (*engine.Plan, error) {
		return p.Plan(context.Background(), []engine.Declared{sing("a", ""), declare("x", "1")})
	}, func(v *engine.Converger) {
		v.Observe = func(res engine.Result) {
			if res.Addr == "toy.x" {
				cancel()
			}
		}
	})
	is(t, "statuses", ended(report), "toy.x:done singer.a:untouched")
	is(t, "the next run", r.apply(sing("a", ""), declare("x", "1")), "toy.x:same singer.a:done")
}

// What is as it should be, or gone as it should be, may not do what it is for.
func TestProver(t *testing.T) {
	r := newRig(t, nil)
	gone := but(sing("b", ""), func(d *engine.Declared) {
		d.Absent = true
		d.Spec.(*singer).Absent()
	})
	ds := []engine.Declared{sing("a", ""), gone}
	plan := func(want ...string) {
		t.Helper()
		p, err := r.planner(r.ledger()).Plan(context.Background(), ds)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range p.Changes {
			got = append(got, fmt.Sprint(c.Addr, " ", c.Action, " ", c.Warnings, " ", c.Err))
		}
		is(t, "the plan", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	r.Put("/noise", hosttest.File{})
	plan("singer.b same [nobody hears b (gone true, pending false)] <nil>", "singer.a create [nobody hears a (gone false, pending true)] <nil>")
	report := r.runs(context.Background(), func(p engine.Planner) (*engine.Plan, error) { return p.Plan(context.Background(), ds) }, nil)
	is(t, "what was warned of at the end", fmt.Sprint(report.Results[len(report.Results)-1].Warnings), "[nobody hears a (gone false, pending false)]")
	plan("singer.b same [nobody hears b (gone true, pending false)] <nil>", "singer.a same [nobody hears a (gone false, pending false)] <nil>")
	r.Put("/deaf", hosttest.File{})
	r.Delete("/noise")
	plan("singer.b error [] all are deaf", "singer.a error [] all are deaf")
	is(t, "apply", r.apply(ds...), "singer.b:failed singer.a:failed")
}
