package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/journal"
	"github.com/agent0-converge/agent0-converge/plans"
)

// interrupted says, without the lock, that a run did not end.
func (t text) interrupted(run *journal.Run) {
	if run != nil {
		fmt.Fprintf(t.w, "Run %d (%s) did not end: it is at work still, or was cut short. The next apply goes on from there.\n\n", run.ID, run.Verb)
	}
}

// found says what a run that was cut short left.
func (t text) found(run *journal.Run) {
	if run == nil {
		return
	}
	at := "between two changes"
	if cut := run.Unfinished(); len(cut) > 0 {
		at = "while it was to " + string(cut[0].Action) + " " + string(cut[0].Addr)
	}
	fmt.Fprintf(t.w, "Run %d (%s %s) was interrupted %s. Going on from there.\n\n", run.ID, run.Verb, run.Plan, at)
}

// outputs writes what the plan says of itself.
func (a *app) outputs(p *plans.Plan) {
	for _, name := range slices.Sorted(maps.Keys(p.Outputs)) {
		fmt.Fprintf(a.stdout, "%s = %s\n", name, p.Outputs[name].Text())
	}
}

// showUndo writes what undo would do.
func (a *app) showUndo(f host.Facts, p *engine.Plan) error {
	if a.json {
		return a.writeJSON(planDocument(f, p))
	}
	t := a.text()
	t.header(f, a.rootDir)
	for _, c := range p.Changes {
		t.change(c, "")
	}
	t.planned(p)
	return nil
}

// result writes one resource of a run as it ends.
func (t text) result(r engine.Result) {
	switch r.Status {
	case "": // about to be made
	case engine.Same:
		t.change(r.Change, "")
	case engine.Done:
		t.change(r.Change, "✓ "+took(r.Took))
	case engine.Kept:
		t.change(r.Change, "kept")
	case engine.Failed:
		failed := *r.Change
		failed.Err, failed.Fields = r.Err, nil
		t.change(&failed, "✗ failed")
	}
}

func took(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return "<1 ms"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return d.Round(100 * time.Millisecond).String()
}

// ended is the account of a run: every resource that did not arrive, and how to go on.
func (t text) ended(r *engine.Report, run int, again string) {
	for _, res := range r.Results {
		switch res.Status {
		case engine.Skipped:
			fmt.Fprintf(t.w, "  · %s skipped   %s did not arrive\n", pad(string(res.Addr), 32), res.Because)
		case engine.Untouched:
			fmt.Fprintf(t.w, "  · %s untouched\n", pad(string(res.Addr), 32))
		case engine.Deferred:
			fmt.Fprintf(t.w, "  > %s deferred to first boot\n", pad(string(res.Addr), 32))
		}
	}
	if r.Count(engine.Same) < len(r.Results) {
		fmt.Fprintln(t.w)
	}
	var parts []string
	for _, s := range []engine.Status{engine.Done, engine.Kept, engine.Failed, engine.Skipped, engine.Untouched, engine.Deferred, engine.Same} {
		if n := r.Count(s); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		}
	}
	if len(parts) == 0 {
		parts = []string{"nothing to do"}
	}
	fmt.Fprintf(t.w, "%s.", strings.Join(parts, ", "))
	if run > 0 {
		fmt.Fprintf(t.w, " This was run %d; `agent0-converge undo` takes it back.", run)
	}
	fmt.Fprintln(t.w)
	if r.Stopped != nil {
		fmt.Fprintf(t.w, "Stopped: %v.\n", r.Stopped)
	}
	if !r.Converged() {
		fmt.Fprintf(t.w, "To go on: %s\n", again)
	}
}
