package reach

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/agent0-converge/agent0-converge/resources/firewallport/attr"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/ruleset"
)

// decides is an expression that always comes to the same.
type decides struct{ res result }

func (d decides) run(*exec) result { return d.res }

// sets puts a value into a register.
type sets struct {
	to int
	v  []byte
}

func (s sets) run(x *exec) result {
	x.regs.put(s.to, knownBits(s.v), "")
	return result{}
}

// immediate is a verdict or a value (net/netfilter/nft_immediate.c).
func (d *decoder) immediate(a *args) op {
	const dreg, data = 1, 2
	value, verdict, err := ruleset.Data(a.of[data])
	if err != nil {
		return nil
	}
	if verdict == nil {
		if len(value) == 0 {
			return nil
		}
		return sets{a.register(dreg, len(value)), value}
	}
	f, target := d.verdict(verdict)
	switch f {
	case accept, drop:
		d.does(f.outcome().String())
	case jump:
		d.does("jump to " + verdict.Chain)
	case gotoChain:
		d.does("go to " + verdict.Chain)
	case ret:
		d.does("return")
	case undecided:
		d.does("queue")
	}
	return decides{result{fate: f, target: target, why: "a program decides about what is queued"}}
}

func (d *decoder) reject(*args) op {
	d.does("reject")
	return decides{result{fate: reject}}
}

func (d *decoder) queue(*args) op {
	d.does("queue")
	return decides{result{fate: undecided, why: "a program decides about what is queued"}}
}

func (d *decoder) fwd(*args) op {
	d.does("send out by another interface")
	return decides{result{fate: elsewhere}}
}

// limit bounds a rate (net/netfilter/nft_limit.c).
func (d *decoder) limit(a *args) op {
	const rate, unit, kindOf, flags, over = 1, 2, 4, 5, 1
	n, err := attr.Uint64(a.of[rate])
	if err != nil {
		return nil
	}
	per, err := attr.Uint64(a.of[unit])
	if err != nil {
		return nil
	}
	units := map[uint64]string{1: "second", 60: "minute", 3600: "hour", 86400: "day", 604800: "week"}
	words := fmt.Sprintf("%d/%s", n, units[per])
	if a.number(kindOf) == 1 {
		words = fmt.Sprintf("%d bytes/%s", n, units[per])
	}
	return bounded{a.number(flags)&over == 0, "up to " + words}
}

// bounded is a match up to a bound, or one beyond it.
type bounded struct {
	within bool
	what   string
}

func (b bounded) run(*exec) result { return usually(b.within, limited, b.what) }

// quota bounds an amount (net/netfilter/nft_quota.c). How much was used is known.
func (d *decoder) quota(a *args) op {
	const size, flags, consumed, over = 1, 2, 4, 1
	n, err := attr.Uint64(a.of[size])
	if err != nil {
		return nil
	}
	used := uint64(0)
	if b := a.of[consumed]; len(b) == 8 {
		if used, err = attr.Uint64(b); err != nil {
			return nil
		}
	}
	return quota{n, used, a.number(flags)&over != 0}
}

// quota matches until an amount is used up, or from then on.
type quota struct {
	size, used uint64
	beyond     bool
}

// The packet itself counts: it is as long as its headers at least, and has 64 KiB at most.
func (q quota) run(x *exec) result {
	switch {
	case q.used+uint64(x.r.lay.end-x.r.lay.network) >= q.size:
		return matches(truth(q.beyond), "")
	case q.used+1<<16 > q.size:
		return either("the length is not known")
	}
	return usually(!q.beyond, limited, fmt.Sprintf("up to %d bytes, of which %d are used", q.size, q.used))
}

// connlimit bounds how many connections there are (net/netfilter/nft_connlimit.c).
func (d *decoder) connlimit(a *args) op {
	const count, flags, over = 1, 2, 1
	return bounded{a.number(flags)&over == 0, fmt.Sprintf("up to %d connections", a.number(count))}
}

// matchOp is a match whose answer is always the same.
type matchOp struct {
	t   tri
	why string
}

func (m matchOp) run(*exec) result { return matches(m.t, m.why) }

// dynset adds to a set, or takes from it (net/netfilter/nft_dynset.c).
type dynset struct {
	set     *index
	id      string
	at      int
	removes bool
	not     bool
	ops     []op
	d       decoder
}

