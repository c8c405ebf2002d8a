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
}

func (s *singer) Claims() []engine.Claim { return []engine.Claim{engine.Claim("singer:" + s.Name)} }

func (s *singer) Needs() []engine.Claim {
	if s.After == "" {
		return nil
	}
	return []engine.Claim{engine.Claim(s.After)}
}

type choir struct{}

func choirKind() *engine.Kind { return engine.NewKind("singer", choir{}, engine.Always()) }

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

func (choir) Warn(_ context.Context, v host.View, _, want *singer) error {
	if _, err := v.Files.Lstat("/noise"); err == nil && want != nil {
		return fmt.Errorf("nobody hears %s", want.Name)
	}
	return nil
}

func (choir) Check(_ context.Context, v host.View, _, want *singer) error {
	if _, err := v.Files.Lstat("/deaf"); err == nil && want != nil {
		return errors.New("all are deaf")
	}
	return nil
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

// A kind that is asked always warns of, and refuses, what is as it should be and does not do what it is for.
func TestAlways(t *testing.T) {
	r := newRig(t, nil)
	r.apply(sing("a", ""))
	r.Put("/noise", hosttest.File{})
	plan := func() *engine.Change {
		p, err := r.planner(r.ledger()).Plan(context.Background(), []engine.Declared{sing("a", "")})
		if err != nil {
			t.Fatal(err)
		}
		return p.Changes[0]
	}
	if c := plan(); c.Action != engine.NoOp || fmt.Sprint(c.Warnings) != "[nobody hears a]" {
		t.Errorf("the plan says %s with the warnings %v", c.Action, c.Warnings)
	}
	r.Put("/deaf", hosttest.File{})
	if c := plan(); c.Action != engine.Broken || c.Err.Error() != "all are deaf" {
		t.Errorf("the plan says %s: %v", c.Action, c.Err)
	}
	is(t, "apply", r.apply(sing("a", "")), "singer.a:failed")
}
