package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/journal"
)

// relay hands on the programs that the host runs to a recording that is started later.
type relay struct{ to func(host.Call) }

func (r *relay) ran(c host.Call) {
	if r.to != nil {
		r.to(c)
	}
}

// start takes the lock and says what an interrupted run left.
func (a *app) start(ctx context.Context, h *host.Host, j *journal.Journal, info journal.Info, f runFlags) (*journal.Recording, error) {
	forget, err := forgetSecrets(f.secrets, h)
	if err != nil {
		return nil, err
	}
	info.Version, info.Args = version, os.Args
	rec, err := j.Start(ctx, h, info, journal.Options{LockTimeout: f.lockTimeout, SecretsDigestOnly: forget})
	if err != nil {
		return nil, asRoot(err)
	}
	a.settleFirewall(ctx, h)
	if found := rec.Found(); found != nil && !a.json && !a.toldFound {
		a.toldFound = true // a run may lock more than once
		a.text().found(found)
	}
	return rec, nil
}

// forgetSecrets decides whether old secrets are kept for undo: never in an image, which may be
// copied to anywhere.
func forgetSecrets(flag string, h *host.Host) (bool, error) {
	switch flag {
	case "vault":
		return h.Offline, nil
	case "digest-only":
		return true, nil
	}
	return false, fmt.Errorf(`--secrets is "vault" or "digest-only", not %q`, flag)
}

// convergence is one run: a plan that is to be made so.
type convergence struct {
	run    *journal.Recording
	host   *host.Host
	plan   *engine.Plan
	flags  runFlags
	strict bool   // refuse where the host is not as planned
	again  string // the command to go on with after a failure
	undo   bool
	// ahead, where not nil, has asked already and got what takes long.
	ahead *ahead
	// ended, where not nil, keeps what is known at the end, while the host is still locked.
	ended func(*engine.Report, journal.Result) error
}

// converge asks, changes, reports and ends the run.
func (a *app) converge(ctx context.Context, c convergence) error {
	t := a.text()
	if c.ahead == nil {
		if err := a.approved(ctx, c); err != nil {
			return err
		}
	}
	if !a.json && !a.asks(c) {
		t.header(c.host.Facts, a.rootDir)
	}
	var err error
	if c.host.Confirm, err = a.confirmation(ctx, c); err != nil {
		return err
	}
	observe := t.result
	if a.json {
		observe = func(engine.Result) {}
	}
	bars := a.progress()
	v := engine.Converger{Host: c.host, Recorder: c.run, Strict: c.strict, Observe: observe, Tell: bars.tell}
	if c.ahead != nil {
		v.Prepared = &c.ahead.prepared
	}
	report := v.Apply(ctx, c.plan)
	bars.close()
	result := journal.Converged
	switch {
	case context.Cause(ctx) != nil:
		result = journal.Interrupted
	case !report.Converged():
		result = journal.Failed
	}
	id := c.run.ID()
	var kept error
	if c.ended != nil {
		kept = asRoot(c.ended(report, result))
	}
	err = c.run.Finish(result)
	var tidy *journal.TidyError
	if errors.As(err, &tidy) {
		fmt.Fprintf(a.stderr, "Warning: %v\n", tidy)
		err = nil
	}
	if a.json {
		err = errors.Join(err, a.writeJSON(runDocument(id, result, c.host.Facts, c.plan, report)))
	} else {
		t.ended(report, id, c.again)
	}
	err = errors.Join(err, kept)
	switch {
	case err != nil:
		return err
	case result == journal.Interrupted:
		return context.Cause(ctx)
	case result == journal.Failed:
		return &exitStatus{exitError}
	}
	return nil
}

// asks reports whether somebody is there to be asked.
func (a *app) asks(c convergence) bool {
	in, ok := a.stdin.(*os.File)
	return ok && !c.flags.autoApprove && !a.json && changing(c.plan) > 0 &&
		term.IsTerminal(int(in.Fd())) && terminal(a.stdout) != nil
}

func changing(p *engine.Plan) int {
	n := 0
	for _, c := range p.Changes {
		switch c.Action {
		case engine.Create, engine.Update, engine.Remove:
			n++
		}
	}
	return n
}

// approved shows the plan and asks, where somebody is there; elsewhere it only refuses to prune
// more than was allowed.
func (a *app) approved(ctx context.Context, c convergence) error {
	if !a.asks(c) {
		return pruneGuard(c)
	}
	t := a.text()
	t.header(c.host.Facts, a.rootDir)
	for _, ch := range c.plan.Changes {
		t.change(ch, "")
	}
	t.planned(c.plan)
	fmt.Fprint(a.stdout, "\nMake these changes? Only \"yes\" does: ")
	answer := make(chan string, 1)
	go func() {
		line, err := bufio.NewReader(a.stdin).ReadString('\n')
		if err != nil {
			line = ""
		}
		answer <- strings.TrimSpace(line)
	}()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case said := <-answer:
		if said != "yes" {
			return errors.New("nothing was changed")
		}
	}
	fmt.Fprintln(a.stdout)
	return nil
}

// pruneGuard keeps a mistake in a plan, such as an empty folder, from undoing a machine unasked.
func pruneGuard(c convergence) error {
	if c.flags.allowPrune || c.undo {
		return nil
	}
	var pruned, kept int
	var precious []string
	for _, ch := range c.plan.Changes {
		switch {
		case ch.Head.Implied:
		case ch.Origin != engine.FromLedger:
			if head, ok := c.run.Lookup(ch.Claim()); ok && head.Plan == c.plan.Name {
				kept++
			}
		case ch.Action == engine.Remove || ch.Action == engine.Update || ch.Action == engine.Create:
			pruned++
			if k := ch.Kind.Name(); ch.Action == engine.Remove && (k == "user" || k == "model") {
				precious = append(precious, string(ch.Addr))
			}
		}
	}
	switch {
	case len(precious) > 0:
		return fmt.Errorf("this run would remove %s; nothing was changed. If that is meant, add --allow-prune", strings.Join(precious, ", "))
	case pruned > kept:
		return fmt.Errorf("this run would take back %d of the %d resources that the plan has on this host, as it no longer says them; "+
			"nothing was changed. If that is meant, add --allow-prune", pruned, pruned+kept)
	}
	return nil
}

// The JSON of a run.
type jsonRun struct {
	FormatVersion string          `json:"format_version"`
	Run           int             `json:"run"`
	Plan          string          `json:"plan"`
	Result        journal.Result  `json:"result"`
	Host          host.Facts      `json:"host"`
	Resources     []engine.Result `json:"resources"`
	Summary       map[string]int  `json:"summary"`
}

func runDocument(id int, result journal.Result, f host.Facts, p *engine.Plan, r *engine.Report) jsonRun {
	out := jsonRun{FormatVersion: "1.0", Run: id, Plan: p.Name, Result: result, Host: f,
		Resources: append([]engine.Result{}, r.Results...), Summary: map[string]int{}}
	for _, res := range r.Results {
		out.Summary[string(res.Status)]++
	}
	return out
}
