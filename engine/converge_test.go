package engine_test

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

func (r rig) put(name, text string) { r.Put("/toy/"+name, hosttest.File{Content: text}) }

func TestFailureStopsDependantsAlone(t *testing.T) {
	r := newRig(t, nil)
	ds := []engine.Declared{declare("a", "fail"), declare("b", "1", "a"), declare("c", "1", "b"), declare("d", "1")}
	report := r.runs(context.Background(), func(p engine.Planner) (*engine.Plan, error) { return p.Plan(context.Background(), ds) }, nil)
	is(t, "statuses", ended(report), "toy.a:failed toy.b:skipped toy.c:skipped toy.d:done")
	if err := report.Results[0].Err; err == nil || err.Error() != "cannot create toy.a: it broke" {
		t.Errorf("the error is %v", err)
	}
	is(t, "because", string(report.Results[2].Because), "toy.b")
	is(t, "what is there", r.toys(), "d=toy:1")
}

func TestNotConverged(t *testing.T) {
	r := newRig(t, map[string]string{"a": "toy:old"})
	for _, d := range []engine.Declared{declare("a", "lie"), declare("b", "lie")} {
		report := r.runs(context.Background(), func(p engine.Planner) (*engine.Plan, error) {
			return p.Plan(context.Background(), []engine.Declared{d})
		}, nil)
		var not *engine.NotConvergedError
		if err := report.Results[0].Err; !errors.As(err, &not) || !strings.Contains(err.Error(), string(d.Addr)) {
			t.Errorf("%s: %v", d.Addr, err)
		}
	}
}

func TestTimeout(t *testing.T) {
	r := newRig(t, nil)
	slow := but(declare("a", "wait"), func(d *engine.Declared) { d.Timeout = time.Millisecond })
	report := r.runs(context.Background(), func(p engine.Planner) (*engine.Plan, error) {
		return p.Plan(context.Background(), []engine.Declared{slow, declare("b", "1")})
	}, nil)
	is(t, "statuses", ended(report), "toy.a:failed toy.b:done")
	if err := report.Results[0].Err; err == nil || !strings.Contains(err.Error(), "toy.a took longer than its timeout of 1ms") {
		t.Errorf("the error is %v", err)
	}
}

// A run that is cancelled finishes the change at hand and leaves the rest.
func TestCancel(t *testing.T) {
	r := newRig(t, nil)
	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("interrupted")
	report := r.runs(ctx, func(p engine.Planner) (*engine.Plan, error) {
		return p.Plan(context.Background(), []engine.Declared{declare("a", "1"), declare("b", "1"), declare("c", "1", "b")})
	}, func(v *engine.Converger) {
		v.Observe = func(res engine.Result) {
			if res.Addr == "toy.a" && res.Status == "" {
				cancel(why)
			}
		}
	})
	is(t, "statuses", ended(report), "toy.a:done toy.b:untouched toy.c:untouched")
	if !errors.Is(report.Stopped, why) || report.Converged() {
		t.Errorf("stopped by %v", report.Stopped)
	}
	is(t, "the next run goes on", r.apply(declare("a", "1"), declare("b", "1"), declare("c", "1", "b")), "toy.a:same toy.b:done toy.c:done")
}

// What cannot be recorded is not done, nor is anything after it.
func TestNoChangeWithoutARecord(t *testing.T) {
	r := newRig(t, nil)
	r.apply(declare("z", "1")) // so that the journal's folders are there
	report := r.runs(context.Background(), func(p engine.Planner) (*engine.Plan, error) {
		plan, err := p.Plan(context.Background(), []engine.Declared{declare("z", "1"), declare("a", "1"), declare("b", "1")})
		r.FailAt(1, syscall.ENOSPC)
		return plan, err
	}, nil)
	is(t, "statuses", ended(report), "toy.z:same toy.a:failed toy.b:untouched")
	var rec *engine.RecordError
	if !errors.As(report.Stopped, &rec) || !errors.Is(report.Stopped, syscall.ENOSPC) {
		t.Errorf("stopped by %v", report.Stopped)
	}
	is(t, "what is there", r.toys(), "z=toy:1")
}

func TestStrict(t *testing.T) {
	for _, strict := range []bool{true, false} {
		r := newRig(t, map[string]string{"a": "toy:old", "b": "toy:old"})
		report := r.runs(context.Background(), func(p engine.Planner) (*engine.Plan, error) {
			plan, err := p.Plan(context.Background(), []engine.Declared{declare("a", "1"), declare("b", "1")})
			r.put("a", "toy:moved")
			return plan, err
		}, func(v *engine.Converger) { v.Strict = strict })
		want := "toy.a:done toy.b:done"
		if strict {
			want = "toy.a:failed toy.b:done"
			var stale *engine.StaleError
			if err := report.Results[0].Err; !errors.As(err, &stale) || err.Error() != "toy.a is no longer as it was when the plan was made: value" {
				t.Errorf("the error is %v", err)
			}
		}
		is(t, "statuses", ended(report), want)
	}
}

func TestUndoRefusesWhatMoved(t *testing.T) {
	r := newRig(t, map[string]string{"a": "toy:old", "b": "toy:old"})
	r.apply(declare("a", "1"), declare("b", "1"))
	r.put("a", "toy:moved")
	is(t, "undo", r.undo(), "toy.b:done toy.a:failed")
	is(t, "what is there", r.toys(), "a=toy:moved b=toy:old")
}

// What another change of the same run moved is read again and needs no second change.
func TestReadsAgainAfterWhatItDependsOn(t *testing.T) {
	r := newRig(t, nil)
	r.apply(declare("a", "1"), declare("b", "1", "a"))
	is(t, "b is looked at again and is as wanted", r.apply(declare("a", "2"), declare("b", "1", "a")), "toy.a:done toy.b:same")
}
