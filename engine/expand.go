package engine

import "fmt"

// declared turns declarations, and what they imply, into changes yet to be read.
func (p Planner) declared(ds []Declared) ([]*Change, Mistakes) {
	var (
		cs       []*Change
		mistakes Mistakes
		owner    = make(map[Claim]*Change, len(ds))
	)
	ds, mistakes = expanded(ds)
	for _, d := range ds {
		c := newChange(d)
		cs = append(cs, c)
		if d.LeftOut {
			continue // of two blocks for one thing, each may have its own "when"
		}
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
	mistakes = append(append(mistakes, excluded(cs)...), clashes(cs)...)
	// cs grows while it is walked: what is implied may imply more.
	for i := 0; i < len(cs); i++ {
		im, ok := cs[i].Spec.(Implier)
		if !ok || cs[i].Want == nil || cs[i].declared.LeftOut {
			continue
		}
		for _, d := range im.Implies() {
			c := newChange(d)
			if _, ok := owner[c.Claim()]; ok {
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
	if p.Ledger == nil {
		return Mistake{}, false
	}
	h, ok := p.Ledger.Lookup(claim)
	if !ok || h.Plan == p.Name || h.Implied {
		return Mistake{}, false
	}
	return Mistake{c.Place, "Another plan manages this", fmt.Sprintf(
		"%s is managed by %s of plan %q on this host. Drop it there first, or give this plan the same name.",
		claim, h.Addr, h.Plan)}, true
}

func newChange(d Declared) *Change {
	c := &Change{
		Addr: d.Addr, Kind: d.Kind, Place: d.Place, Origin: FromPlan, Spec: d.Spec, Want: d.Spec,
		DependsOn: d.DependsOn, Inputs: d.Inputs, declared: d,
	}
	if d.Absent {
		c.Want = nil
		absent(c.Spec)
	}
	c.Claims = Claims(d.Addr, d.Spec)
	c.Needs = needs(d.Spec)
	c.Head = Head{Addr: d.Addr, Kind: d.Kind.Name(), Absent: d.Absent, Keep: d.Keep,
		Implied: d.Implied, PreventRemoval: d.PreventRemoval}
	return c
}
