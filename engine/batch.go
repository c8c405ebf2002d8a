package engine

import (
	"context"
	"slices"
	"time"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// maxBatch is how many changes are made together at most, where the host can hold so many.
const maxBatch = 512

// batches reports whether c may be made together with others.
func (c *Change) batches() bool { return c.Want != nil && c.Kind.batch(c.Have, c.Want) }

// awaited reports whether c waits for something in the batch.
func (r *run) awaited(c *Change) bool {
	return slices.ContainsFunc(r.batch, func(b *Result) bool { return slices.Contains(c.waits, b.Change) })
}

// flush makes the batch: one record on disk, all prepared beside their places, all made durable at
// once, then published one by one, and each proven by itself, a few at once.
func (r *run) flush(ctx context.Context) {
	batch := r.batch
	r.batch = nil
	if len(batch) == 0 {
		return
	}
	if ctx.Err() != nil || r.report.Stopped != nil {
		r.leave(ctx, batch)
		return
	}
	start := time.Now()
	if !r.begin(ctx, batch) {
		return
	}
	errs := r.publish(ctx, changesOf(batch))
	r.plan.planner.each(len(batch), func(i int) {
		if errs[i] == nil {
			errs[i] = r.provesInTime(ctx, r.Host.View(), batch[i].Change)
		}
	})
	for i, res := range batch {
		r.end(res, errs[i])
		res.Took = time.Since(start) / time.Duration(len(batch))
		r.finish(ctx, res)
	}
}

// begin records that a group is about to be made. False is that it could not be, and none of it is made.
func (r *run) begin(ctx context.Context, group []*Result) bool {
	if r.Observe != nil {
		for _, res := range group {
			r.Observe(*res)
		}
	}
	if err := r.Recorder.Begin(changesOf(group)...); err != nil {
		group[0].Status, group[0].Err = Failed, &RecordError{err}
		r.finish(ctx, group[0])
		r.leave(ctx, group[1:])
		return false
	}
	return true
}

func changesOf(group []*Result) []*Change {
	cs := make([]*Change, len(group))
	for i, res := range group {
		cs[i] = res.Change
	}
	return cs
}

// leave reports what was not begun.
func (r *run) leave(ctx context.Context, batch []*Result) {
	for _, res := range batch {
		res.Status = Untouched
		r.finish(ctx, res)
	}
}

// publish prepares cs and publishes them. The errors are by index.
func (r *run) publish(ctx context.Context, cs []*Change) []error {
	errs := make([]error, len(cs))
	staged := make([]*host.Staged, len(cs))
	for i, c := range cs {
		staged[i], errs[i] = r.stage(ctx, c)
	}
	for i, err := range r.Host.Publish(staged) {
		if errs[i] == nil && err != nil {
			errs[i] = cs[i].cannot(err)
		}
	}
	return errs
}

// stage applies c as far as it goes without being seen.
func (r *run) stage(ctx context.Context, c *Change) (*host.Staged, error) {
	ctx, cancel := c.deadline(ctx)
	defer cancel()
	h, staged := r.Host.Stage()
	err := c.make(ctx, h)
	if err == nil {
		return staged, nil
	}
	if discarded := staged.Discard(); discarded != nil {
		r.Host.Log.Warn("a temporary file stays until the next run", "resource", string(c.Addr), "error", discarded)
	}
	return &host.Staged{}, err
}

func (r *run) provesInTime(ctx context.Context, view host.View, c *Change) error {
	ctx, cancel := c.deadline(ctx)
	defer cancel()
	return r.prove(ctx, view, c)
}
