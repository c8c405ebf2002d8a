package reach

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/agent0-converge/agent0-converge/resources/firewallport/ruleset"
)

// lookup looks a key up in a set or a map (net/netfilter/nft_lookup.c).
type lookup struct {
	d     decoder
	set   *index
	id    string
	from  int
	to    int // -1 for a set
	word  bool
	not   bool
	about string
}

func (d *decoder) lookup(a *args) op {
	const setName, sreg, dreg, flags, not = 1, 2, 3, 5, 1
	x := d.table.sets[a.text(setName)]
	if x == nil {
		return nil
	}
	l := lookup{d: d.later(), set: x, id: setID(x.src), to: -1, not: a.number(flags)&not != 0}
	l.from = a.register(sreg, int(x.src.KeyLen))
	if a.has(dreg) {
		if l.word = a.number(dreg) == 0; l.word {
			d.does("decide by " + nameSet(x.src))
		} else {
			l.to = a.register(dreg, int(x.src.DataLen))
		}
	}
	l.about = "whether " + nameSet(x.src) + " has it is not known"
	return l
}

// setID tells sets of different tables apart.
func setID(s *ruleset.Set) string {
	if s.Table == nil {
		return s.Name
	}
	return fmt.Sprint(s.Table.Family, "/", s.Table.Name, "/", s.Name)
}

// nameSet names a set in words.
func nameSet(s *ruleset.Set) string {
	kind := "set"
	if s.Flags&ruleset.SetMap != 0 {
		kind = "map"
	}
	if strings.HasPrefix(s.Name, "__") {
		return "its " + kind
	}
	return kind + " " + s.Name
}

func (l lookup) run(x *exec) result {
	f := x.find(l.set, l.id, l.from)
	if f.certain() && !f.miss {
		return l.hit(x, f.hits[0])
	}
	if len(f.hits) == 0 {
		return l.miss(x)
	}
	why := x.regs.why(l.from)
	if l.to < 0 && !l.word {
		if l.set.catchAll >= 0 {
			return matches(truth(!l.not), "")
		}
		return either(why)
	}
	return l.several(x, f, why)
}

// hit is what comes of a key that is there.
func (l lookup) hit(x *exec, i int) result {
	if l.not {
		return result{fate: brk}
	}
	e := element{}
	if i != addedHit {
		e = l.element(i)
	}
	res := result{}
	switch {
	case l.word && e.Element == nil:
		return result{fate: undecided, why: l.about}
	case l.word:
		res.fate, res.target = l.d.verdict(e.Verdict)
	case l.to >= 0 && e.Element == nil:
		x.regs.put(l.to, unknownBits(int(l.set.src.DataLen)), "what "+nameSet(l.set.src)+" has")
	case l.to >= 0:
		x.regs.put(l.to, l.value(e), "")
	}
	return e.count(x, res)
}

// value is what a map has for a key, in the length of its values.
func (l lookup) value(e element) bits {
	v := make([]byte, l.set.src.DataLen)
	copy(v, e.Value)
	return knownBits(v)
}

// miss is what comes of a key that is not there.
func (l lookup) miss(x *exec) result {
	if l.set.catchAll >= 0 {
		return l.hit(x, l.set.catchAll)
	}
	return matches(truth(l.not), "")
}

