package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
	"github.com/agent0-converge/agent0-converge/engine/journal"
)

// toy is a file below /toy with one line in it. What it says decides how it behaves.
type toy struct {
	Name  string `hcl:"name"`
	Value string `hcl:"value,optional"`
	// Wants are toys that must be there first, and so is the one that a value names after "by".
	Wants []string `hcl:"wants,optional" diff:"-"`
	// Below is a toy that is implied.
	Below string `hcl:"below,optional" diff:"-"`
}

func claim(name string) engine.Claim { return engine.PathClaim("/toy/" + name) }

func (s *toy) Claims() []engine.Claim { return []engine.Claim{claim(s.Name)} }

func (s *toy) Needs() []engine.Claim {
	var out []engine.Claim
	_, owner, _ := strings.Cut(s.Value, "by ")
	for _, name := range append(s.Wants, s.Below, owner) {
		if name != "" {
			out = append(out, claim(name))
		}
	}
	return out
}

func (s *toy) Implies() []engine.Declared {
	if s.Below == "" {
		return nil
	}
	return []engine.Declared{{Addr: engine.Addr("toy./" + s.Below), Kind: toyKind(), Spec: &toy{Name: s.Below, Value: "implied"}, Implied: true}}
}

// plaything converges toys. A toy and a doll cannot be in the same place.
type plaything struct{ mark string }

func (p plaything) Read(_ context.Context, v host.View, spec *toy) (*toy, error) {
	b, err := v.Files.ReadFile("/toy/" + spec.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	value, ok := strings.CutPrefix(string(b), p.mark)
	if err == nil && !ok {
		err = &engine.OccupiedError{Detail: spec.Name + " is something else"}
	}
	return &toy{Name: spec.Name, Value: value}, err
}

func (p plaything) Check(_ context.Context, _ host.View, _, want *toy) error {
	if want != nil && want.Value == "refuse" {
		return errors.New("refused")
	}
	return nil
}

func (p plaything) Apply(ctx context.Context, h *host.Host, have, want *toy) error {
	if want == nil && have.Value == "stay" {
		return &engine.InUseError{Detail: "others play with it"}
	}
	if want == nil {
		return h.Files.Remove("/toy/" + have.Name)
	}
	switch want.Value {
	case "fail":
		return errors.New("it broke")
	case "lie":
		return nil
	case "wait":
		<-ctx.Done()
		return ctx.Err()
	}
	return h.Files.Write("/toy/"+want.Name, []byte(p.mark+want.Value), host.Attr{Mode: 0o644, UID: -1, GID: -1})
}

func toyKind() *engine.Kind  { return engine.NewKind("toy", plaything{"toy:"}) }
func dollKind() *engine.Kind { return engine.NewKind("doll", plaything{"doll:"}) }

func kinds(name string) (*engine.Kind, bool) {
	k, ok := map[string]*engine.Kind{"toy": toyKind(), "doll": dollKind(), "daemon": daemonKind(), "parcel": parcelKind(), "singer": choirKind()}[name]
	return k, ok
}

// declare is the toy of a name, wanted with a value, after others.
func declare(name, value string, after ...string) engine.Declared {
	return engine.Declared{
		Addr: engine.Addr("toy." + name), Kind: toyKind(), Spec: &toy{Name: name, Value: value, Wants: after},
		Place: engine.Place{File: name + ".hcl", Start: engine.Position{Line: 1}},
	}
}

// but changes a declaration.
func but(d engine.Declared, change func(*engine.Declared)) engine.Declared {
	change(&d)
	return d
}

type rig struct {
	*hosttest.Machine
	t *testing.T
}

func newRig(t *testing.T, files map[string]string) rig {
	c := hosttest.Config{Files: map[string]hosttest.File{"/toy": {Dir: true}, "/var/lib": {Dir: true}}}
	for name, text := range files {
		c.Files["/toy/"+name] = hosttest.File{Content: text}
	}
	return rig{hosttest.New(t, c), t}
}

func (r rig) planner(l engine.Ledger) engine.Planner {
	return engine.Planner{View: r.View(), Ledger: l, Kinds: kinds, Name: "test"}
}

func (r rig) ledger() *journal.Journal {
	r.t.Helper()
	j, err := journal.Open(r.View().Files, kinds)
	if err != nil {
		r.t.Fatal(err)
	}
	return j
}

// plan plans ds and tells what it would do, one change a word.
func (r rig) plan(ds ...engine.Declared) string {
	r.t.Helper()
	p, err := r.planner(r.ledger()).Plan(context.Background(), ds)
	if err != nil {
		return err.Error()
	}
	return told(p)
}

func told(p *engine.Plan) string {
	var out []string
	for _, c := range p.Changes {
		out = append(out, fmt.Sprintf("%s:%s", c.Addr, c.Action))
	}
	return strings.Join(out, " ")
}

// apply runs ds and tells how each ended.
func (r rig) apply(ds ...engine.Declared) string {
	r.t.Helper()
	return ended(r.runs(context.Background(), func(p engine.Planner) (*engine.Plan, error) {
		return p.Plan(context.Background(), ds)
	}, nil))
}

// undo takes back the last run.
func (r rig) undo() string {
	r.t.Helper()
	return ended(r.runs(context.Background(), func(p engine.Planner) (*engine.Plan, error) {
		past, err := p.Ledger.(*journal.Recording).Past(0)
		if err != nil {
			r.t.Fatal(err)
		}
		return p.Undo(context.Background(), past)
	}, nil))
}

func (r rig) runs(ctx context.Context, plan func(engine.Planner) (*engine.Plan, error), with func(*engine.Converger)) *engine.Report {
	r.t.Helper()
	rec, err := r.ledger().Start(context.Background(), r.Host(), journal.Info{Verb: "apply"}, journal.Options{})
	if err != nil {
		r.t.Fatal(err)
	}
	defer rec.Close()
	p, err := plan(r.planner(rec))
	if err != nil {
		r.t.Fatal(err)
	}
	v := engine.Converger{Host: r.Host(), Recorder: rec}
	if with != nil {
		with(&v)
	}
	report := v.Apply(ctx, p)
	if err := rec.Finish(journal.Converged); err != nil && report.Stopped == nil {
		r.t.Fatal(err)
	}
	return report
}

func ended(report *engine.Report) string {
	var out []string
	for _, res := range report.Results {
		out = append(out, fmt.Sprintf("%s:%s", res.Addr, res.Status))
	}
	return strings.Join(out, " ")
}

// toys lists what is in /toy.
func (r rig) toys() string {
	r.t.Helper()
	names, err := r.View().Files.ReadDir("/toy")
	if err != nil {
		r.t.Fatal(err)
	}
	var out []string
	for _, name := range names {
		out = append(out, name+"="+r.Get("/toy/"+name))
	}
	return strings.Join(out, " ")
}

func is(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got\n%s\nwant\n%s", what, got, want)
	}
}