func (d *decoder) dynset(a *args) op {
	const setName, operation, sreg, exprOne, flags, exprList, remove, not = 1, 3, 4, 7, 9, 10, 2, 1
	x := d.table.sets[a.text(setName)]
	if x == nil {
		return nil
	}
	s := dynset{set: x, id: setID(x.src), at: a.register(sreg, int(x.src.KeyLen)), d: d.later()}
	s.removes, s.not = a.number(operation) == remove, a.number(flags)&not != 0
	exprs, err := ruleset.Exprs(a.of, exprOne, exprList)
	if err != nil {
		return nil
	}
	s.ops = d.all(exprs)
	return s
}

func (s dynset) run(x *exec) result {
	key := x.regs.get(s.at, int(s.set.src.KeyLen))
	f := x.find(s.set, s.id, s.at)
	st := &x.path.st
	noted := anything
	if key.certain() && !s.removes {
		noted = hex.EncodeToString(key.val)
	}
	if e := entry(s.id, noted); st.added != anything && !strings.Contains(st.added, e) {
		st.added += e
	}
	if s.removes {
		return result{}
	}
	res := result{}
	if s.not {
		res.fate = brk
	}
	full := s.set.src.Size > 0 && len(s.set.src.Elements) >= int(s.set.src.Size)
	missing := "whether " + nameSet(s.set.src) + " has room is not known"
	if full && (len(f.hits) == 0 || f.miss) {
		return either(missing)
	}
	ops := s.ops
	switch {
	case len(f.hits) == 1 && !f.miss && f.hits[0] != addedHit:
		// An element that is there counts by what it has itself, whoever added it.
		ops = s.d.all(s.set.src.Elements[f.hits[0]].Exprs)
	case len(f.hits) > 0 && len(s.ops) > 0:
		return either("what is counted in " + nameSet(s.set.src) + " is not known")
	}
	res = counted(x, ops, res)
	if s.set.src.Size == 0 || f.certain() && !f.miss {
		return res
	}
	if len(res.alts) == 0 {
		res = result{alts: []alt{{fate: res.fate}}}
	}
	room := alt{fate: brk, kind: limited, why: fmt.Sprintf("as long as %s has room for another of %d elements", nameSet(s.set.src), s.set.src.Size)}
	if s.not {
		room.fate = next
	}
	res.alts = append(res.alts, room)
	return res
}

// Kinds of objects (NFT_OBJECT_*) that end a rule where they are used up.
const (
	objectQuota, objectLimit, objectConnlimit, objectSynproxy = 2, 4, 5, 10
)

// objref refers to an object by name, or by what a map has for a key (net/netfilter/nft_objref.c).
func (d *decoder) objref(a *args) op {
	const name, sreg, setName = 2, 3, 4
	if !a.has(setName) {
		return d.object(a.text(name), a.number(1))
	}
	x := d.table.sets[a.text(setName)]
	if x == nil {
		return nil
	}
	return objectMap{lookup{d: d.later(), set: x, id: setID(x.src), from: a.register(sreg, int(x.src.KeyLen)), to: -1}}
}

func (d *decoder) object(name string, kind uint32) op {
	for _, o := range d.table.src.Objects {
		if o.Name != name || o.Type != kind {
			continue
		}
		a, err := newArgs(o.Data)
		if err != nil {
			return nil
		}
		switch kind {
		case objectQuota:
			return d.quota(a)
		case objectLimit:
			return d.limit(a)
		case objectConnlimit:
			return d.connlimit(a)
		case objectSynproxy:
			return d.synproxy(a)
		}
		return nothing{}
	}
	return nil
}

// objectMap finds its object by a key.
type objectMap struct{ lookup lookup }

func (m objectMap) run(x *exec) result {
	f := x.find(m.lookup.set, m.lookup.id, m.lookup.from)
	if !f.certain() {
		return either(x.regs.why(m.lookup.from))
	}
	i := m.lookup.set.catchAll
	if len(f.hits) == 1 {
		i = f.hits[0]
	}
	if i < 0 {
		return result{fate: brk}
	}
	o := m.lookup.d.object(m.lookup.set.src.Elements[i].Object, m.lookup.set.src.ObjectType)
	if o == nil {
		return either("the object is not known")
	}
	return o.run(x)
}

// synproxy answers for the host until a connection stands (net/netfilter/nft_synproxy.c).
type synproxy struct{}

func (d *decoder) synproxy(*args) op {
	d.does("synproxy")
	return synproxy{}
}

func (synproxy) run(x *exec) result {
	if protocolNumber(x.r.p.Protocol) != protoTCP {
		return result{fate: brk}
	}
	return result{fate: undecided, why: "a proxy answers first, and begins the connection again"}
}
