package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

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
}

// Plan is what must change on a host, in the order in which it is done.
type Plan struct {
	Name    string
	Changes []*Change

	provided map[Claim]bool
	planner  Planner
}

// Plan reads what is declared and what this plan no longer declares. What is wrong with the plan
// as a whole is a Mistakes; what is wrong with one resource is in its Change.
func (p Planner) Plan(ctx context.Context, ds []Declared) (*Plan, error) {
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
	cs, mistakes = p.selected(cs)
	if len(mistakes) > 0 {
		return nil, mistakes
	}
	if len(p.Targets) == 0 {
		dropped, err := p.dropped(cs, ds)
		if err != nil {
			return nil, err
		}
		cs = append(cs, dropped...)
	}
	cs = slices.DeleteFunc(cs, func(c *Change) bool { return c.declared.LeftOut })
	return p.finish(ctx, cs)
}

// Undo plans the way back over past changes, oldest first.
func (p Planner) Undo(ctx context.Context, past []Past) (*Plan, error) {
	var cs []*Change
	for _, was := range past {
		c := &Change{
			Addr: was.Addr, Kind: was.Kind, Origin: FromUndo, Spec: was.Spec, Want: was.Before,
			Claims: was.Claims, Needs: was.Needs, DependsOn: was.DependsOn, Prior: was.Prior,
			exact: true, Why: "as it was before",
		}
		if was.Ended && !p.Force {
			c.left = &was.Left
		}
		cs = append(cs, c)
	}
	return p.finish(ctx, cs)
}

// finish links, reads and arranges.
func (p Planner) finish(ctx context.Context, cs []*Change) (*Plan, error) {
	plan := &Plan{Name: p.Name, provided: map[Claim]bool{}, planner: p}
	for _, c := range cs {
		if c.Want != nil {
			for _, claim := range c.Claims {
				plan.provided[claim] = true
			}
		}
	}
	link(cs)
	if err := p.readAll(ctx, plan, cs); err != nil {
		return nil, err
	}
	plan.Changes = arrange(cs)
	return plan, nil
}

// declared turns declarations, and what they imply, into changes yet to be read.
func (p Planner) declared(ds []Declared) ([]*Change, Mistakes) {
	var (
		cs       []*Change
		mistakes Mistakes
		owner    = make(map[Claim]*Change, len(ds))
	)
	for _, d := range ds {
		c := newChange(d)
		cs = append(cs, c)
		for _, claim := range c.Claims {
			if first, ok := owner[claim]; ok {
				mistakes = append(mistakes, Mistake{c.Place, "Two resources manage the same thing", fmt.Sprintf(
					"%s and %s (%s) both manage %s. Remove one of them.", c.Addr, first.Addr, first.Place, claim)})
				continue
			}
			owner[claim] = c
			if m, ok := p.taken(c, claim); ok {
				mistakes = append(mistakes, m)
			}
		}
	}
	// cs grows while it is walked: what is implied may imply more.
	for i := 0; i < len(cs); i++ {
		im, ok := cs[i].Spec.(Implier)
		if !ok || cs[i].Want == nil {
			continue
		}
		for _, d := range im.Implies() {
			c := newChange(d)
			if _, ok := owner[c.Claim()]; ok || cs[i].declared.LeftOut {
				continue
			}
			c.Place, c.Head.Implied, c.declared.Implied = cs[i].Place, true, true
			owner[c.Claim()] = c
			cs = append(cs, c)
		}
	}
	return cs, mistakes
}

// taken says that another plan manages what c claims.
func (p Planner) taken(c *Change, claim Claim) (Mistake, bool) {
	h, ok := p.Ledger.Lookup(claim)
	if !ok || h.Plan == p.Name || h.Implied || c.declared.LeftOut {
		return Mistake{}, false
	}
	return Mistake{c.Place, "Another plan manages this", fmt.Sprintf(
		"%s is managed by %s of plan %q on this host. Drop it there first, or give this plan the same name.",
		claim, h.Addr, h.Plan)}, true
}

