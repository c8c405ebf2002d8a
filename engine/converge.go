package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// Recorder keeps what a run does. The host is not touched before Begin has returned.
type Recorder interface {
	// Begin records, durably, that c is about to be made.
	Begin(c *Change) error
	// End records how c ended; c.After is what is there now.
	End(c *Change, err error) error
	// Settle brings the ledger up to c where the host need not change: it is managed from now on,
	// or no longer.
	Settle(c *Change) error
}

// Converger makes the changes of a plan, one at a time.
type Converger struct {
	Host     *host.Host
	Recorder Recorder
	// Observe, where not nil, is told when a change is about to be made (with no status) and of
	// every result.
	Observe func(Result)
	// Strict refuses a change whose thing is no longer as the plan found it.
	Strict bool
}

// RecordError is a run that could not write its journal. It ends the run: what is not recorded
// cannot be taken back.
type RecordError struct{ Err error }

func (e *RecordError) Error() string { return "cannot write the journal: " + e.Err.Error() }
func (e *RecordError) Unwrap() error { return e.Err }

// Apply makes the plan's changes. When ctx ends it finishes the change at hand and leaves the rest
// untouched. A change that fails stops what depends on it and nothing else.
func (v Converger) Apply(ctx context.Context, plan *Plan) *Report {
	report := &Report{}
	ended := make(map[*Change]*Result, len(plan.Changes))
	for _, c := range plan.Changes {
		res := v.one(ctx, plan, c, ended, report.Stopped)
		ended[c] = &res
		report.Results = append(report.Results, res)
		if v.Observe != nil {
			v.Observe(res)
		}
		var rec *RecordError
		if errors.As(res.Err, &rec) {
			report.Stopped = rec
		} else if res.Status == Untouched && report.Stopped == nil {
			report.Stopped = context.Cause(ctx)
		}
	}
	return report
}

// one brings one change to its end.
func (v Converger) one(ctx context.Context, plan *Plan, c *Change, ended map[*Change]*Result, stopped error) Result {
	res := Result{Change: c}
	moved := false
	for _, d := range c.waits {
		r := ended[d]
		if r == nil {
			continue // an edge that was dropped to break a circle
		}
		if r.Status == Failed || r.Status == Skipped {
			res.Status, res.Because = Skipped, d.Addr
			return res
		}
		moved = moved || r.Status == Done
	}
	if c.Action == NoOp && !moved {
		return v.same(res, stopped != nil)
	}
	switch {
	case stopped != nil || ctx.Err() != nil:
		res.Status = Untouched
	case c.Action == Defer:
		res.Status = Deferred
	default:
		start := time.Now()
		// A change that was begun is finished: only its own time limit ends it.
		cctx, cancel := c.deadline(context.WithoutCancel(ctx))
		defer cancel()
		v.change(cctx, plan, c, &res)
		res.Took = time.Since(start)
	}
	return res
}

// same settles a change that the host does not need.
func (v Converger) same(res Result, stopped bool) Result {
	res.Status = Same
	if stopped || !res.Adopt && res.Origin == FromPlan {
		return res
	}
	if err := v.Recorder.Settle(res.Change); err != nil {
		res.Status, res.Err = Failed, &RecordError{err}
	}
	return res
}

func (c *Change) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	limit := c.declared.Timeout
	if limit == 0 {
		limit = c.Kind.timeout
	}
	return context.WithTimeoutCause(ctx, limit, fmt.Errorf("%s took longer than its timeout of %s", c.Addr, limit))
}

// change reads again, since what came before may have moved the host, and then makes c.
func (v Converger) change(ctx context.Context, plan *Plan, c *Change, res *Result) {
	planned := *c
	plan.planner.View = v.Host.View()
	plan.planner.read(ctx, plan, c)
	plan.planner.follow(ctx, plan, c, false)
	if c.Action == Broken {
		res.Status, res.Err = Failed, c.Err
		return
	}
	if err := plan.planner.unmoved(&planned, c); v.Strict && err != nil {
		res.Status, res.Err = Failed, err
		return
	}
	if c.Action == NoOp {
		*res = v.same(*res, false)
		return
	}
	if v.Observe != nil {
		v.Observe(*res)
	}
	if err := v.Recorder.Begin(c); err != nil {
		res.Status, res.Err = Failed, &RecordError{err}
		return
	}
	err := v.make(ctx, plan, c)
	var inUse *InUseError
	if res.Status = Done; err != nil {
		res.Status = Failed
		if errors.As(err, &inUse) && (c.Origin != FromPlan || c.Head.Implied) {
			res.Status, c.Why, c.After = Kept, inUse.Detail, c.Have
			err = nil
		}
	}
	res.Err = err
	if err := v.Recorder.End(c, err); err != nil {
		res.Status, res.Err = Failed, &RecordError{errors.Join(res.Err, err)}
	}
}

// make applies c and proves it by reading again.
func (v Converger) make(ctx context.Context, plan *Plan, c *Change) error {
	apply := c.Kind.apply
	if c.Origin != FromPlan {
		apply = c.Kind.undo
	}
	if err := apply(ctx, v.Host, c.Have, c.Want); err != nil {
		if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
			err = fmt.Errorf("%w: %w", cause, err)
		}
		return fmt.Errorf("cannot %s %s: %w", c.Action, c.Addr, err)
	}
	after, err := c.Kind.Read(ctx, v.Host.View(), c.Spec)
	if err != nil {
		return fmt.Errorf("cannot read %s again: %w", c.Addr, err)
	}
	c.After = after
	again := *c
	again.Have = after
	if err := plan.planner.compare(&again); err != nil {
		return err
	}
	if again.Action != NoOp {
		return &NotConvergedError{Addr: c.Addr, Fields: again.Fields}
	}
	return c.post(after)
}

// unmoved compares what was found when the plan was made with what is there now.
func (p Planner) unmoved(planned, now *Change) error {
	before, err := p.record(planned.Kind, planned.Have)
	if err != nil {
		return err
	}
	after, err := p.record(now.Kind, now.Have)
	if err != nil || before.Equal(after) {
		return err
	}
	return &StaleError{Addr: now.Addr, Fields: now.Kind.DiffRecorded(before, after), Since: "the plan was made"}
}
