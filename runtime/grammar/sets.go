package grammar

import "slices"

// anyRune are all code points that are characters.
var anyRune = class{{0, 0xd7ff}, {0xe000, 0x10ffff}}

func has(c class, r rune) bool {
	return slices.ContainsFunc(c, func(x runes) bool { return x.lo <= r && r <= x.hi })
}

// union sorts a set and joins what touches.
func union(sets ...class) class {
	all := slices.Concat(sets...)
	slices.SortFunc(all, func(a, b runes) int { return int(a.lo - b.lo) })
	var out class
	for _, r := range all {
		if n := len(out); n > 0 && r.lo <= out[n-1].hi+1 {
			out[n-1].hi = max(out[n-1].hi, r.hi)
		} else {
			out = append(out, r)
		}
	}
	return out
}

// intersect takes two sorted sets.
func intersect(a, b class) class {
	var out class
	for i, j := 0, 0; i < len(a) && j < len(b); {
		if lo, hi := max(a[i].lo, b[j].lo), min(a[i].hi, b[j].hi); lo <= hi {
			out = append(out, runes{lo, hi})
		}
		if a[i].hi < b[j].hi {
			i++
		} else {
			j++
		}
	}
	return out
}

// minus is what a sorted set leaves of all characters.
func minus(c class) class {
	var out class
	next := rune(0)
	for _, r := range union(c) {
		if r.lo > next {
			out = append(out, runes{next, r.lo - 1})
		}
		next = r.hi + 1
	}
	if next <= 0x10ffff {
		out = append(out, runes{next, 0x10ffff})
	}
	return intersect(out, anyRune)
}
