package main

import (
	"context"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
)

// ahead is what a run does before it has the host to itself for good: it asks, where somebody is there, and
// gets what takes long, as models do. Meanwhile other runs, such as a timer's, may go on.
type ahead struct {
	app      *app
	host     *host.Host
	prepared engine.Prepared
	todo     []*engine.Change
	agreed   *savedPlan // what somebody said yes to, where somebody was asked
	asked    bool
}

// approved asks the first time that a plan is made, and holds later ones to what was then said.
func (h *ahead) approved(ctx context.Context, s *session, c convergence, planner engine.Planner) error {
	if h.agreed != nil {
		return h.agreed.holds(s, planner, c.plan)
	}
	if h.asked {
		return nil
	}
	h.asked = true
	if err := h.app.approved(ctx, c); err != nil || !h.app.asks(c) {
		return err
	}
	resources, err := savedChanges(planner, c.plan, false)
	h.agreed = &savedPlan{Digest: s.plan.Digest, Resources: resources, since: "you agreed to it"}
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
	return h.prepared.Run(ctx, h.host, h.todo, p.tell)
}
