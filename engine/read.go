package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

// readAll reads every change's thing, a few at once.
func (p Planner) readAll(ctx context.Context, plan *Plan, cs []*Change) error {
	p.each(len(cs), func(i int) {
		if ctx.Err() == nil {
			p.read(ctx, plan, cs[i])
		}
	})
	return context.Cause(ctx)
}

// each calls f for 0 to n-1, for a few at once.
func (p Planner) each(n int, f func(int)) {
	workers := p.Parallelism
	if workers <= 0 {
		workers = DefaultParallelism
	}
	var (
		next atomic.Int64
		wg   sync.WaitGroup
	)
	for range min(workers, n) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	wg.Wait()
}

// read fills in what the host has and what is to be done about it.
func (p Planner) read(ctx context.Context, plan *Plan, c *Change) {
	c.Err, c.Fields, c.Have, c.Warnings = nil, nil, nil, nil
	if c.Origin == FromLedger && c.Head.Keep {
		p.readKept(ctx, c)
		return
	}
	if c.declared.Deferred != "" {
		c.Action, c.Why = Defer, c.declared.Deferred
		return
	}
	if p.View.Offline && c.Kind.offline != OfflineApply {
		c.Action = Defer
		if c.Kind.offline == OfflineForbid {
			c.broken(fmt.Errorf("a %s cannot be converged in a root that is not the running system", c.Kind.name))
		}
		return
	}
	have, err := c.Kind.Read(ctx, p.View, c.Spec)
	var other *OccupiedError
	if errors.As(err, &other) && c.Origin == FromLedger && c.Want == nil {
		// What was ours is gone, and what took its place is not ours to remove.
		have, err, c.Why = nil, nil, "no longer there: "+other.Detail
	}
	if err != nil {
		c.broken(fmt.Errorf("cannot read %s: %w", c.Addr, err))
		return
	}
	c.Have = have
	if err := p.decide(ctx, plan, c); err != nil {
		c.broken(err)
	}
}

// readKept looks at what is left as it is: by that an undo, which makes it the plan's again, knows it.
func (p Planner) readKept(ctx context.Context, c *Change) {
	if p.View.Offline && c.Kind.offline != OfflineApply {
		return
	}
	have, err := c.Kind.Read(ctx, p.View, c.Spec)
	if _, other := errors.AsType[*OccupiedError](err); other {
		have, err = nil, nil
	}
	if err != nil {
		c.broken(fmt.Errorf("cannot read %s: %w", c.Addr, err))
		return
	}
	c.Have = have
}

// deferDependants defers what waits for something that is deferred.
func deferDependants(cs []*Change) {
	deferred := func(i int) bool { return cs[i].Action == Defer }
	for moved := true; moved; {
		moved = false
		for _, c := range cs {
			if c.Action == NoOp || c.Action == Defer || c.Want == nil {
				continue
			}
			if at := slices.IndexFunc(c.deps, deferred); at >= 0 {
				c.Action, c.Err, c.Fields = Defer, nil, nil
				c.Why = "waits for " + string(cs[c.deps[at]].Addr)
				moved = true
			}
		}
	}
}

// vacate plans again what comes where this plan removes another kind's thing: by then, nothing is
// there.
func (p Planner) vacate(ctx context.Context, plan *Plan, cs []*Change) {
	goes := map[Claim]*Change{}
	for _, c := range cs {
		if c.Action == Remove {
			goes[c.Claim()] = c
		}
	}
	for _, c := range cs {
		removal := goes[c.Claim()]
		if removal == nil || c.Want == nil || c.Action == Defer {
			continue
		}
		c.waits = append(c.waits, removal)
		c.Err, c.Fields, c.Have = nil, nil, nil
		if err := p.decide(ctx, plan, c); err != nil {
			c.broken(err)
		}
	}
}

func (c *Change) broken(err error) { c.Action, c.Err = Broken, err }
