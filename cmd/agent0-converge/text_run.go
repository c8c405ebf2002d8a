package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

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
	fmt.Fprintf(t.w, "Run %d (%s) was interrupted %s. Going on from there.\n\n", run.ID, what(run.Info), at)
}

// commandLine is what was typed, as a shell takes it.
func commandLine(args []string) string {
	words := []string{"agent0-converge"}
	for _, arg := range args[1:] {
		if arg == "" || strings.ContainsFunc(arg, func(r rune) bool {
			return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_./:=@%+,-", r)
		}) {
			arg = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
		words = append(words, arg)
	}
	return strings.Join(words, " ")
}

// outputs writes what the plan says of itself.
func (a *app) outputs(p *plans.Plan) {
	for _, name := range slices.Sorted(maps.Keys(p.Outputs)) {
		fmt.Fprintf(a.stdout, "%s = %s\n", name, visible(p.Outputs[name].Text()))
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
	case engine.Same, engine.Left:
		t.change(r.Change, "")
	case engine.Done:
		t.change(r.Change, "✓ "+took(r.Took))
	case engine.Kept:
		t.change(r.Change, "kept")
	case engine.Failed:
		failed := *r.Change
		failed.Err, failed.Fields, failed.Cost = r.Err, nil, nil
		t.change(&failed, "✗ failed")
	case engine.Missing:
		without := *r.Change
		without.Fields, without.Cost, without.Warnings = nil, nil, append(without.Warnings, r.Err.Error())
		t.change(&without, "missing, and optional")
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

// wayBack says how to take a run back, as far as it can be.
func wayBack(r *engine.Report) string {
	var lasting []string
	for _, res := range r.Results {
		if res.Status == engine.Done && res.Irreversible != "" {
			lasting = append(lasting, string(res.Addr))
		}
	}
	if len(lasting) > 0 {
		return "; of it, " + strings.Join(lasting, ", ") + " cannot be taken back"
	}
	return "; `agent0-converge undo` takes it back"
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
			fmt.Fprintf(t.w, "  > %s deferred to first boot: it %s\n", pad(string(res.Addr), 32), orElse(res.Why, "needs the running system"))
		}
	}
	if slices.ContainsFunc(r.Results, func(res engine.Result) bool { return res.Status != engine.Same || t.shows(res.Change) }) {
		fmt.Fprintln(t.w)
	}
	var parts []string
	for _, s := range []engine.Status{engine.Done, engine.Kept, engine.Missing, engine.Failed, engine.Skipped, engine.Untouched, engine.Left, engine.Deferred, engine.Same} {
		if n := r.Count(s); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		}
	}
	if len(parts) == 0 {
		parts = []string{"nothing to do"}
	}
	fmt.Fprintf(t.w, "%s.", strings.Join(parts, ", "))
	if run > 0 {
		fmt.Fprintf(t.w, " This was run %d%s.", run, wayBack(r))
	}
	fmt.Fprintln(t.w)
	var sig *signalError
	switch {
	case errors.As(r.Stopped, &sig): // which is the error at the end, too
	case r.Stopped != nil:
		fmt.Fprintf(t.w, "Stopped: %v.\n", r.Stopped)
	}
	if !r.Converged() {
		fmt.Fprintf(t.w, "To go on: %s\n", again)
	}
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
