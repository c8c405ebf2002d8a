package engine

import (
	"context"
	"slices"
	"time"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// Joiner makes all changes of its kind that do not wait for each other at once, where the host takes them as one:
// the rules of a firewall are replaced as a whole. It takes the place of Apply and of Undo.
type Joiner[S any] interface {
	// ApplyAll takes the host from each have to its want, as Apply does for one. What one step takes away and another wants
	// is there in the end. The errors are by index. Interrupted anywhere and run again, with the same steps or some of
	// them, it must still arrive.
	ApplyAll(ctx context.Context, h *host.Host, steps []Step[S]) []error
}

// Step is one of several changes that are made at once. nil is absence; never both are nil.
type Step[S any] struct{ Have, Want *S }

// jointOf erases the type of j.
func jointOf[S any](j Joiner[S]) func(context.Context, *host.Host, []*Change) []error {
	return func(ctx context.Context, h *host.Host, cs []*Change) []error {
		steps := make([]Step[S], len(cs))
		for i, c := range cs {
			steps[i] = Step[S]{ptr[S](c.Have), ptr[S](c.Want)}
		}
		return j.ApplyAll(ctx, h, steps)
	}
}

// join puts a change among those of its kind that are made at once.
func (r *run) join(res *Result) {
	if r.joint == nil {
		r.joint = map[string][]*Result{}
	}
	r.joint[res.Kind.name] = append(r.joint[res.Kind.name], res)
	if !slices.Contains(r.joints, res.Kind.name) {
		r.joints = append(r.joints, res.Kind.name)
	}
}

// settleAwaited makes what c waits for of what was put off to be made at once; a nil c waits for all.
func (r *run) settleAwaited(ctx context.Context, c *Change) {
	for _, kind := range slices.Clone(r.joints) {
		awaited := func(res *Result) bool { return slices.Contains(c.waits, res.Change) }
		if c == nil || slices.ContainsFunc(r.joint[kind], awaited) {
			r.settleJoint(ctx, kind)
		}
	}
}

// settleJoint makes all changes of a kind that were put off: each is read again, in one pass, recorded, made with the
// others, and proven by itself, in one pass again.
func (r *run) settleJoint(ctx context.Context, kind string) {
	all := r.joint[kind]
	delete(r.joint, kind)
	r.joints = slices.DeleteFunc(r.joints, func(k string) bool { return k == kind })
	if ctx.Err() != nil || r.report.Stopped != nil {
		r.leave(ctx, all)
		return
	}
	start, view := time.Now(), r.Host.View().Pass(nil)
	if err := r.plan.planner.tellOthers(r.plan.Changes); err != nil {
		r.failAll(ctx, all, err)
		return
	}
	var group []*Result
	for _, res := range all {
		if r.ready(ctx, res, view) {
			group = append(group, res)
		} else {
			r.finish(ctx, res)
		}
	}
	if len(group) == 0 || !r.begin(ctx, group) {
		return
	}
	errs := r.makeJoint(ctx, group)
	// By now the ledger has what came.
	if err := r.plan.planner.tellOthers(r.plan.Changes); err != nil {
		r.failAll(ctx, group, err)
		return
	}
	view = r.Host.View().Pass(nil)
	for i, res := range group {
		if errs[i] == nil {
			errs[i] = r.provesInTime(ctx, view, res.Change)
		}
		r.end(res, errs[i])
		res.Took = time.Since(start) / time.Duration(len(group))
		r.finish(ctx, res)
	}
}

// failAll ends a group that cannot be told of others.
func (r *run) failAll(ctx context.Context, group []*Result, err error) {
	for _, res := range group {
		res.fail(res.cannot(err))
		r.finish(ctx, res)
	}
}

// makeJoint makes a group within the longest time that one of it may take.
func (r *run) makeJoint(ctx context.Context, group []*Result) []error {
	slowest := slices.MaxFunc(group, func(a, b *Result) int { return int(a.limit() - b.limit()) }).Change
	ctx, cancel := slowest.deadline(ctx)
	defer cancel()
	errs := group[0].Kind.joint(ctx, r.Host, changesOf(group))
	for i, err := range errs {
		if err != nil {
			errs[i] = group[i].cannot(because(ctx, err))
		}
	}
	return errs
}
