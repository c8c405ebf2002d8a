package reach

import (
	"bytes"
	"net/netip"
	"slices"
	"sort"

	"github.com/agent0-converge/agent0-converge/resources/firewallport/ruleset"
)

// MaxSources bounds what Sources returns, for each family.
const MaxSources = 4096

// Sources are addresses such that every address from which a packet may come is treated as one of them is: one from each stretch
// of addresses between two that some rule or set tells apart, for both families. Complete is false where that is not so:
// with more than MaxSources stretches of a family, of which then as many are returned, evenly spread, and with rules that look at parts of
// an address in other ways than by prefix, range or set.
func (e *Evaluator) Sources() (addrs []netip.Addr, complete bool) {
	b := boundaries{complete: true, done: map[setPart]bool{}}
	done := map[*table]bool{}
	for _, list := range [][]*chain{e.ingress, e.prerouting, e.input} {
		for _, c := range list {
			if !done[c.table] {
				done[c.table] = true
				b.table(c.table)
			}
		}
	}
	for _, starts := range [][]netip.Addr{append(b.v4, netip.IPv4Unspecified()), append(b.v6, netip.IPv6Unspecified())} {
		some := representatives(starts)
		if len(some) > MaxSources {
			b.complete = false
			spread := make([]netip.Addr, MaxSources)
			for i := range spread {
				spread[i] = some[i*len(some)/MaxSources]
			}
			some = spread
		}
		addrs = append(addrs, some...)
	}
	return addrs, b.complete
}

// boundaries are the first addresses of stretches.
type boundaries struct {
	v4, v6   []netip.Addr
	complete bool
	done     map[setPart]bool // many rules look into the same sets
}

type setPart struct {
	set  *index
	part int
	v4   bool
}

func (b *boundaries) table(t *table) {
	for _, c := range t.chains {
		for _, r := range c.rules {
			b.rule(t.src.Family, r)
		}
	}
}

// add notes a stretch from one address to another, of which the first bytes are given; those that are left out may be any.
func (b *boundaries) add(v4 bool, from, to []byte) {
	n, list := 16, &b.v6
	if v4 {
		n, list = 4, &b.v4
	}
	first, last := make([]byte, n), bytes.Repeat([]byte{0xff}, n)
	copy(first, from)
	copy(last, to)
	lo, _ := netip.AddrFromSlice(first)
	hi, _ := netip.AddrFromSlice(last)
	*list = append(*list, lo)
	if after := hi.Next(); after.IsValid() {
		*list = append(*list, after)
	}
}

// origin says which byte of the source address a byte of the registers is, and under which mask.
type origin struct {
	of   int // 1 to 4 of IPv4, 17 to 32 of IPv6, 0 for none
	mask byte
}

// rule follows the source address through the registers.
func (b *boundaries) rule(f ruleset.Family, r *rule) {
	for _, s := range r.sources {
		b.add(s[0].Is4(), s[0].AsSlice(), s[1].AsSlice())
	}
	var regs [registerBytes]origin
	for _, o := range r.ops {
		switch o := o.(type) {
		case *payload:
			o.origins(f, &regs)
		case connection:
			o.origins(f, &regs)
		case sets:
			clear(regs[o.to:min(o.to+len(o.v), registerBytes)])
		case bitwise:
			b.masked(o, &regs)
		case byteorder:
			clear(regs[o.to : o.to+o.n])
		case compare:
			b.compared(regs[o.at:o.at+len(o.data)], o.data, o.data, o.op == cmpEQ || o.op == cmpNEQ)
		case between:
			b.compared(regs[o.at:o.at+len(o.from)], o.from, o.to, false)
		case lookup:
			b.set(o.set, regs[o.from:])
		case objectMap:
			b.set(o.lookup.set, regs[o.lookup.from:])
		}
	}
}

// origins notes which bytes are loaded.
func (p *payload) origins(f ruleset.Family, regs *[registerBytes]origin) {
	if p.store {
		return
	}
	clear(regs[p.reg : p.reg+p.n])
	if p.base != baseNetwork {
		return
	}
	at, n, first := 12, 4, 1 // saddr of struct iphdr
	if f == ruleset.IPv6 || f != ruleset.IPv4 && p.offset == 8 {
		at, n, first = 8, 16, 17 // of struct ipv6hdr
	}
	for i := range p.n {
		if k := p.offset + i - at; k >= 0 && k < n {
			regs[p.reg+i] = origin{first + k, 0xff}
		}
	}
}

