package engine

import (
	"context"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// Budgeter says what the changes of its kind cost: all of them at once, in the order in which they will be
// made, since only all together tell whether there is room for them.
type Budgeter[S any] interface {
	Budget(ctx context.Context, v host.View, changes []*Costed[S])
}

// Costed is one change with what it costs.
type Costed[S any] struct {
	Have, Want *S
	// Cost is for Budget to fill in.
	Cost
	// Err is why the change cannot be made, for Budget to fill in.
	Err error
}

// Cost is what a change takes.
type Cost struct {
	// Fetch is how many bytes come over a network or from another disk.
	Fetch int64 `json:"fetch_bytes"`
	// Free and Left are the bytes that are free on the disk before and after it.
	Free int64 `json:"free_bytes"`
	Left int64 `json:"left_bytes"`
	// Seconds is how long it may take, 0 where that cannot be told.
	Seconds float64 `json:"seconds,omitempty"`
	// Text says all that to people.
	Text string `json:"-"`
}

// budget has the kinds say what cs cost.
func (p Planner) budget(ctx context.Context, cs []*Change) {
	var names []string
	of := map[string][]*Change{} // by name: what the ledger has is of another *Kind than what a plan says
	for _, c := range cs {
		if c.Kind.budget == nil || c.Action != Create && c.Action != Update && c.Action != Remove {
			continue
		}
		if of[c.Kind.name] == nil {
			names = append(names, c.Kind.name)
		}
		of[c.Kind.name] = append(of[c.Kind.name], c)
	}
	for _, name := range names {
		of[name][0].Kind.budget(ctx, p.View, of[name])
	}
}

// budgetOf erases the type of b.
func budgetOf[S any](b Budgeter[S]) func(context.Context, host.View, []*Change) {
	return func(ctx context.Context, v host.View, cs []*Change) {
		costed := make([]*Costed[S], len(cs))
		for i, c := range cs {
			costed[i] = &Costed[S]{Have: ptr[S](c.Have), Want: ptr[S](c.Want)}
		}
		b.Budget(ctx, v, costed)
		for i, c := range cs {
			if costed[i].Cost != (Cost{}) {
				c.Cost = &costed[i].Cost
			}
			if costed[i].Err != nil {
				c.broken(costed[i].Err)
			}
		}
	}
}
