package engine

import "slices"

// arrange puts removals first, dependants before what they depend on, then everything else with
// what it depends on first. Last go the removals of what other changes stop needing: a user is
// removed once nothing is theirs any more. Edges that earlier runs recorded may contradict each
// other; those of a removal that waits in a circle are dropped.
func arrange(cs []*Change) []*Change {
	late := postponed(cs)
	n := len(cs)
	// What an undo brings back without an order between comes in the reverse of that in which it went:
	// two lines that stood side by side in one file are as they were.
	at := func(i int) int { return i }
	if n > 0 && cs[0].Origin == FromUndo {
		at = func(i int) int { return n - 1 - i }
	}
	var first, middle, last []*Change
	for _, i := range removals(cs) {
		if late[cs[i]] {
			last = append(last, cs[i])
		} else {
			first = append(first, cs[i])
		}
	}
	deps := make([][]int, len(cs))
	for i, c := range cs {
		for _, d := range c.deps {
			if !goes(c) && !goes(cs[d]) {
				deps[at(i)] = append(deps[at(i)], at(d))
				c.waits = append(c.waits, cs[d])
			}
		}
	}
	order, left := sorted(deps)
	for _, i := range append(order, left...) {
		if c := cs[at(i)]; !goes(c) {
			middle = append(middle, c)
		}
	}
	return slices.Concat(first, middle, last)
}

func goes(c *Change) bool { return c.Want == nil && c.Action != Defer }

// removals returns the indexes of the removals in their order.
func removals(cs []*Change) []int {
	n := len(cs)
	// Walking backwards keeps unordered removals in the reverse of the order in which they came.
	flip := func(i int) int { return n - 1 - i }
	deps := make([][]int, n)
	claims := indexOf(cs).claims
	for i, c := range cs {
		// What was found may need more than what names it says, as a unit that only its name is said of.
		found := c.deps
		if goes(c) && c.Have != nil {
			for _, claim := range needs(c.Have) {
				found = append(found[:len(found):len(found)], claims[claim]...)
			}
		}
		slices.Sort(found)
		for _, d := range slices.Compact(found) {
			if d != i && goes(c) && goes(cs[d]) {
				deps[flip(d)] = append(deps[flip(d)], flip(i))
				cs[d].waits = append(cs[d].waits, c)
			}
		}
	}
	var out []int
	order, left := sorted(deps)
	for _, i := range append(order, left...) {
		if goes(cs[flip(i)]) {
			out = append(out, flip(i))
		}
	}
	return out
}

// postponed finds the removals that wait until a change no longer needs what they remove, and
// those that wait for them in turn. What makes room for another kind's thing cannot wait.
func postponed(cs []*Change) map[*Change]bool {
	comes := map[Claim]bool{}
	for _, c := range cs {
		for _, claim := range c.Claims {
			comes[claim] = comes[claim] || !goes(c)
		}
	}
	going := map[Claim]*Change{}
	for _, c := range cs {
		if goes(c) && !comes[c.Claim()] {
			for _, claim := range c.Claims {
				going[claim] = c
			}
		}
	}
	late := map[*Change]bool{}
	var wait func(r *Change)
	wait = func(r *Change) {
		if late[r] {
			return
		}
		late[r] = true
		for _, d := range r.deps {
			if goes(cs[d]) && !comes[cs[d].Claim()] {
				wait(cs[d])
			}
		}
	}
	for _, c := range cs {
		if goes(c) || c.Action == NoOp || c.Have == nil {
			continue
		}
		for _, claim := range needs(c.Have) { // as it was found: what it is to need may be something else
			if r := going[claim]; r != nil {
				r.waits = append(r.waits, c)
				wait(r)
			}
		}
	}
	return late
}
