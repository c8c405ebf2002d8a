package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// Recorder keeps what a run does. The host is not touched before Begin has returned.
type Recorder interface {
	// Begin records, durably, that cs are about to be made.
	Begin(cs ...*Change) error
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
	// Prepared, where not nil, is what was prepared before the run had the host to itself. What was not
	// is prepared in its turn.
	Prepared *Prepared
	// Tell, where not nil, hears how far that is.
	Tell func(Progress)
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
	r := &run{Converger: v, plan: plan, report: &Report{}, ended: make(map[*Change]*Result, len(plan.Changes))}
	full := min(maxBatch, v.Host.MaxStaged())
	for _, c := range plan.Changes {
		if r.awaited(c) || len(r.batch) == full {
			r.flush(ctx)
		}
		r.settleAwaited(ctx, c)
		r.one(ctx, c)
	}
	r.flush(ctx)
	r.settleAwaited(ctx, nil)
	return r.report
}

// run is a plan on its way.
type run struct {
	Converger
	plan   *Plan
	report *Report
	ended  map[*Change]*Result
	batch  []*Result // of changes that are ready to be made together
	// joint are changes that are put off to be made at once, by the name of their kind; joints has the names in order.
	joint  map[string][]*Result
	joints []string
}

// finish reports how one change ended.
func (r *run) finish(ctx context.Context, res *Result) {
	r.ended[res.Change] = res
	r.report.Results = append(r.report.Results, *res)
	if r.Observe != nil {
		r.Observe(*res)
	}
	var rec *RecordError
	if errors.As(res.Err, &rec) {
		r.report.Stopped = rec
	} else if res.Status == Untouched && r.report.Stopped == nil {
		r.report.Stopped = context.Cause(ctx)
	}
}

// one brings one change to its end, or into the batch.
func (r *run) one(ctx context.Context, c *Change) {
	res := &Result{Change: c}
	for _, d := range c.waits {
		before := r.ended[d] // nil of an edge that was dropped to break a circle
		if before != nil && (before.Status == Failed || before.Status == Skipped) {
			res.Status, res.Because = Skipped, d.Addr
			r.finish(ctx, res)
			return
		}
	}
	stopped := r.report.Stopped != nil
	switch {
	case c.Action == NoOp && !r.moved(c):
		r.same(res, stopped)
	case stopped || ctx.Err() != nil:
		res.Status = Untouched
	case c.Action == Defer:
		res.Status = Deferred
	case c.Action == Leave:
		res.Status = Left
	case c.Kind.joint != nil:
		r.join(res)
		return
	case r.ready(ctx, res, r.Host.View()):
		if c.batches() {
			r.batch = append(r.batch, res)
			return
		}
		r.change(ctx, res)
	}
	r.finish(ctx, res)
}

// moved reports whether this run has changed something that c waits for.
func (r *run) moved(c *Change) bool {
	return slices.ContainsFunc(c.waits, func(d *Change) bool {
		before := r.ended[d]
		return before != nil && before.Status == Done
	})
}

// same settles a change that the host does not need.
func (r *run) same(res *Result, stopped bool) {
	res.Status = Same
	if stopped || !res.Adopt && res.Origin == FromPlan {
		return
	}
	if err := r.Recorder.Settle(res.Change); err != nil {
		res.Status, res.Err = Failed, &RecordError{err}
	}
}

// limit is how long c may take.
func (c *Change) limit() time.Duration {
	if c.declared.Timeout != 0 {
		return c.declared.Timeout
	}
	return c.Kind.timeout
}

func (c *Change) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	limit := c.limit()
	// A change that was begun is finished: only its own time limit ends it.
	return context.WithTimeoutCause(context.WithoutCancel(ctx), limit, fmt.Errorf("%s took longer than its timeout of %s", c.Addr, limit))
}

