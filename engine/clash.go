package engine

import "fmt"

// Clasher finds, among all things of its kind that one plan has, those that contradict each other though they claim
// nothing in common, such as ranges of ports that overlap.
type Clasher[S any] interface {
	Clashes(all []*S) []Clash
}

// Clash is two things, by index, that contradict each other, and why.
type Clash struct {
	One, Other int
	Why        string
}

// clashes asks every kind that a plan has about all its things at once.
func clashes(cs []*Change) Mistakes {
	var (
		kinds []*Kind
		of    = map[string][]*Change{}
		out   Mistakes
	)
	for _, c := range cs {
		if c.Kind.clashes == nil || c.Want == nil || c.declared.LeftOut || c.declared.Deferred != "" {
			continue
		}
		if of[c.Kind.name] == nil {
			kinds = append(kinds, c.Kind)
		}
		of[c.Kind.name] = append(of[c.Kind.name], c)
	}
	for _, k := range kinds {
		for _, clash := range k.clashes(of[k.name]) {
			one, other := of[k.name][clash.One], of[k.name][clash.Other]
			out = append(out, Mistake{other.Place, "Two resources contradict each other", fmt.Sprintf(
				"%s and %s (%s): %s.", other.Addr, one.Addr, one.Place, clash.Why)})
		}
	}
	return out
}

// clashesOf erases the type of c.
func clashesOf[S any](c Clasher[S]) func([]*Change) []Clash {
	return func(cs []*Change) []Clash {
		all := make([]*S, len(cs))
		for i, c := range cs {
			all[i] = ptr[S](c.Want)
		}
		return c.Clashes(all)
	}
}
