package journal

import (
	"fmt"
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
)

// Begin records, durably, that cs are about to be made. From then on the ledger has what they come
// to manage, so that a thing half made is ours.
func (r *Recording) Begin(cs ...*engine.Change) error {
	recs := make([]record, len(cs))
	for i, c := range cs {
		b, err := r.beginning(c)
		if err != nil {
			return fmt.Errorf("cannot record the change of %s: %w", c.Addr, err)
		}
		b.N += i
		recs[i].Begin = b
	}
	if err := r.write(true, recs...); err != nil {
		return fmt.Errorf("cannot record the change of %s: %w", cs[0].Addr, err)
	}
	for i, c := range cs {
		r.changes[c] = r.run.add(recs[i].Begin, false)
	}
	if r.current = recs[0].Begin.N; len(cs) > 1 {
		r.current = 0 // programs that run now are of none of them alone
	}
	return nil
}

// beginning describes c with what the ledger is to have of it.
func (r *Recording) beginning(c *engine.Change) (*begun, error) {
	b, err := r.begin(c)
	if err != nil {
		return nil, err
	}
	if c.Origin == engine.FromPlan {
		err = r.enter(c, b)
	} else if b.Prior == nil && c.Prior != nil {
		b.Set, err = r.entryAgain(c.Prior)
	}
	return b, err
}

// End records how c ended; c.After is what is there now.
func (r *Recording) End(c *engine.Change, failed error) error {
	change := r.changes[c]
	if change == nil {
		return fmt.Errorf("cannot record the end of %s: it was not begun", c.Addr)
	}
	now := r.options.Now().UTC()
	e := &ended{N: change.begun.N, Time: now, Took: now.Sub(change.Began).Round(time.Microsecond), At: r.moment()}
	if c.Why != change.Why {
		e.Why = c.Why
	}
	var err error
	if failed != nil {
		e.Error = r.redact(failed.Error())
	} else {
		e.effect, err = r.outcome(c)
	}
	if err == nil {
		e.After, err = r.record(c.Kind, c.After, r.Ref)
	}
	if err == nil {
		err = r.write(false, record{End: e})
	}
	if err != nil {
		return fmt.Errorf("cannot record the end of %s: %w", c.Addr, err)
	}
	r.current = 0
	delete(r.changes, c)
	if err := change.end(e); err != nil {
		return err
	}
	r.run.note(change, e.At)
	return nil
}

// Settle brings the ledger up to c where the host need not change. Where the ledger need not
// either, nothing is written.
func (r *Recording) Settle(c *engine.Change) error {
	b, err := r.settle(c)
	if err == nil && b.effect != (effect{}) {
		err = r.write(false, record{Settle: b})
		if err == nil {
			r.run.add(b, true)
		}
	}
	if err != nil {
		return fmt.Errorf("cannot record that %s is as wanted: %w", c.Addr, err)
	}
	return nil
}

func (r *Recording) settle(c *engine.Change) (*begun, error) {
	prior, err := r.kept(c.Claim())
	if err != nil {
		return nil, err
	}
	var next effect
	if c.Origin != engine.FromPlan {
		if next, err = r.outcome(c); err != nil || next == (effect{}) {
			return &begun{}, err
		}
	}
	b, err := r.begin(c)
	if err != nil {
		return nil, err
	}
	b.effect = next
	if c.Origin == engine.FromPlan {
		err = r.enter(c, b)
	}
	if b.Set != nil && same(b.Set, prior) {
		b.Set = nil
	}
	return b, err
}

// begin describes c as it is about to be made, and keeps what is there now.
func (r *Recording) begin(c *engine.Change) (*begun, error) {
	if r.failure != nil {
		return nil, r.failure
	}
	if err := r.prepare(); err != nil {
		return nil, err
	}
	b := &begun{
		N: len(r.run.Changes) + 1, Time: r.options.Now().UTC(), Addr: c.Addr, Kind: c.Kind.Name(),
		Origin: c.Origin, Action: c.Action, Why: c.Why, Irreversible: c.Irreversible,
		Claims: c.Claims, Needs: c.Needs, DependsOn: c.DependsOn, Inputs: c.Inputs, Fields: shortened(c.Fields),
	}
	var err error
	if b.Prior, err = r.kept(c.Claim()); err != nil {
		return nil, err
	}
	if b.Spec, err = r.record(c.Kind, c.Spec, r.Ref); err != nil {
		return nil, err
	}
	if b.Want, err = r.record(c.Kind, c.Want, r.Ref); err != nil {
		return nil, err
	}
	ref := r.keep
	if c.Action == engine.NoOp && b.Prior != nil && !c.Kind.Merges() {
		ref = r.Ref // nothing goes away, and what was there first is kept already
	}
	if b.Have, err = r.record(c.Kind, c.Have, ref); err != nil {
		return nil, err
	}
	b.Texts = r.shortTexts(b.Have)
	return b, nil
}

