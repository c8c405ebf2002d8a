package engine

import (
	"fmt"
	"slices"
)

// Action is what is to be done to one resource.
type Action string

// The actions.
const (
	NoOp   Action = "same"
	Create Action = "create"
	Update Action = "change"
	Remove Action = "remove"
	Defer  Action = "defer" // left to the first boot of an image
	Broken Action = "error" // could not be read, or cannot be done: see Err
	Leave  Action = "leave" // left alone though it differs: see Why
)

// Origin says why a change is part of a plan.
type Origin string

// The origins.
const (
	FromPlan   Origin = "declared"
	FromLedger Origin = "dropped" // the plan no longer has it: back to what was there before
	FromUndo   Origin = "undo"
)

// Change is one resource on its way from what the host has to what is wanted.
type Change struct {
	Addr   Addr
	Kind   *Kind
	Place  Place
	Origin Origin
	Action Action
	// Spec names the thing; Have and Want are it as found and as wanted, nil for absent.
	Spec, Have, Want any
	// After is the thing as read back once the change was made.
	After  any
	Fields []FieldDiff
	// Cause says who moved, once Causes was asked.
	Cause Cause
	// Why says what is not plain from the action, such as "no longer in the plan".
	Why string
	// Irreversible says why undo will not restore what was there, or "".
	Irreversible string
	// Cost is what the change takes, nil where its kind says nothing of that.
	Cost *Cost
	// Warnings say what will work and is probably not meant.
	Warnings []string
	Err      error

	Claims    []Claim
	Needs     []Claim
	DependsOn []Addr
	Inputs    []Addr
	// Head is what the ledger will keep of it; Adopt says that the ledger has yet to learn of it
	// though the host need not change.
	Head  Head
	Adopt bool
	// Prior is the ledger's entry to go back to once an undo is done, nil for none.
	Prior *Entry

	declared Declared
	exact    bool         // every recorded attribute counts, not only those that want says
	proving  bool         // what may move by itself need not have stayed since it was changed
	left     *Recorded    // what an undo expects to find
	leftSpec any          // by which that was read
	deps     []int        // what it refers to and needs, as indexes while planning
	waits    []*Change    // what must be done first
	inputs   [2][]*Change // what it follows: by a restart, by a reload
}

// Claim is the identity of what changes.
func (c *Change) Claim() Claim { return c.Claims[0] }

// aim makes what c goes back to the spec by which the thing is read, so that what is found and
// what was before are told in the same terms.
func (c *Change) aim() {
	if c.Want != nil {
		c.Spec = c.Want
		c.Needs = slices.Concat(c.Needs, needs(c.Want))
		return
	}
	absent(c.Spec)
}

// post asks the postconditions.
func (c *Change) post(have any) error {
	for _, ask := range c.declared.Post {
		if err := ask(have); err != nil {
			return fmt.Errorf("%s: %w", c.Addr, err)
		}
	}
	return nil
}
