package main

import (
	"context"
	"errors"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/journal"
)

// ahead is what a run does before it has the host to itself for good: it asks, where somebody is there, and
// gets what takes long, as models do. Meanwhile other runs, such as a timer's, may go on.
type ahead struct {
	app      *app
	s        *session
	flags    runFlags
	calls    *relay // of the programs that the host runs, to whatever run has it
	prepared engine.Prepared
	todo     []*engine.Change
	agreed   *savedPlan // what somebody said yes to, where somebody was asked
	asked    bool
}

// run calls locked while it has the host to itself, as often as locked finds that something is to be got first: that is
// got while nobody has it.
func (h *ahead) run(ctx context.Context, info journal.Info, locked func(*journal.Recording) (again bool, err error)) error {
	for {
		again, err := h.once(ctx, info, locked)
		if err == nil && again {
			err = h.fetch(ctx)
		}
		if err != nil || !again {
			return err
		}
	}
}

func (h *ahead) once(ctx context.Context, info journal.Info, locked func(*journal.Recording) (bool, error)) (again bool, err error) {
	rec, err := h.app.start(ctx, h.s.host, h.s.journal, info, h.flags)
	if err != nil {
		return false, err
	}
	h.calls.to = rec.Call
	defer func() {
		h.calls.to = nil
		err = errors.Join(err, rec.Close())
	}()
	return locked(rec)
}

// approved asks the first time that a plan is made, and holds later ones to what was then said.
func (h *ahead) approved(ctx context.Context, c convergence, planner engine.Planner) error {
	if h.agreed != nil {
		return h.agreed.holds(h.s, planner, c.plan)
	}
	if h.asked {
		return nil
	}
	h.asked = true
	if err := h.app.approved(ctx, c); err != nil || !h.app.asks(c) {
		return err
	}
	resources, err := savedChanges(planner, c.plan, false)
	h.agreed = &savedPlan{Digest: h.s.plan.Digest, Resources: resources, since: "you agreed to it"}
	return err
}

// awaits reports whether something of p is to be got first.
func (h *ahead) awaits(p *engine.Plan) bool {
	h.todo = h.prepared.Awaits(p)
	return len(h.todo) > 0
}

// fetch gets it. What cannot be got fails in its turn, and keeps nothing else from being done.
func (h *ahead) fetch(ctx context.Context) error {
	p := h.app.progress()
	defer p.close()
	return h.prepared.Run(ctx, h.s.host, h.todo, p.tell)
}
