package enginetest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
	"github.com/agent0-converge/agent0-converge/engine/journal"
)

// planName is the name under which the machine knows the plan of a case.
const planName = "test"

// world is a machine with its journal and the plan of a case.
type world struct {
	*hosttest.Machine
	*scenario
}

// tree is all of the machine but the agent's own folders.
func (w *world) tree() string { return w.Dump(engine.StateDir, engine.RunDir) }

func (w *world) kind(name string) (*engine.Kind, bool) {
	k, ok := w.kinds[name]
	return k, ok
}

func (w *world) planner(l engine.Ledger) engine.Planner {
	return engine.Planner{View: w.View(), Ledger: l, Kinds: w.kind, Name: planName}
}

// mustPlan plans as the plan command does: it opens the journal for reading alone.
func (w *world) mustPlan(t *testing.T) *engine.Plan {
	t.Helper()
	j, err := journal.Open(w.View().Files, w.kind)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := w.planner(j).Plan(context.Background(), w.scenario.plan)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// apply is a whole run of the plan.
func (w *world) apply() (*engine.Report, error) { return w.applies(w.scenario.plan) }

// applies is a whole run of what is declared.
func (w *world) applies(ds []engine.Declared) (*engine.Report, error) {
	return w.run("apply", func(p engine.Planner, _ *journal.Recording) (*engine.Plan, error) {
		return p.Plan(context.Background(), ds)
	})
}

// undo is a run that goes back to the state before the run to; 0 is the last.
func (w *world) undo(to int) (*engine.Report, error) {
	return w.run("undo", func(p engine.Planner, r *journal.Recording) (*engine.Plan, error) {
		past, err := r.Past(to)
		if err != nil {
			return nil, err
		}
		return p.Undo(context.Background(), past)
	})
}

func (w *world) run(verb string, plan func(engine.Planner, *journal.Recording) (*engine.Plan, error)) (*engine.Report, error) {
	ctx := context.Background()
	j, err := journal.Open(w.View().Files, w.kind)
	if err != nil {
		return nil, err
	}
	rec, err := j.Start(ctx, w.Host(), journal.Info{Verb: verb, Plan: planName}, journal.Options{})
	if err != nil {
		return nil, err
	}
	p, err := plan(w.planner(rec), rec)
	if err != nil {
		return nil, errors.Join(err, rec.Close())
	}
	report := engine.Converger{Host: w.Host(), Recorder: rec}.Apply(ctx, p)
	result := journal.Converged
	if !report.Converged() {
		result = journal.Failed
	}
	err = rec.Finish(result)
	if err != nil {
		err = errors.Join(err, rec.Close())
	}
	return report, err
}

// converged fails the test unless the run did what it was to do.
func converged(t *testing.T, what string, report *engine.Report, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	for _, r := range report.Results {
		if r.Err != nil {
			t.Errorf("%s: %s: %v", what, r.Addr, r.Err)
		}
	}
	if !report.Converged() {
		t.Fatalf("%s did not converge: %s", what, statuses(report))
	}
}

func statuses(report *engine.Report) string {
	var out []string
	for _, r := range report.Results {
		out = append(out, fmt.Sprintf("%s %s", r.Addr, r.Status))
	}
	return strings.Join(append(out, fmt.Sprint(report.Stopped)), ", ")
}

// managed are the changes of what is not the journal's.
func managed(ops []host.Op) []host.Op {
	var out []host.Op
	for _, op := range ops {
		if !ownState(op.Path) {
			out = append(out, op)
		}
	}
	return out
}

// ownState reports paths of the journal, and the folder that it is made in.
func ownState(p string) bool {
	return p == engine.StateDir || p == path.Dir(engine.StateDir) || strings.HasPrefix(p, engine.StateDir+"/") ||
		p == path.Join(path.Dir(engine.StateDir), host.TempName(path.Base(engine.StateDir)))
}

// Sources are the files beside a plan, by name. A template is rendered by filling in "${name}".
type Sources map[string]string

// ReadFile returns a file.
func (s Sources) ReadFile(name string) ([]byte, error) {
	text, ok := s[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return []byte(text), nil
}

// Render fills in a template.
func (s Sources) Render(name string, vars map[string]any) (string, error) {
	b, err := s.ReadFile(name)
	text := string(b)
	for key, value := range vars {
		text = strings.ReplaceAll(text, "${"+key+"}", fmt.Sprint(value))
	}
	return text, err
}