func newChange(d Declared) *Change {
	c := &Change{
		Addr: d.Addr, Kind: d.Kind, Place: d.Place, Origin: FromPlan, Spec: d.Spec, Want: d.Spec,
		DependsOn: d.DependsOn, declared: d,
	}
	if d.Absent {
		c.Want = nil
	}
	c.Claims = Claims(d.Addr, d.Spec)
	c.Needs = needs(d.Spec)
	c.Head = Head{Addr: d.Addr, Kind: d.Kind.Name(), Absent: d.Absent, Keep: d.Keep,
		Implied: d.Implied, PreventRemoval: d.PreventRemoval}
	return c
}

// dropped lists what this plan manages on the host and no longer declares.
func (p Planner) dropped(cs []*Change, ds []Declared) ([]*Change, error) {
	byClaim := make(map[Claim]*Change, len(cs))
	for _, c := range cs {
		for _, claim := range c.Claims {
			byClaim[claim] = c
		}
	}
	leftOut := map[Addr]bool{}
	for _, d := range ds {
		if d.LeftOut {
			leftOut[d.Addr], leftOut[d.Addr.Base()] = true, true
		}
	}
	var out []*Change
	for _, claim := range p.Ledger.Owned(p.Name) {
		h, _ := p.Ledger.Lookup(claim)
		c, ok := byClaim[claim]
		if ok && c.Kind.Name() == h.Kind || leftOut[h.Addr] || p.unselected(h.Addr) {
			continue
		}
		d, err := p.drop(claim, c)
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

// drop is the way back from one entry of the ledger; now is what the plan declares in its place, as
// another kind, or nil.
func (p Planner) drop(claim Claim, now *Change) (*Change, error) {
	e, err := p.Ledger.Entry(claim)
	if err != nil {
		return nil, err
	}
	kind, ok := p.Kinds(e.Kind)
	if !ok {
		return nil, fmt.Errorf("cannot remove %s: this version has no kind %q", e.Addr, e.Kind)
	}
	c := &Change{
		Addr: e.Addr, Kind: kind, Origin: FromLedger, Why: "no longer in the plan",
		Claims: e.Claims, Needs: e.Needs, DependsOn: e.DependsOn, Head: e.Head, exact: true,
	}
	if c.Spec, err = p.decode(kind, e.Spec); err != nil {
		return nil, err
	}
	if now != nil {
		c.Why = fmt.Sprintf("becomes a %s", now.Kind.Name())
		return c, nil
	}
	if c.Want, err = p.decode(kind, e.Before); err != nil {
		return nil, err
	}
	if e.Keep {
		c.Action, c.Why = NoOp, "kept, no longer in the plan"
	}
	return c, nil
}

func (p Planner) decode(k *Kind, r Recorded) (any, error) {
	spec, err := k.Decode(r)
	if err != nil || spec == nil {
		return nil, err
	}
	return spec, Unseal(spec, p.Ledger.Fetch)
}

// readAll reads every change's thing, a few at once.
func (p Planner) readAll(ctx context.Context, plan *Plan, cs []*Change) error {
	workers := p.Parallelism
	if workers <= 0 {
		workers = DefaultParallelism
	}
	var (
		next atomic.Int64
		wg   sync.WaitGroup
	)
	for range min(workers, len(cs)) {
		wg.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(cs) {
					return
				}
				p.read(ctx, plan, cs[i])
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// read fills in what the host has and what is to be done about it.
func (p Planner) read(ctx context.Context, plan *Plan, c *Change) {
	c.Err, c.Fields, c.Have = nil, nil, nil
	if c.Origin == FromLedger && c.Head.Keep {
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
	if err != nil {
		c.broken(fmt.Errorf("cannot read %s: %w", c.Addr, err))
		return
	}
	c.Have = have
	if err := p.decide(ctx, plan, c); err != nil {
		c.broken(err)
	}
}

func (c *Change) broken(err error) { c.Action, c.Err = Broken, err }

// decide compares have with want.
func (p Planner) decide(ctx context.Context, plan *Plan, c *Change) error {
	if c.Origin == FromPlan && c.Want != nil {
		c.Want = c.Kind.adopt(c.Have, c.declared.Spec, c.declared.IgnoreChanges)
	}
	if err := p.compare(c); err != nil {
		return err
	}
	if err := p.account(c); err != nil {
		return err
	}
	if c.Action == NoOp {
		return c.post(c.Have)
	}
	if err := p.stale(c); err != nil {
		return err
	}
	if c.Head.PreventRemoval && c.Want == nil {
		return fmt.Errorf("%s would be removed, and its lifecycle says prevent_removal", c.Addr)
	}
	if err := Complete(c.Want); err != nil {
		return fmt.Errorf("%s cannot go back to what was there before: %w", c.Addr, err)
	}
	c.Irreversible = c.Kind.irrev(c.Have, c.Want)
	return plan.unmet(c.Kind.check(ctx, p.View, c.Have, c.Want))
}

// compare sets the action and the fields that differ.
func (p Planner) compare(c *Change) error {
	switch {
	case c.Have == nil && c.Want == nil:
		c.Action = NoOp
	case c.Have == nil:
		c.Action, c.Fields = Create, c.Kind.describe(c.Want)
	case c.Want == nil:
		c.Action = Remove
	default:
		if err := p.fields(c); err != nil {
			return err
		}
		c.Action = Update
		if len(c.Fields) == 0 {
			c.Action = NoOp
		}
	}
	return nil
}

// fields lists what differs between two things that are both there.
func (p Planner) fields(c *Change) error {
	c.Fields = c.Kind.Diff(c.Have, c.Want)
	if !c.exact || len(c.Fields) > 0 {
		return nil
	}
	have, err := p.record(c.Kind, c.Have)
	if err != nil {
		return err
	}
	want, err := p.record(c.Kind, c.Want)
	if err != nil {
		return err
	}
	c.Fields = c.Kind.diffRecorded(have, want)
	return nil
}

// record seals and encodes spec.
func (p Planner) record(k *Kind, spec any) (Recorded, error) {
	if spec == nil {
		return nil, nil
	}
	if err := Seal(spec, p.Ledger.Ref); err != nil {
		return nil, err
	}
	return k.Encode(spec)
}

// account finds whether the ledger has yet to learn of c.
func (p Planner) account(c *Change) error {
	if c.Origin != FromPlan {
		return nil
	}
	c.Head.Plan = p.Name
	digest, err := p.digest(c)
	if err != nil {
		return err
	}
	c.Head.Digest = digest
	known, ok := p.Ledger.Lookup(c.Claim())
	switch {
	case ok && known.Plan == p.Name && !known.Implied:
		c.Adopt = known != c.Head
	case c.Head.Implied:
		// A directory that was there all along is nobody's; one of ours is in the ledger already.
		c.Adopt = false
	default:
		c.Adopt = true
	}
	return nil
}

// digest identifies a declaration: the same spec with the same edges and flags.
func (p Planner) digest(c *Change) (string, error) {
	r, err := p.record(c.Kind, c.declared.Spec)
	if err != nil {
		return "", err
	}
	b, err := json.Marshal(struct {
		Spec Recorded
		Deps []Addr
	}{r, c.DependsOn})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16]), nil
}

// stale refuses to take back what is not as the run left it.
func (p Planner) stale(c *Change) error {
	if c.left == nil {
		return nil
	}
	have, err := p.record(c.Kind, c.Have)
	if err != nil {
		return err
	}
	if have.Equal(*c.left) {
		return nil
	}
	return &StaleError{Addr: c.Addr, Fields: c.Kind.diffRecorded(*c.left, have), Since: "the run ended"}
}

// unmet returns err without the needs that the plan provides.
func (plan *Plan) unmet(err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var errs []error
		for _, e := range joined.Unwrap() {
			errs = append(errs, plan.unmet(e))
		}
		return errors.Join(errs...)
	}
	var need *NeedError
	if errors.As(err, &need) && plan.provided[need.Claim] {
		return nil
	}
	return err
}