// several follows each of the elements that it may be: each verdict of a map once, and the values of one joined.
func (l lookup) several(x *exec, f found, why string) result {
	var res result
	var joined bits
	seen := map[string]bool{}
	hits := f.hits
	if f.miss && l.set.catchAll >= 0 {
		hits = append(hits[:len(hits):len(hits)], l.set.catchAll)
	}
	for _, i := range hits {
		if i == addedHit {
			return result{fate: undecided, why: l.about}
		}
		e := l.element(i)
		if !l.word {
			if v := l.value(e); joined.val == nil {
				joined = v
			} else {
				joined.join(v)
			}
			continue
		}
		to, target := l.d.verdict(e.Verdict)
		if k := fmt.Sprint(to, e.Verdict); !seen[k] {
			seen[k] = true
			res.alts = append(res.alts, alt{fate: to, target: target, kind: unsure, why: why})
		}
	}
	if !l.word {
		res.alts = append(res.alts, alt{fate: next, kind: unsure, why: why, apply: func(y *exec) { y.regs.put(l.to, joined, "what "+nameSet(l.set.src)+" has") }})
	}
	if f.miss && l.set.catchAll < 0 {
		res.alts = append(res.alts, alt{fate: brk, kind: unsure, why: why})
	}
	if len(res.alts) > maxPaths {
		return result{fate: undecided, why: why}
	}
	return res
}

// element is one with the expressions that count at it.
type element struct {
	*ruleset.Element
	ops []op
}

func (l lookup) element(i int) element {
	e := &l.set.src.Elements[i]
	return element{e, l.d.all(e.Exprs)}
}

// count evaluates what counts at an element: a limit that is exceeded ends the rule.
func (e element) count(x *exec, res result) result { return counted(x, e.ops, res) }

func counted(x *exec, ops []op, res result) result {
	for _, o := range ops {
		r := o.run(x)
		if r.fate != next {
			return r
		}
		if len(r.alts) == 0 {
			continue
		}
		for i := range r.alts {
			if r.alts[i].fate == next {
				r.alts[i].fate, r.alts[i].target = res.fate, res.target
			}
		}
		return r
	}
	return res
}

// verdict is what a verdict does.
func (d *decoder) verdict(v *ruleset.Verdict) (fate, *chain) {
	if v == nil {
		return undecided, nil
	}
	switch v.Code {
	case ruleset.Continue:
		return next, nil
	case ruleset.Break:
		return brk, nil
	case ruleset.Return:
		return ret, nil
	case ruleset.Jump, ruleset.Goto:
		c := d.chains[v.Chain]
		if c == nil {
			return undecided, nil
		}
		if v.Code == ruleset.Goto {
			return gotoChain, c
		}
		return jump, c
	}
	switch v.Code & 0xff { // NF_VERDICT_MASK
	case ruleset.Accept:
		return accept, nil
	case ruleset.Drop:
		return drop, nil
	}
	return undecided, nil // queued, or stolen by somebody
}

// addedHit stands for an element that an earlier rule added.
const addedHit = -2

// find looks a register up in a set, with what earlier rules added to it.
func (x *exec) find(set *index, id string, at int) found {
	key := x.regs.get(at, int(set.src.KeyLen))
	f := x.r.memo(set, key)
	added := x.path.st.added
	if added == "" {
		return f
	}
	if added == anything || strings.Contains(added, entry(id, anything)) {
		return found{append(f.hits[:len(f.hits):len(f.hits)], addedHit), true}
	}
	switch {
	case !strings.Contains(added, "\x00"+id+"\x01"):
		return f
	case key.certain():
		if len(f.hits) == 0 && strings.Contains(added, entry(id, hex.EncodeToString(key.val))) {
			return found{hits: []int{addedHit}}
		}
		return f
	}
	return found{append(f.hits[:len(f.hits):len(f.hits)], addedHit), true}
}

// entry is how state.added has one.
func entry(id, key string) string { return "\x00" + id + "\x01" + key + "\x02" }

// memo remembers what was looked up: many rules ask the same of a large set.
func (r *run) memo(set *index, key bits) found {
	if len(set.ranges) < 64 && key.certain() {
		return set.find(key)
	}
	k := memoKey{set, string(key.val) + string(key.known)}
	if f, ok := r.asked[k]; ok {
		return f
	}
	if r.asked == nil {
		r.asked = map[memoKey]found{}
	}
	f := set.find(key)
	r.asked[k] = f
	return f
}

type memoKey struct {
	set *index
	key string
}
