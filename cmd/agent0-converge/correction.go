package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/journal"
	"github.com/agent0-converge/agent0-converge/engine/tally"
	"github.com/agent0-converge/agent0-converge/plans"
	"github.com/agent0-converge/agent0-converge/plans/bundle"
	"github.com/agent0-converge/agent0-converge/resources/all"
)

// correction is a run that puts right what drifted from one plan, and nothing else.
type correction struct {
	app   *app
	s     *session
	run   *journal.Recording
	flags lastFlags
	tally *tally.Tally
	note  planStatus
	left  bool
}

// plan is what is to be done; nil is nothing at all. The host's lock is held.
func (k *correction) plan(ctx context.Context, m *bundle.Manifest) (*engine.Plan, error) {
	tree := k.s.host.Files.Tree
	b, err := bundle.Open(tree, m.Name)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	switch {
	case b.Digest != m.Digest:
		k.app.say("Plan %s was applied just now: nothing to put right.\n", m.Name)
		return nil, nil
	case len(k.run.Owned(m.Name)) == 0:
		k.app.say("Plan %s: nothing of it is on this host any more, so there is nothing to put right.\n", m.Name)
		return nil, nil
	}
	if k.tally, err = tally.Read(tree); err != nil {
		return nil, err
	}
	if err := k.load(b); err != nil {
		return nil, err
	}
	planner := k.s.planner(k.run)
	declared, err := k.recalled(ctx, planner)
	if err != nil {
		return nil, err
	}
	p, err := planner.Plan(ctx, declared)
	if err != nil {
		return nil, k.app.mistakes(err, k.s.plan.Files())
	}
	if err := k.note.drifted(planner, p); err != nil {
		return nil, err
	}
	k.narrow(p)
	return p, nil
}

// load reads the plan from its bundle.
func (k *correction) load(b *bundle.Bundle) error {
	in := b.Input(secrets{k.run.Journal})
	in.Environ, in.Facts, in.Kinds = os.Environ(), k.s.host.Facts, all.Kinds()
	plan, diags := plans.Load(in)
	if diags.HasErrors() {
		return k.app.failed(diags, plan.Files())
	}
	k.s.plan = plan
	return nil
}

// recalled declares what the plan declares. In place of what cannot be told, since it needs a secret
// that is not at hand, comes what the ledger says of it, as far as that can do without.
func (k *correction) recalled(ctx context.Context, planner engine.Planner) ([]engine.Declared, error) {
	owned := map[engine.Addr][]engine.Claim{}
	for _, claim := range k.run.Owned(k.s.plan.Name) {
		head, _ := k.run.Lookup(claim)
		for _, name := range head.Addr.Names() {
			owned[name] = append(owned[name], claim)
		}
	}
	var out []engine.Declared
	for _, d := range k.s.plan.Resources {
		if d.Deferred == "" || len(owned[d.Addr]) == 0 {
			out = append(out, d)
			continue
		}
		for _, claim := range owned[d.Addr] {
			was, whole, err := planner.Recall(ctx, claim)
			if err != nil {
				return nil, err
			}
			was.Place = d.Place
			if !whole {
				was.Spec, was.Deferred = nil, d.Deferred
			}
			out = append(out, was)
		}
	}
	return out, nil
}

// narrow leaves of a plan what puts right what drifted.
func (k *correction) narrow(p *engine.Plan) {
	p.Changes = slices.DeleteFunc(p.Changes, func(c *engine.Change) bool {
		return c.Action == engine.NoOp && !k.applied(c)
	})
	p.Leave(k.why)
}

// applied reports whether c is what was last applied, in every word.
func (k *correction) applied(c *engine.Change) bool {
	head, ok := k.run.Lookup(c.Claim())
	return ok && c.Origin == engine.FromPlan && head.Plan == k.s.plan.Name && head.Digest == c.Head.Digest
}

// why is the reason to leave c alone, or "".
func (k *correction) why(c *engine.Change) string {
	head, known := k.run.Lookup(c.Claim())
	switch {
	case c.Action == engine.Defer:
		return c.Why
	case c.Origin != engine.FromPlan:
		return "pending: the plan that was last applied as a whole does not have it"
	case c.Head.Implied && !known:
		return ""
	case known && head.Plan != k.s.plan.Name:
		return "plan " + head.Plan + " manages it"
	case !known:
		return "pending: it was never applied, or undone"
	case !k.applied(c):
		return "pending: what it is to be has changed since, by another apply, an undo or another version of the agent"
	case k.tally.Fought(k.s.plan.Name, c.Claim(), k.flags.contestedAfter, k.app.now()):
		return fmt.Sprintf("contested: put right %d times within a day, and changed again", k.flags.contestedAfter)
	}
	return ""
}

// ended counts what was put right, and keeps how the run went.
func (k *correction) ended(r *engine.Report, result journal.Result) error {
	now, name := k.app.now(), k.s.plan.Name
	for _, res := range r.Results {
		switch res.Status {
		case engine.Left:
			k.left = true
		case engine.Done:
			k.count(res.Change, now)
		}
	}
	if err := k.tally.Store(k.s.host.Files, now); err != nil {
		return err
	}
	k.note.ended(now, k.run.ID(), r, result, k.tally.Contested(name))
	return k.app.writeStatus(k.s.host, k.note)
}

// count notes what was put right. A restart that follows from another correction is none.
func (k *correction) count(c *engine.Change, now time.Time) {
	var names []string
	for _, f := range c.Fields {
		if c.Action == engine.Update && f.Cause != engine.Pending {
			names = append(names, f.Name)
		}
	}
	if c.Action == engine.Update && len(names) == 0 {
		return
	}
	k.tally.Count(k.s.plan.Name, c.Addr, c.Claim(), names, now)
	k.tally.Fought(k.s.plan.Name, c.Claim(), k.flags.contestedAfter, now)
}

// failed keeps that a run did not come to anything.
func (k *correction) failed(err error) error {
	if err == nil {
		return nil
	}
	k.note.Ended, k.note.Result, k.note.Error = k.app.now().UTC().Truncate(time.Second), "error", err.Error()
	if errors.As(err, new(*exitStatus)) {
		k.note.Error = "the plan as it was last applied has mistakes on this host now: apply --last says which"
	}
	if k.tally != nil {
		k.note.contested(k.tally.Contested(k.note.Plan))
	}
	return k.app.writeStatus(k.s.host, k.note)
}

// advise says what to do about what is contested.
func (k *correction) advise() {
	var names []string
	for _, c := range k.note.Contested {
		names = append(names, c.String())
	}
	if len(names) > 0 {
		k.app.say("\nContested: %s.\n%s\n", strings.Join(names, ", "), contestedAdvice)
	}
}

const contestedAdvice = `Something else on this host wants it otherwise: another tool that configures it, a timer, a package's
script, a program that rewrites its own settings, or a second plan of somebody else. Stop that, or let
the plan leave it alone: lifecycle { ignore_changes = […] }. Then apply the plan by hand; until then
it is left as it is.`
