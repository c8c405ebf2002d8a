package engine

import (
	"context"
	"slices"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// DefaultParallelism is how many resources are read at once.
const DefaultParallelism = 8

// Planner compares what is declared with a host.
type Planner struct {
	View   host.View
	Ledger Ledger
	// Kinds finds the kind of what the ledger or a journal names.
	Kinds func(name string) (*Kind, bool)
	// Name is the plan's name on its host.
	Name string
	// Targets, where there are any, are all that is planned, with what they depend on; Excludes
	// are left out, with what depends on them. Both name resources or whole blocks.
	Targets, Excludes []Addr
	// Parallelism bounds how many resources are read at once; zero is DefaultParallelism.
	Parallelism int
	// Force takes back also what is no longer as the run left it.
	Force bool
	// ForgetSecrets is for a run that keeps no old secret: replacing one cannot be undone.
	ForgetSecrets bool
}

// Plan is what must change on a host, in the order in which it is done.
type Plan struct {
	Name    string
	Changes []*Change

	provided map[Claim]bool
	decided  map[Claim]bool // provided, or removed
	planner  Planner
}

// Plan reads what is declared and what this plan no longer declares. What is wrong with the plan
// as a whole is a Mistakes; what is wrong with one resource is in its Change.
func (p Planner) Plan(ctx context.Context, ds []Declared) (*Plan, error) {
	all, mistakes := p.graph(ds)
	if len(mistakes) > 0 {
		return nil, mistakes
	}
	cs, mistakes := p.selected(all)
	if len(mistakes) == 0 {
		mistakes = p.aliases(cs)
	}
	if len(mistakes) > 0 {
		return nil, mistakes
	}
	if len(p.Targets) == 0 {
		dropped, err := p.dropped(all, cs, ds)
		if err != nil {
			return nil, err
		}
		cs = append(cs, dropped...)
	}
	cs = slices.DeleteFunc(cs, func(c *Change) bool { return c.declared.LeftOut })
	return p.finish(ctx, cs)
}

// Check finds what is wrong with declarations as a whole, by themselves.
func Check(ds []Declared) Mistakes {
	_, mistakes := Planner{}.graph(ds)
	return mistakes
}

// graph turns declarations into changes that are linked and have no circle.
func (p Planner) graph(ds []Declared) ([]*Change, Mistakes) {
	cs, mistakes := p.declared(ds)
	if len(mistakes) > 0 {
		return nil, mistakes
	}
	link(cs)
	deps := make([][]int, len(cs))
	for i, c := range cs {
		deps[i] = c.deps
	}
	if _, left := sorted(deps); len(left) > 0 {
		return nil, Mistakes{cycle(cs, left)}
	}
	return cs, nil
}

// Undo plans the way back over past changes, oldest first.
func (p Planner) Undo(ctx context.Context, past []Past) (*Plan, error) {
	var cs []*Change
	for _, was := range past {
		c := &Change{
			Addr: was.Addr, Kind: was.Kind, Origin: FromUndo, Spec: was.Spec, Want: was.Before,
			Claims: was.Claims, Needs: was.Needs, DependsOn: was.DependsOn, Inputs: was.Inputs, Prior: was.Prior,
			exact: true, Why: "as it was before",
		}
		if was.Ended && !p.Force {
			c.left, c.leftSpec = &was.Left, was.Kind.copied(was.Spec) // by which it was read then: aim may tell was.Spec more
			if was.Left == nil {
				absent(c.leftSpec)
			}
		}
		c.aim()
		cs = append(cs, c)
	}
	return p.finish(ctx, cs)
}

// finish links, reads and arranges.
func (p Planner) finish(ctx context.Context, cs []*Change) (*Plan, error) {
	plan := &Plan{Name: p.Name, provided: map[Claim]bool{}, decided: map[Claim]bool{}, planner: p}
	var units []string
	for _, c := range cs {
		for _, claim := range c.Claims {
			plan.provided[claim] = plan.provided[claim] || c.Want != nil
			plan.decided[claim] = true
			if name := claim.Unit(); name != "" {
				units = append(units, name)
			}
		}
	}
	link(cs)
	if err := p.tellOthers(cs); err != nil {
		return nil, err
	}
	p.View = p.View.Pass(units) // not the plan's own: that reads again while the host changes
	if err := p.readAll(ctx, plan, cs); err != nil {
		return nil, err
	}
	deferDependants(cs)
	p.vacate(ctx, plan, cs)
	p.followAll(ctx, plan, cs)
	plan.Changes = arrange(cs)
	p.budget(ctx, plan.Changes)
	for _, c := range cs {
		if c.Action != Broken {
			c.left = nil // compared now; from here on the plan's own changes move the host
		}
	}
	return plan, nil
}
