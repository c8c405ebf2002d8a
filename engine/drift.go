package engine

import (
	"bytes"
	"strings"
)

// Cause says who moved: the host away from the plan, or the plan away from the host.
type Cause string

// The causes.
const (
	Drifted Cause = "drift"   // the host is no longer as the last run left it
	Pending Cause = "pending" // the plan says something new
)

// Causes sets the Cause of every field of c and returns that of the change as a whole: drift if
// any of it is.
func (p Planner) Causes(c *Change) (Cause, error) {
	known, ok := p.Ledger.Lookup(c.Claim())
	if !ok || known.Plan != p.Name || c.Origin != FromPlan {
		return c.blame(func(string) Cause { return Pending }, Pending), nil
	}
	if known.Digest == c.Head.Digest {
		return c.blame(func(string) Cause { return Drifted }, Drifted), nil
	}
	entry, err := p.Ledger.Entry(c.Claim())
	if err != nil {
		return "", err
	}
	want, err := p.record(c.Kind, c.Want)
	if err != nil {
		return "", err
	}
	// Nothing on the host where the plan had something, and has it still, is drift as well.
	whole := Pending
	if c.Have == nil && !known.Absent {
		whole = Drifted
	}
	return c.blame(func(name string) Cause {
		if was, said := entry.Spec[name]; said && bytes.Equal(was, want[name]) {
			return Drifted
		}
		return Pending
	}, whole), nil
}

// blame sets every field's cause by its attribute, where the kind has not said it; a change without
// fields has the cause whole.
func (c *Change) blame(of func(attribute string) Cause, whole Cause) Cause {
	for i := range c.Fields {
		if c.Fields[i].Cause != "" {
			continue
		}
		name, _, _ := strings.Cut(c.Fields[i].Name, "[")
		name, _, _ = strings.Cut(name, ".")
		c.Fields[i].Cause = of(name)
	}
	for _, f := range c.Fields {
		if f.Cause == Drifted && c.Have != nil {
			return Drifted
		}
	}
	if c.Have != nil && len(c.Fields) > 0 {
		return Pending
	}
	return whole
}

// Record returns spec as a journal would keep it.
func (p Planner) Record(k *Kind, spec any) (Recorded, error) { return p.record(k, spec) }
