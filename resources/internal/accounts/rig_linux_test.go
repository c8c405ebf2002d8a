package accounts_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
	"github.com/agent0-converge/agent0-converge/engine/journal"
	"github.com/agent0-converge/agent0-converge/resources/directory"
	"github.com/agent0-converge/agent0-converge/resources/gpugroup"
	"github.com/agent0-converge/agent0-converge/resources/group"
	"github.com/agent0-converge/agent0-converge/resources/user"
)

// tester is what testing.T and rapid.T have in common.
type tester interface {
	Helper()
	Fatal(...any)
}

func kinds(name string) (*engine.Kind, bool) {
	all := []*engine.Kind{user.Kind(), group.Kind(), gpugroup.Kind(), directory.Kind()}
	i := slices.IndexFunc(all, func(k *engine.Kind) bool { return k.Name() == name })
	if i < 0 {
		return nil, false
	}
	return all[i], true
}

// ready does to a block what reading a plan does.
func ready(d engine.Declared) engine.Declared {
	if a, ok := d.Spec.(engine.Absenter); ok && d.Absent {
		a.Absent()
	}
	d.Spec.(engine.Defaulter).Default()
	return d
}

// run is a whole run with a journal.
func run(m *hosttest.Machine, verb string, plan func(engine.Planner, *journal.Recording) (*engine.Plan, error)) (*engine.Report, error) {
	j, err := journal.Open(m.View().Files, kinds)
	if err != nil {
		return nil, err
	}
	rec, err := j.Start(context.Background(), m.Host(), journal.Info{Verb: verb, Plan: "test"}, journal.Options{})
	if err != nil {
		return nil, err
	}
	p, err := plan(engine.Planner{View: m.View(), Ledger: rec, Kinds: kinds, Name: "test"}, rec)
	if err != nil {
		return nil, errors.Join(err, rec.Close())
	}
	report := engine.Converger{Host: m.Host(), Recorder: rec}.Apply(context.Background(), p)
	if err := rec.Finish(journal.Converged); err != nil {
		return nil, err
	}
	for _, r := range report.Results {
		if r.Err != nil {
			return report, r.Err
		}
	}
	return report, nil
}

// converge converges what is declared, and nothing else.
func converge(m *hosttest.Machine, ds ...engine.Declared) (*engine.Report, error) {
	for i := range ds {
		ds[i] = ready(ds[i])
	}
	return run(m, "apply", func(p engine.Planner, _ *journal.Recording) (*engine.Plan, error) {
		return p.Plan(context.Background(), ds)
	})
}

// apply is converge for what must not fail.
func apply(t tester, m *hosttest.Machine, ds ...engine.Declared) *engine.Report {
	t.Helper()
	report, err := converge(m, ds...)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// undo takes back the last run.
func undo(t tester, m *hosttest.Machine) *engine.Report {
	t.Helper()
	report, err := run(m, "undo", func(p engine.Planner, r *journal.Recording) (*engine.Plan, error) {
		past, err := r.Past(0)
		if err != nil {
			return nil, err
		}
		return p.Undo(context.Background(), past)
	})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

var _ tester = (*testing.T)(nil)