// ready reads again, since what came before may have moved the host. False is a change that is not
// to be made, of which res says why.
func (r *run) ready(ctx context.Context, res *Result, view host.View) bool {
	c := res.Change
	waiting := ctx
	ctx, cancel := c.deadline(ctx)
	defer cancel()
	planned := *c
	r.plan.planner.View = view
	r.plan.planner.read(ctx, r.plan, c)
	r.plan.planner.follow(ctx, r.plan, c, false)
	if c.Action == Broken {
		res.Status, res.Err = Failed, c.Err
		return false
	}
	if err := r.plan.planner.unmoved(&planned, c); r.Strict && err != nil {
		res.Status, res.Err = Failed, err
		return false
	}
	if c.Action == NoOp {
		if planned.Action == NoOp {
			c.Warnings = planned.Warnings // of what it follows, which has changed by now
		}
		r.same(res, false)
		return false
	}
	// What only prepares the change ends with the run.
	if err := r.prepared(waiting, c); err != nil {
		if res.fail(err); waiting.Err() != nil {
			res.Status, res.Err = Untouched, nil
		}
		return false
	}
	return true
}

// fail says that a change was not made, and whether that matters.
func (r *Result) fail(err error) {
	r.Status, r.Err = Failed, err
	if _, optional := errors.AsType[*OptionalError](err); optional {
		r.Status = Missing
	}
}

// change makes one change by itself.
func (r *run) change(ctx context.Context, res *Result) {
	start := time.Now()
	defer func() { res.Took = time.Since(start) }()
	ctx, cancel := res.deadline(ctx)
	defer cancel()
	if r.Observe != nil {
		r.Observe(*res)
	}
	if err := r.Recorder.Begin(res.Change); err != nil {
		res.Status, res.Err = Failed, &RecordError{err}
		return
	}
	err := res.make(ctx, r.Host)
	if err == nil {
		err = r.prove(ctx, r.Host.View(), res.Change)
	}
	r.end(res, err)
}

// end records how a change ended.
func (r *run) end(res *Result, err error) {
	c := res.Change
	var inUse *InUseError
	if res.Status, res.Err = Done, nil; err != nil {
		res.fail(err)
		if errors.As(err, &inUse) && (c.Origin != FromPlan || c.Head.Implied) {
			res.Status, c.Why, c.After = Kept, inUse.Detail, c.Have
			err, res.Err = nil, nil
		}
	}
	if err := r.Recorder.End(c, err); err != nil {
		res.Status, res.Err = Failed, &RecordError{errors.Join(res.Err, err)}
	}
}

// make applies c.
func (c *Change) make(ctx context.Context, h *host.Host) error {
	apply := c.Kind.apply
	if c.Origin != FromPlan {
		apply = c.Kind.undo
	}
	err := apply(ctx, h, c.Have, c.Want)
	if err == nil {
		return nil
	}
	return c.cannot(because(ctx, err))
}

// because says of an error that it came of the end of ctx, if that may be.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}

func (c *Change) cannot(err error) error {
	return fmt.Errorf("cannot %s %s: %w", c.Action, c.Addr, err)
}

// prove reads again what was applied.
func (r *run) prove(ctx context.Context, view host.View, c *Change) error {
	after, err := c.Kind.Read(ctx, view, c.Spec)
	if err != nil {
		return fmt.Errorf("cannot read %s again: %w", c.Addr, err)
	}
	c.After = after
	again := *c
	again.Have, again.proving = after, true
	if err := r.plan.planner.compare(&again); err != nil {
		return err
	}
	if again.Action != NoOp {
		return &NotConvergedError{Addr: c.Addr, Fields: again.Fields}
	}
	warnings, err := c.serves(ctx, view, false)
	if c.Kind.proof != nil {
		c.Warnings = warnings // those of the plan were about what was yet to come
	}
	if err != nil {
		return fmt.Errorf("%s was made, and does not do what it is for: %w", c.Addr, err)
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
	if err != nil {
		return err
	}
	if before, after = now.Kind.counting(before, false), now.Kind.counting(after, false); before.Equal(after) {
		return nil
	}
	return &StaleError{Addr: now.Addr, Fields: now.Kind.DiffRecorded(before, after), Since: "the plan was made"}
}