func (c connection) origins(f ruleset.Family, regs *[registerBytes]origin) {
	n, first := 16, 17
	if c.key == ctSrcIP || c.key == ctSrc && f == ruleset.IPv4 {
		n, first = 4, 1
	} else if c.key != ctSrc && c.key != ctSrcIP6 {
		clear(regs[c.reg:min(c.reg+c.size(true), registerBytes)])
		return
	}
	for i := 0; i < n && c.reg+i < registerBytes; i++ {
		regs[c.reg+i] = origin{first + i, 0xff}
	}
}

func (b *boundaries) masked(o bitwise, regs *[registerBytes]origin) {
	var out [registerBytes]origin
	copy(out[:], regs[o.from:o.from+o.n])
	for i := range o.n {
		if out[i].of == 0 {
			continue
		}
		if o.op != bitMaskXor || o.xor[i] != 0 {
			b.complete = false
			out[i] = origin{}
			continue
		}
		out[i].mask &= o.mask[i]
	}
	copy(regs[o.to:], out[:o.n])
}

// compared notes what bytes of registers are compared with. Of what is compared for being equal, each byte counts by itself.
func (b *boundaries) compared(regs []origin, from, to []byte, equal bool) {
	start := slices.IndexFunc(regs, func(o origin) bool { return o.of != 0 })
	if start < 0 {
		return
	}
	first := regs[start].of
	if first != 1 && first != 17 || start > 0 && !equal {
		b.complete = false
		return
	}
	var lo, hi []byte
	prefix := true
	for i := start; i < len(regs) && regs[i].of == first+i-start; i++ {
		m := regs[i].mask
		lo, hi = append(lo, from[i]&m), append(hi, to[i]|^m)
		if !prefix && m != 0 || ^m&(^m+1) != 0 {
			b.complete = false // no prefix
		}
		prefix = prefix && m == 0xff
	}
	b.add(first == 1, lo, hi)
}

// set notes what is in a set whose keys are, or have as a part, a source address.
func (b *boundaries) set(x *index, regs []origin) {
	for i, p := range x.fields {
		if p.at+p.n > len(regs) || p.n == 0 {
			continue
		}
		of := regs[p.at : p.at+p.n]
		start := slices.IndexFunc(of, func(o origin) bool { return o.of != 0 })
		if start < 0 {
			continue
		}
		v4 := of[0].of == 1
		if start > 0 || of[0].of != 1 && of[0].of != 17 || slices.ContainsFunc(of, func(o origin) bool { return o.mask != 0xff }) {
			b.complete = false
			continue
		}
		if b.done[setPart{x, i, v4}] {
			continue
		}
		b.done[setPart{x, i, v4}] = true
		for _, e := range x.src.Elements {
			if e.CatchAll || len(e.Key) < p.at+p.n {
				continue
			}
			from := e.Key[p.at : p.at+p.n]
			to := from
			if len(e.KeyEnd) >= p.at+p.n {
				to = e.KeyEnd[p.at : p.at+p.n]
			}
			b.add(v4, from, to) // where an interval ends is an element of its own
		}
	}
}

// representatives are one address of each stretch, where it has one from which packets may come.
func representatives(starts []netip.Addr) []netip.Addr {
	sort.Slice(starts, func(i, j int) bool { return starts[i].Less(starts[j]) })
	starts = slices.Compact(starts)
	var out []netip.Addr
	for i, a := range starts {
		a, ok := usable(a)
		if !ok || i+1 < len(starts) && !a.Less(starts[i+1]) {
			continue
		}
		out = append(out, a)
	}
	return out
}

// nowhere are prefixes from which nothing comes, and the first address behind each; the zero Addr where there is none.
var nowhere = []struct {
	prefix netip.Prefix
	after  netip.Addr
}{
	{netip.MustParsePrefix("0.0.0.0/8"), netip.MustParseAddr("1.0.0.0")},
	{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParseAddr("128.0.0.0")},
	{netip.MustParsePrefix("224.0.0.0/3"), netip.Addr{}},
	{netip.MustParsePrefix("::/127"), netip.MustParseAddr("::2")},
	{netip.MustParsePrefix("::ffff:0:0/96"), netip.MustParseAddr("::1:0:0:0")},
	{netip.MustParsePrefix("ff00::/8"), netip.Addr{}},
}

// usable is the first address from a on from which packets may come.
func usable(a netip.Addr) (netip.Addr, bool) {
	for _, n := range nowhere {
		if n.prefix.Contains(a) || n.prefix.Addr().Is4In6() && a.Is4In6() {
			return n.after, n.after.IsValid()
		}
	}
	return a, true
}
