package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// decide compares have with want.
func (p Planner) decide(ctx context.Context, plan *Plan, c *Change) error {
	if c.Origin == FromPlan && c.Want != nil {
		c.Want = c.Kind.adopt(c.Have, c.declared.Spec, c.declared.IgnoreChanges)
	}
	if err := p.compare(c); err != nil {
		return err
	}
	if err := p.account(c); err != nil {
		return err
	}
	if c.Action == NoOp {
		warnings, err := c.serves(ctx, p.View, false)
		c.Warnings = append(c.Warnings, warnings...)
		return errors.Join(err, c.post(c.Have))
	}
	if err := p.stale(ctx, c); err != nil {
		return err
	}
	if c.Head.PreventRemoval && (c.Want == nil || c.Origin == FromLedger) {
		return fmt.Errorf("%s would be removed, and its lifecycle says prevent_removal: "+
			"put it back, or apply it once without that", c.Addr)
	}
	if err := refill(c.Want, c.Have); err != nil {
		return err
	}
	if err := Complete(c.Want); err != nil {
		return c.lost(err)
	}
	c.Irreversible = c.Kind.irrev(c.Have, c.Want)
	if c.Irreversible == "" && p.ForgetSecrets && c.losesSecret() {
		c.Irreversible = "the secret that is there now is not kept"
	}
	warnings, unserved := c.serves(ctx, p.View, true)
	c.Warnings = append(warnings, lines(plan.unmet(c.Kind.warn(ctx, p.View, c.Have, c.Want)))...)
	err := errors.Join(unserved, c.Kind.check(ctx, p.View, c.Have, c.Want))
	if c.declared.Check != nil && c.Want != nil {
		err = errors.Join(err, c.declared.Check(ctx, p.View))
	}
	return plan.unmet(err)
}

// lost says that what was there before is not at hand any more, and how to go on without it.
func (c *Change) lost(err error) error {
	if c.Origin != FromLedger {
		return fmt.Errorf("%s cannot go back to what was there before: %w", c.Addr, err)
	}
	return fmt.Errorf("%s replaced private content%s, which is kept for a few runs at most and cannot come back: put the block back "+
		"with lifecycle { keep = true } to leave what is there now, or with absent = true to remove it, apply that, and then drop it",
		c.Addr, c.at())
}

// at says where c's thing is, if that is a path.
func (c *Change) at() string {
	if p := c.Claim().Path(); p != "" {
		return " at " + p
	}
	return ""
}

// losesSecret reports whether a secret that is there now will not be.
func (c *Change) losesSecret() bool {
	return HasSecret(c.Have) && (c.Want == nil || slices.ContainsFunc(c.Fields, func(f FieldDiff) bool { return f.Secret }))
}

// compare sets the action and the fields that differ.
func (p Planner) compare(c *Change) error {
	switch {
	case c.Have == nil && c.Want == nil:
		c.Action = NoOp
	case c.Have == nil:
		c.Action, c.Fields = Create, c.Kind.describe(c.Kind.shown(p.View, c.Want))
	case c.Want == nil:
		c.Action = Remove
	default:
		if err := p.fields(c); err != nil {
			return err
		}
		c.Action = Update
		if len(c.Fields) == 0 {
			c.Action = NoOp
		}
	}
	return nil
}

// fields lists what differs between two things that are both there.
func (p Planner) fields(c *Change) error {
	if c.exact {
		// What was recorded and is no longer kept can only be compared by its reference.
		if err := Seal(c.Have, p.Ledger.Ref); err != nil {
			return err
		}
	}
	c.Fields = c.Kind.Diff(c.Have, c.Want)
	if !c.exact || len(c.Fields) > 0 {
		return nil
	}
	have, err := p.record(c.Kind, c.Have)
	if err != nil {
		return err
	}
	want, err := p.record(c.Kind, c.Want)
	if err != nil {
		return err
	}
	c.Fields = c.Kind.DiffRecorded(c.Kind.counting(have, c.proving), c.Kind.counting(want, c.proving))
	return nil
}

// record seals and encodes spec.
func (p Planner) record(k *Kind, spec any) (Recorded, error) {
	if spec == nil {
		return nil, nil
	}
	if err := Seal(spec, p.Ledger.Ref); err != nil {
		return nil, err
	}
	return k.Encode(spec)
}

// account finds whether the ledger has yet to learn of c.
func (p Planner) account(c *Change) error {
	if c.Origin != FromPlan {
		return nil
	}
	c.Head.Plan = p.Name
	digest, err := p.digest(c)
	if err != nil {
		return err
	}
	c.Head.Digest = digest
	known, ok := p.Ledger.Lookup(c.Claim())
	switch {
	case ok && known.Plan == p.Name && !known.Implied:
		c.Adopt = known != c.Head
	case c.Head.Implied:
		// A directory that was there all along is nobody's; one of ours is in the ledger already.
		c.Adopt = false
	default:
		c.Adopt = true
	}
	return nil
}

// digest identifies a declaration: the same spec with the same edges and flags.
func (p Planner) digest(c *Change) (string, error) {
	r, err := p.record(c.Kind, c.declared.Spec)
	if err != nil {
		return "", err
	}
	deps, err := json.Marshal(c.DependsOn)
	if err != nil {
		return "", err
	}
	b := r.appendTo([]byte(`{"Spec":`))
	b = append(append(append(b, `,"Deps":`...), deps...), '}')
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16]), nil
}

// stale refuses to take back what is not as the run left it.
func (p Planner) stale(ctx context.Context, c *Change) error {
	if c.left == nil {
		return nil
	}
	found, err := c.Kind.Read(ctx, p.View, c.leftSpec)
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", c.Addr, err)
	}
	have, err := p.record(c.Kind, found)
	if err != nil {
		return err
	}
	left := c.Kind.counting(*c.left, true)
	if have = c.Kind.counting(have, true); have.Equal(left) {
		return nil
	}
	return &StaleError{Addr: c.Addr, Fields: c.Kind.DiffRecorded(left, have), Since: "the run ended"}
}

// lines are what err says, one for each error that was joined.
func lines(err error) []string {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []string{err.Error()}
	}
	var out []string
	for _, e := range joined.Unwrap() {
		out = append(out, lines(e)...)
	}
	return out
}

// unmet returns err without the needs that the plan provides and the conflicts that it decides.
func (plan *Plan) unmet(err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var errs []error
		for _, e := range joined.Unwrap() {
			errs = append(errs, plan.unmet(e))
		}
		return errors.Join(errs...)
	}
	var need *NeedError
	if errors.As(err, &need) && plan.provided[need.Claim] {
		return nil
	}
	var conflict *ConflictError
	if errors.As(err, &conflict) && plan.decided[conflict.Claim] {
		return nil
	}
	return err
}
