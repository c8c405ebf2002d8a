package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Leave leaves changes of the plan alone: those for which why has a reason, those that wait for a
// thing which is therefore not made, and folders that nothing needs any more. It is for a run that
// may do less than the plan says.
func (plan *Plan) Leave(why func(*Change) string) {
	for _, c := range plan.Changes {
		if c.Action == NoOp || c.Action == Broken {
			continue
		}
		reason := why(c)
		for _, d := range c.waits {
			if reason == "" && d.Action == Leave && d.Have == nil && d.Want != nil && c.Want != nil {
				reason = "waits for " + string(d.Addr)
			}
		}
		if reason != "" {
			c.leave(reason)
		}
	}
	needed := map[*Change]bool{}
	for _, c := range slices.Backward(plan.Changes) {
		if c.Head.Implied && c.Action == Create && !needed[c] {
			c.leave("nothing that is made needs it")
		}
		if c.Action == Create || c.Action == Update {
			for _, d := range c.waits {
				needed[d] = true
			}
		}
	}
}

func (c *Change) leave(reason string) { c.Action, c.Why, c.Err = Leave, reason, nil }

// Recall declares the thing of a claim as it was last declared, for a run that cannot tell that any
// more since it lacks a secret. What the ledger keeps by reference alone is taken from the host,
// where it still is. Without ok the host no longer has it.
func (p Planner) Recall(ctx context.Context, claim Claim) (d Declared, ok bool, err error) {
	e, err := p.Ledger.Entry(claim)
	if err != nil {
		return d, false, err
	}
	kind, known := p.Kinds(e.Kind)
	if !known {
		return d, false, fmt.Errorf("cannot recall %s: this version has no kind %q", e.Addr, e.Kind)
	}
	d = Declared{
		Addr: e.Addr, Kind: kind, DependsOn: e.DependsOn, Absent: e.Absent, Keep: e.Keep,
		Implied: e.Implied, PreventRemoval: e.PreventRemoval,
	}
	if d.Spec, err = kind.Decode(e.Spec); err != nil {
		return d, false, err
	}
	have, err := kind.Read(ctx, p.View, d.Spec)
	if err != nil {
		return d, false, fmt.Errorf("cannot read %s: %w", e.Addr, err)
	}
	if err := Seal(have, p.Ledger.Ref); err != nil {
		return d, false, err
	}
	if err := refill(d.Spec, have); err != nil {
		return d, false, err
	}
	// An old secret that the journal still keeps is none to put back: it is not what was declared last.
	err = Unseal(d.Spec, func(ref string) (string, bool, error) {
		if strings.HasPrefix(ref, "hmac") {
			return "", false, nil
		}
		return p.Ledger.Fetch(ref)
	})
	return d, err == nil && Complete(d.Spec) == nil, err
}
