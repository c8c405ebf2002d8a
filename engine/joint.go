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
	// Arrange makes of steps that were each looked at by itself a sequence, before they are recorded: what things have in
	// common, such as a rule that one block no longer asks for and another one now does, an earlier step takes away and a
	// later one does not find. So it may change what a step has, nil included where it wants something, and may leave
	// in its Spec what Read is to pass over since later steps, or stay, want it. stay are those of the plan that are as
	// they should be.
	Arrange(ctx context.Context, v host.View, steps []Step[S], stay []*S) error
	// ApplyAll takes the host from each have to its want, as Apply does for one. The errors are by index. Interrupted
	// anywhere and run again, with the same steps or some of them, it must still arrive.
	ApplyAll(ctx context.Context, h *host.Host, steps []Step[S]) []error
}

// Step is one of several changes that are made at once. Spec is by what the thing is read. nil is absence; Have and Want are
// never both nil.
type Step[S any] struct{ Spec, Have, Want *S }

// joint is a Joiner without its type parameter.
type joint struct {
	arrange func(ctx context.Context, v host.View, cs []*Change, stay []any) error
	apply   func(ctx context.Context, h *host.Host, cs []*Change) []error
}

// jointOf erases the type of j.
func jointOf[S any](j Joiner[S]) *joint {
	steps := func(cs []*Change) []Step[S] {
		out := make([]Step[S], len(cs))
		for i, c := range cs {
			out[i] = Step[S]{ptr[S](c.Spec), ptr[S](c.Have), ptr[S](c.Want)}
		}
		return out
	}
	return &joint{
		func(ctx context.Context, v host.View, cs []*Change, stay []any) error {
			others := make([]*S, len(stay))
			for i, s := range stay {
				others[i] = ptr[S](s)
			}
			all := steps(cs)
			err := j.Arrange(ctx, v, all, others)
			for i, s := range all {
				cs[i].find(s.Have == nil, s.Have)
			}
			return err
		},
		func(ctx context.Context, h *host.Host, cs []*Change) []error { return j.ApplyAll(ctx, h, steps(cs)) },
	}
}

// find has c begin with another state than it was read with. That none is there changes nothing of a removal.
func (c *Change) find(none bool, have any) {
	switch {
	case c.Want == nil:
	case none:
		c.Have, c.Action = nil, Create
	default:
		c.Have, c.Action = have, Update
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
	var group []*Result
	for _, res := range all {
		if r.ready(ctx, res, view) {
			group = append(group, res)
		} else {
			r.finish(ctx, res)
		}
	}
	if len(group) == 0 || !r.arrange(ctx, view, group) || !r.begin(ctx, group) {
		return
	}
	errs := r.makeJoint(ctx, group)
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

// arrange makes a sequence of a group. False is that it cannot be made.
func (r *run) arrange(ctx context.Context, view host.View, group []*Result) bool {
	k := group[0].Kind
	var stay []any
	for _, c := range r.plan.Changes {
		if res := r.ended[c]; c.Kind.name == k.name && c.Want != nil && res != nil && res.Status == Same {
			stay = append(stay, c.Want)
		}
	}
	err := k.joint.arrange(ctx, view, changesOf(group), stay)
	if err == nil {
		return true
	}
	for _, res := range group {
		res.fail(res.cannot(err))
		r.finish(ctx, res)
	}
	return false
}

// makeJoint makes a group within the longest time that one of it may take.
func (r *run) makeJoint(ctx context.Context, group []*Result) []error {
	slowest := slices.MaxFunc(group, func(a, b *Result) int { return int(a.limit() - b.limit()) }).Change
	ctx, cancel := slowest.deadline(ctx)
	defer cancel()
	errs := group[0].Kind.joint.apply(ctx, r.Host, changesOf(group))
	for i, err := range errs {
		if err != nil {
			errs[i] = group[i].cannot(because(ctx, err))
		}
	}
	return errs
}
