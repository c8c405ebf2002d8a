package engine

import (
	"fmt"
	"slices"
)

// Excluder says which claims of others contradict it: a list that is to be exact leaves no room for
// what another resource adds to it. It is an optional interface of a kind's struct, on its pointer.
type Excluder interface{ Excludes(Claim) bool }

// excluded finds resources that contradict each other: each would undo the other, for ever.
func excluded(cs []*Change) Mistakes {
	var mistakes Mistakes
	for _, c := range cs {
		x, ok := c.Spec.(Excluder)
		if !ok || c.Want == nil || c.declared.LeftOut {
			continue
		}
		for _, other := range cs {
			if other == c || other.Want == nil || other.declared.LeftOut {
				continue
			}
			for _, claim := range other.Claims {
				// One that both claim is a mistake of its own.
				if x.Excludes(claim) && !slices.Contains(c.Claims, claim) {
					mistakes = append(mistakes, Mistake{c.Place, "Two resources contradict each other", fmt.Sprintf(
						"%s is exact and has no room for %s of %s (%s). Say it in one of them.", c.Addr, claim, other.Addr, other.Place)})
				}
			}
		}
	}
	return mistakes
}
