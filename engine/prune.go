package engine

import (
	"fmt"
	"slices"
)

// dropped lists what this plan manages on the host and no longer declares. all is what it
// declares, cs what of that is planned now.
func (p Planner) dropped(all, cs []*Change, ds []Declared) ([]*Change, error) {
	byClaim := claimed(all)
	planned, said := make(map[*Change]bool, len(cs)), make(map[Addr]bool, len(cs))
	for _, c := range cs {
		planned[c], said[c.Addr] = true, true
	}
	leftOut, blocks := map[Addr]bool{}, map[Addr]bool{}
	for _, d := range ds {
		if d.LeftOut || d.Deferred != "" {
			leftOut[d.Addr], blocks[d.Addr.Base()] = true, true
		}
	}
	// Of a block whose instances cannot be told here, all are left alone.
	kept := func(a Addr) bool {
		return blocks[a] || slices.ContainsFunc(a.Names(), func(name Addr) bool { return leftOut[name] })
	}
	var out []*Change
	for _, claim := range p.Ledger.Owned(p.Name) {
		h, _ := p.Ledger.Lookup(claim)
		c, ok := byClaim[claim]
		if ok && (c.Kind.Name() == h.Kind || !planned[c]) || kept(h.Addr) || p.unselected(h.Addr) {
			continue
		}
		if ok && c.declared.LeftOut {
			c = nil
		}
		d, err := p.drop(claim, c)
		if err != nil {
			return nil, err
		}
		if said[h.Addr] && c == nil {
			// The block is there, and says something else than before: an address alone would say that it goes.
			d.Why += ": " + claim.words()
		}
		out = append(out, d)
	}
	return out, nil
}

// claimed finds changes by what they claim; a block that is left out yields to one that is not.
func claimed(cs []*Change) map[Claim]*Change {
	byClaim := make(map[Claim]*Change, len(cs))
	for _, c := range cs {
		for _, claim := range c.Claims {
			if other, ok := byClaim[claim]; !ok || other.declared.LeftOut {
				byClaim[claim] = c
			}
		}
	}
	return byClaim
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
		if e.Before != nil {
			// The ledger keeps what was there before as one kind only; undo can still bring it back.
			c.Why += ", so what was there before the plan stays gone when the plan drops it"
		}
		c.aim()
		return c, nil
	}
	if c.Want, err = p.decode(kind, e.Before); err != nil {
		return nil, err
	}
	c.aim()
	switch {
	case e.Keep:
		c.Action, c.Why = NoOp, "kept, no longer in the plan"
	case e.Absent && Complete(c.Want) != nil:
		// That it goes was said, and there is nothing left to bring back: no later plan could do more.
		c.Head.Keep = true
		c.Action, c.Why = NoOp, "no longer in the plan; the private content"+c.at()+" before is not kept any more"
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