// record encodes spec with the references that ref gives its texts.
func (r *Recording) record(k *engine.Kind, spec any, ref func(engine.Text) (string, error)) (engine.Recorded, error) {
	if spec == nil {
		return nil, nil
	}
	if err := engine.Seal(spec, ref); err != nil {
		return nil, err
	}
	return k.Encode(spec)
}

// enter sets what the ledger will have of c, a change that a plan declares.
func (r *Recording) enter(c *engine.Change, b *begun) error {
	if c.Head.Implied && !r.implied(c, b.Prior) {
		return nil
	}
	k := &kept{Entry: engine.Entry{
		Head: c.Head, Claims: c.Claims, Needs: c.Needs, DependsOn: c.DependsOn, Spec: b.Spec, Before: b.Have,
	}}
	if b.Prior != nil && b.Prior.Kind == b.Kind {
		var err error
		if k.Before, err = r.before(c, b.Prior); err != nil {
			return err
		}
		k.Whole = c.Kind.Merges() && (b.Prior.Whole || k.Before != nil && c.Have == nil)
	}
	k.Texts = r.shortTexts(k.Before)
	b.Set = k
	return nil
}

// before is what was there before it was first managed, and not before now, but for what is managed
// only from now on.
func (r *Recording) before(c *engine.Change, prior *kept) (engine.Recorded, error) {
	if prior.Before == nil || prior.Whole || c.Have == nil || !c.Kind.Merges() {
		return prior.Before, nil
	}
	r.remember(prior.Texts)
	first, err := r.decode(c.Kind, prior.Before)
	if err != nil {
		return nil, err
	}
	return r.record(c.Kind, c.Kind.Merge(first, c.Have), func(t engine.Text) (string, error) {
		if t.Ref() != "" {
			return t.Ref(), nil // kept already, and an old secret not for longer
		}
		return r.keep(t)
	})
}

// implied reports whether something that nobody declares is entered: where we make it, and where
// the plan declared it until now.
func (r *Recording) implied(c *engine.Change, prior *kept) bool {
	if prior == nil {
		return c.Have == nil && c.Want != nil
	}
	return prior.Plan == c.Head.Plan && !prior.Implied
}

// outcome is what the ledger learns from the end of c.
func (r *Recording) outcome(c *engine.Change) (effect, error) {
	if c.Origin == engine.FromPlan {
		return effect{}, nil
	}
	now, err := r.kept(c.Claim())
	if err != nil {
		return effect{}, err
	}
	if c.Origin == engine.FromUndo && c.Prior != nil {
		before, err := r.entryAgain(c.Prior)
		if err != nil || same(before, now) {
			return effect{}, err
		}
		return effect{Set: before}, nil
	}
	if now == nil {
		return effect{}, nil
	}
	return effect{Release: now.Claims[0]}, nil
}

// entryAgain is an entry that was in the ledger once, with the short contents that it needs.
func (r *Recording) entryAgain(e *engine.Entry) (*kept, error) {
	if !claimed(e.Claims) {
		return nil, errNoClaim
	}
	return &kept{Entry: *e, Texts: r.shortTexts(e.Before)}, nil
}

// Call records a program that was run; give it to host.Options.Ran. What goes wrong is the result
// of the next Begin, End or Finish.
func (r *Recording) Call(c host.Call) {
	if r.failure != nil {
		return
	}
	call := &called{N: r.current, Call: Call{Exit: c.Exit, Took: c.Took, Output: last(r.redact(c.Output), longOutput)}}
	for _, arg := range c.Argv {
		call.Argv = append(call.Argv, first(r.redact(arg), longArg))
	}
	if err := r.prepare(); err != nil {
		r.failure = err
	} else if err := r.write(false, record{Call: call}); err != nil {
		r.failure = fmt.Errorf("cannot record that %s ran: %w", c.Argv[0], err)
	}
}
