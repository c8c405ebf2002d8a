package reach

// The headers that payload counts from (enum nft_payload_bases).
const (
	baseLink = iota
	baseNetwork
	baseTransport
)

// payload loads a part of the packet, or, with store, overwrites it (net/netfilter/nft_payload.c).
type payload struct {
	reg, base, offset, n int
	store                bool
	what4, what6         string
}

func (d *decoder) payload(a *args) op {
	const dreg, base, offset, length, sreg = 1, 2, 3, 4, 5
	p := payload{base: int(a.number(base)), offset: int(a.number(offset)), n: int(a.number(length))}
	if p.store = a.has(sreg); p.store {
		p.reg = a.register(sreg, p.n)
	} else {
		p.reg = a.register(dreg, p.n)
	}
	if p.n == 0 || p.offset < 0 || p.offset > 1<<20 {
		return nil
	}
	f := field{p.base, p.offset}
	p.what4, p.what6 = nameField(f, true), nameField(f, false)
	return &p
}

func (p *payload) run(x *exec) result {
	at, there := p.place(x.r)
	if there == no {
		return result{fate: brk}
	}
	if p.store {
		return p.write(x, at, there)
	}
	b := unknownBits(p.n)
	if at >= 0 && at < frameLen {
		from := x.path.st.frame(at, min(at+p.n, frameLen))
		copy(b.val, from.val)
		copy(b.known, from.known)
		if over := at + p.n - x.r.lay.end; over > 0 {
			there = maybe
		}
	}
	what := p.what6
	if x.r.lay.v4 {
		what = p.what4
	}
	x.regs.put(p.reg, b, what)
	if there == maybe {
		return result{alts: []alt{{fate: next, kind: unsure, why: what + " is not known"}, {fate: brk, kind: unsure, why: "whether there is " + what + " is not known"}}}
	}
	return result{}
}

// place is where the frame has it, -1 where it has it not, and whether the packet has it.
func (p *payload) place(r *run) (int, tri) {
	switch p.base {
	case baseLink:
		if r.below {
			return -1, maybe // there may be a tag of a VLAN
		}
		return p.offset, r.lay.hasLink
	case baseNetwork:
		return r.lay.network + p.offset, yes
	case baseTransport:
		return r.lay.transport + p.offset, yes
	}
	return -1, maybe
}

func (p *payload) write(x *exec, at int, there tri) result {
	if at < 0 || there == maybe || at+p.n > x.r.lay.end {
		return either("what it writes into the packet is not known")
	}
	x.path.st.set(at, x.regs.get(p.reg, p.n))
	return result{}
}

// field is a place in a header.
type field struct{ base, offset int }

// nameField names a part of the packet, in one of IPv4 or of IPv6.
func nameField(f field, v4 bool) string {
	switch {
	case f.base == baseLink:
		return "the link-layer header"
	case f.base == baseTransport:
		if n := transportFields[f.offset]; n != "" {
			return n
		}
	case f.base == baseNetwork && v4:
		if n := ipv4Fields[f.offset]; n != "" {
			return n
		}
	case f.base == baseNetwork:
		if n := ipv6Fields[f.offset]; n != "" {
			return n
		}
	}
	return "the packet's content"
}

// Fields by their offsets, in words.
var (
	transportFields = map[int]string{0: "the source port", 2: "the destination port", 13: "the set of TCP flags"}
	ipv4Fields      = map[int]string{
		1: "the type of service", 2: "the length", 4: "the identification", 8: "the time to live",
		12: "the source address", 16: "the destination address",
	}
	ipv6Fields = map[int]string{
		0: "the traffic class", 4: "the length", 7: "the hop limit", 8: "the source address", 24: "the destination address",
	}
)

// loaded is an expression that puts into a register what nobody can know beforehand, or finds nothing there.
type loaded struct {
	reg  int
	what string
}

// loads decodes one whose register is told by an attribute.
func loads(what string, dreg uint16) func(*decoder, *args) op {
	return func(_ *decoder, a *args) op { return loaded{a.register(dreg, 4), what} }
}

func (l loaded) run(x *exec) result {
	x.regs.forget(l.reg, l.what) // how much it writes is not said
	return either(l.what + " is not known")
}

// numgen and hash give numbers below a modulus (net/netfilter/nft_numgen.c, nft_hash.c).
type spread struct {
	reg    int
	modulo uint32
	offset uint32
	what   string
}

func (d *decoder) numgen(a *args) op {
	const dreg, modulus, offset = 1, 2, 4
	return spread{a.register(dreg, 4), a.number(modulus), a.number(offset), "the number that is drawn"}
}

func (d *decoder) hash(a *args) op {
	const dreg, modulus, offset = 2, 4, 6
	return spread{a.register(dreg, 4), a.number(modulus), a.number(offset), "the hash"}
}

func (s spread) run(x *exec) result {
	w := word{}
	if s.modulo > 0 && s.offset == 0 {
		for top := uint32(1) << 31; top >= s.modulo && top > 0; top >>= 1 {
			w.known |= top
		}
		if s.modulo == 1 {
			w = knownWord(0)
		}
	}
	x.regs.put(s.reg, w.bits(), s.what)
	return result{}
}

// What exthdr looks into (enum nft_exthdr_op), and its flag that only asks whether it is there.
const (
	extIPv6, extIPv4 = 0, 2
	extPresent       = 1
)

// exthdr loads from extension headers and options (net/netfilter/nft_exthdr.c). There are none of IP, as newFrame has it.
type exthdr struct {
	reg, n  int
	of      uint32
	present bool
	writes  bool
}

func (d *decoder) exthdr(a *args) op {
	const dreg, length, flags, operation, sreg = 1, 4, 5, 6, 7
	e := exthdr{n: int(a.number(length)), of: a.number(operation), present: a.number(flags)&extPresent != 0}
	if e.writes = !a.has(dreg); !e.writes {
		e.reg = a.register(dreg, max(e.n, 1))
	}
	return e
}

func (e exthdr) run(x *exec) result {
	none := e.of == extIPv6 || e.of == extIPv4
	what := "the set of options"
	switch {
	case e.writes:
		return result{} // an option of TCP is changed or taken out: nothing of the frame
	case e.present && none:
		x.regs.put(e.reg, knownBits([]byte{0}), "")
	case e.present:
		x.regs.put(e.reg, bits{[]byte{0}, []byte{0xfe}}, what)
	case none:
		return result{fate: brk}
	default:
		x.regs.put(e.reg, unknownBits(max(e.n, 1)), what)
		return either(what + " is not known")
	}
	return result{}
}
