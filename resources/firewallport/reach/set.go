package reach

import (
	"bytes"
	"cmp"
	"slices"
	"sort"

	"github.com/agent0-converge/agent0-converge/resources/firewallport/ruleset"
)

// index finds elements of a set.
type index struct {
	src      *ruleset.Set
	byKey    map[string]int // sets without intervals
	bounds   []bound        // sets of intervals, in order
	ranges   []int          // concatenations of intervals
	catchAll int            // -1 where there is none
	fields   []part
}

// bound is where an interval begins, or what follows it does.
type bound struct {
	key     []byte
	element int // -1 where none begins
}

// part is one of a concatenation: each takes whole words.
type part struct{ at, n int }

func newIndex(s *ruleset.Set) *index {
	x := &index{src: s, catchAll: -1}
	at := 0
	for _, n := range s.FieldLens {
		x.fields = append(x.fields, part{at, int(n)})
		at += (int(n) + 3) &^ 3
	}
	if len(x.fields) == 0 || at > int(s.KeyLen)+3 {
		x.fields = []part{{0, int(s.KeyLen)}}
	}
	intervals := s.Flags&ruleset.SetInterval != 0
	for i, e := range s.Elements {
		e.Key = fit(e.Key, int(s.KeyLen))
		switch {
		case e.CatchAll:
			x.catchAll = i
		case intervals && (len(x.fields) > 1 || len(e.KeyEnd) > 0):
			x.ranges = append(x.ranges, i)
		case intervals && e.IntervalEnd:
			x.bounds = append(x.bounds, bound{e.Key, -1})
		case intervals:
			x.bounds = append(x.bounds, bound{e.Key, i})
		default:
			if x.byKey == nil {
				x.byKey = make(map[string]int, len(s.Elements))
			}
			x.byKey[string(e.Key)] = i
		}
	}
	// Where one ends as the next begins, the next goes on from there.
	slices.SortStableFunc(x.bounds, func(a, b bound) int {
		return cmp.Or(bytes.Compare(a.key, b.key), cmp.Compare(min(a.element, 0), min(b.element, 0)))
	})
	return x
}

// fit is a key in the length of a set's keys, which all are.
func fit(key []byte, n int) []byte {
	if len(key) == n {
		return key
	}
	out := make([]byte, n)
	copy(out, key)
	return out
}

// found is which elements a key may be that of, and whether it may be that of none.
type found struct {
	hits []int
	miss bool
}

func (f found) certain() bool { return len(f.hits) == 0 || len(f.hits) == 1 && !f.miss }

// find looks a key up, which has the length of the set's keys.
func (x *index) find(b bits) found {
	certain := b.certain()
	switch {
	case len(x.ranges) > 0:
		return x.findRange(b)
	case len(x.bounds) > 0 && certain:
		i := x.last(b.val)
		if i < 0 || x.bounds[i].element < 0 {
			return found{miss: true}
		}
		return found{hits: []int{x.bounds[i].element}}
	case len(x.bounds) > 0:
		return x.findBetween(b)
	case certain:
		if i, ok := x.byKey[string(b.val)]; ok {
			return found{hits: []int{i}}
		}
		return found{miss: true}
	}
	return x.findAny(b)
}

// last is the last bound that is not behind a key, -1 where there is none.
func (x *index) last(key []byte) int {
	return sort.Search(len(x.bounds), func(i int) bool { return bytes.Compare(x.bounds[i].key, key) > 0 }) - 1
}

// findAny looks for the keys that one with unknown bits may be.
func (x *index) findAny(b bits) found {
	var f found
	for key, i := range x.byKey {
		if b.equals([]byte(key)) != no {
			f.hits = append(f.hits, i)
		}
	}
	slices.Sort(f.hits)
	free := 0
	for _, k := range b.known {
		for k := ^k; k != 0; k &= k - 1 {
			free++
		}
	}
	f.miss = free > 16 || len(f.hits) < 1<<free
	return f
}

// findBetween looks for the intervals in which a key with unknown bits may lie.
func (x *index) findBetween(b bits) found {
	var f found
	most := b.most()
	i := x.last(b.val)
	if i < 0 {
		// Before the first bound there is nothing.
		f.miss = true
		i = 0
	}
	for ; i < len(x.bounds) && bytes.Compare(x.bounds[i].key, most) <= 0; i++ {
		end := bytes.Repeat([]byte{0xff}, b.len())
		if i+1 < len(x.bounds) {
			if bytes.Equal(x.bounds[i+1].key, x.bounds[i].key) {
				continue
			}
			end = before(x.bounds[i+1].key)
		}
		if b.within(x.bounds[i].key, end) == no {
			continue
		}
		if e := x.bounds[i].element; e >= 0 {
			f.hits = append(f.hits, e)
		} else {
			f.miss = true
		}
	}
	return f
}

// before is the key one less.
func before(key []byte) []byte {
	out := bytes.Clone(key)
	for i := len(out) - 1; i >= 0; i-- {
		out[i]--
		if out[i] != 0xff {
			break
		}
	}
	return out
}

// findRange looks for the ranges of a concatenation: each part of the key must lie in its own.
func (x *index) findRange(b bits) found {
	f := found{miss: true}
	for _, i := range x.ranges {
		e := &x.src.Elements[i]
		end := e.KeyEnd
		if len(end) == 0 {
			end = e.Key
		}
		t := yes
		for _, p := range x.fields {
			if p.at+p.n > len(e.Key) || p.at+p.n > len(end) || p.at+p.n > b.len() {
				t = maybe
				break
			}
			if t = t.and(b.slice(p.at, p.at+p.n).within(e.Key[p.at:p.at+p.n], end[p.at:p.at+p.n])); t == no {
				break
			}
		}
		switch t {
		case yes:
			return found{hits: []int{i}}
		case maybe:
			f.hits = append(f.hits, i)
		}
	}
	return f
}
