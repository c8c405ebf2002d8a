package unit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/enginetest"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
	"github.com/agent0-converge/agent0-converge/engine/journal"
	"github.com/agent0-converge/agent0-converge/resources/directory"
	"github.com/agent0-converge/agent0-converge/resources/file"
)

// rig is a machine with a journal, for runs of whole plans one after the other.
type rig struct {
	*hosttest.Machine
	t *testing.T
}

func newRig(t *testing.T, fs files, systemd *hosttest.SystemdConfig) rig {
	t.Helper()
	all := files{"/var/lib": {Dir: true}, "/run": {Dir: true}, "/proc/sys/kernel/random/boot_id": {Content: "this-boot\n"}}
	for name, f := range fs {
		all[name] = f
	}
	return rig{hosttest.New(t, hosttest.Config{Files: all, Systemd: systemd, Offline: systemd == nil}), t}
}

func kind(name string) (*engine.Kind, bool) {
	k := map[string]*engine.Kind{"unit": Kind(), "file": file.Kind(), "directory": directory.Kind(), "account": enginetest.Account("", 0).Kind}[name]
	return k, k != nil
}

// conf declares /etc/cool.conf.
func conf(text string) engine.Declared {
	return engine.Declared{Addr: "file.conf", Kind: file.Kind(), Spec: &file.Spec{Path: "/etc/cool.conf", Content: engine.NewText(text)}}
}

// declare declares a unit that refers to inputs.
func (r rig) declare(s *Spec, inputs ...engine.Addr) engine.Declared {
	r.t.Helper()
	s.Default()
	if err := s.Validate(); err != nil {
		r.t.Fatal(err)
	}
	return engine.Declared{Addr: "unit.it", Kind: Kind(), Spec: s, DependsOn: inputs, Inputs: inputs}
}

func (r rig) gone(s *Spec, inputs ...engine.Addr) engine.Declared {
	r.t.Helper()
	s.Absent()
	d := r.declare(s, inputs...)
	d.Absent = true
	return d
}

// plan is what a run would do, in one line for each resource and field.
func (r rig) plan(ds ...engine.Declared) string {
	r.t.Helper()
	sameInAPass(r.t, r.View(), ds)
	j, err := journal.Open(r.View().Files, kind)
	if err != nil {
		r.t.Fatal(err)
	}
	p, err := engine.Planner{View: r.View(), Ledger: j, Kinds: kind, Name: "test"}.Plan(r.t.Context(), ds)
	if err != nil {
		r.t.Fatal(err)
	}
	return told(p)
}

func told(p *engine.Plan) string {
	var out []string
	for _, c := range p.Changes {
		if c.Action == engine.NoOp && len(c.Warnings) == 0 {
			continue
		}
		out = append(out, fmt.Sprintf("%s %s", c.Action, c.Addr))
		for _, f := range c.Fields {
			out = append(out, strings.TrimRight(fmt.Sprintf("  %s: %s → %s", f.Name, f.Have, f.Want), " "))
		}
		for _, w := range c.Warnings {
			out = append(out, "  warning: "+w)
		}
		if c.Irreversible != "" {
			out = append(out, "  cannot be undone: "+c.Irreversible)
		}
		if c.Err != nil {
			out = append(out, "  error: "+c.Err.Error())
		}
	}
	return strings.Join(out, "\n")
}

// apply makes a run and returns what it did. What was said about a unit is with it.
func (r rig) apply(ds ...engine.Declared) (string, error) {
	r.t.Helper()
	return r.run(func(p engine.Planner, _ *journal.Recording) (*engine.Plan, error) {
		return p.Plan(context.Background(), ds)
	})
}

func (r rig) undo(to int) (string, error) {
	r.t.Helper()
	return r.run(func(p engine.Planner, rec *journal.Recording) (*engine.Plan, error) {
		past, err := rec.Past(to)
		if err != nil {
			return nil, err
		}
		return p.Undo(context.Background(), past)
	})
}

func (r rig) run(plan func(engine.Planner, *journal.Recording) (*engine.Plan, error)) (string, error) {
	ctx := context.Background()
	j, err := journal.Open(r.View().Files, kind)
	if err != nil {
		return "", err
	}
	rec, err := j.Start(ctx, r.Host(), journal.Info{Verb: "apply", Plan: "test"}, journal.Options{})
	if err != nil {
		return "", err
	}
	defer rec.Close()
	p, err := plan(engine.Planner{View: r.View(), Ledger: rec, Kinds: kind, Name: "test"}, rec)
	if err != nil {
		return "", err
	}
	report := engine.Converger{Host: r.Host(), Recorder: rec}.Apply(ctx, p)
	var did []string
	for _, res := range report.Results {
		if res.Status != engine.Same {
			did = append(did, fmt.Sprintf("%s:%s", res.Addr, res.Status))
		}
		err = errors.Join(err, res.Err)
	}
	result := journal.Converged
	if !report.Converged() {
		result = journal.Failed
	}
	return strings.Join(did, " "), errors.Join(err, rec.Finish(result))
}

// must fails the test where a run did.
func (r rig) must(did string, err error) string {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
	return did
}

// jobs are what systemd was told since the machine was last reset.
func (r rig) jobs() string {
	var out []string
	for _, op := range r.Ops() {
		if op.Name == "dbus" {
			out = append(out, op.Path)
		}
	}
	return strings.Join(out, ", ")
}

func (r rig) tree() string { return r.Dump(engine.StateDir, engine.RunDir) }

func is(t *testing.T, what, got, want string) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// converges proves of each case, without the sweeps over its every change, that planning changes
// nothing, that apply converges and has nothing to do again, that undo brings all back, undoing
// that does it all again, and so does dropping the unit from the plan.
func converges(t *testing.T, all cases) {
	t.Helper()
	for _, c := range all {
		t.Run(c.Name, func(t *testing.T) {
			fresh := func() (rig, []engine.Declared) {
				systemd := c.Systemd
				if c.Offline {
					systemd = nil
				}
				r := newRig(t, c.Files, systemd)
				if c.Prepare != nil {
					c.Prepare(t, r.Machine)
				}
				s := *c.Spec
				if err := s.Load(enginetest.Sources(c.Sources)); err != nil {
					t.Fatal(err)
				}
				declare := r.declare
				if c.Absent {
					declare = r.gone
				}
				return r, append(slices.Clone(c.With), declare(&s))
			}
			r, plan := fresh()
			before := r.tree()
			if got := r.plan(plan...); (got != "") != (c.Want != engine.NoOp) || c.Want != engine.NoOp && !strings.Contains(got, string(c.Want)+" unit.it") {
				t.Fatalf("the plan says %q, want %s", got, c.Want)
			}
			is(t, "planning changed the machine", r.tree(), before)
			r.must(r.apply(plan...))
			after := r.tree()
			is(t, "the plan after the apply", r.plan(plan...), "")
			r.must(r.undo(0))
			is(t, "the machine after undo", r.tree(), before)
			r.must(r.undo(0))
			is(t, "the machine after undo of the undo", r.tree(), after)
			r, plan = fresh()
			r.must(r.apply(plan...))
			r.must(r.apply())
			is(t, "the machine after the plan has dropped the unit", r.tree(), before)
		})
	}
}
