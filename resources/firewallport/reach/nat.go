package reach

import "bytes"

// nat translates the address or the port (net/netfilter/nft_nat.c, nft_redir.c). The registers are -1 where it does not.
type nat struct {
	source             bool
	family             uint32
	addrMin, addrMax   int
	protoMin, protoMax int
	netmap             bool
}

func (d *decoder) nat(a *args) op {
	const kindOf, family, addrMin, addrMax, protoMin, protoMax, flags, netmap = 1, 2, 3, 4, 5, 6, 7, 1 << 6
	n := nat{source: a.number(kindOf) == 0, family: a.number(family), netmap: a.number(flags)&netmap != 0}
	size := 4
	if n.family == 10 {
		size = 16
	}
	n.addrMin, n.addrMax = a.optional(addrMin, size), a.optional(addrMax, size)
	n.protoMin, n.protoMax = a.optional(protoMin, 2), a.optional(protoMax, 2)
	if n.source {
		d.does("snat")
	} else {
		d.does("dnat")
	}
	return n
}

func (n nat) run(x *exec) result {
	if n.family != 1 && n.family != uint32(x.r.family()) {
		return result{}
	}
	var to translation
	size := 4
	if !x.r.lay.v4 {
		size = 16
	}
	if n.addrMin >= 0 {
		to.addr = x.span(n.addrMin, n.addrMax, size)
		if n.netmap {
			to.addr = unknownBits(size)
		}
	}
	if n.protoMin >= 0 {
		to.port = x.span(n.protoMin, n.protoMax, 2)
	}
	return x.translate(to, n.source)
}

// span is what all values from one register to another have in common: their first bits.
func (x *exec) span(from, to, n int) bits {
	a := x.regs.get(from, n).clone()
	if to < 0 || to == from {
		return a
	}
	return common(a, x.regs.get(to, n))
}

func common(a, b bits) bits {
	out := unknownBits(a.len())
	for i := range a.val {
		for bit := byte(0x80); bit > 0; bit >>= 1 {
			if a.known[i]&b.known[i]&bit == 0 || (a.val[i]^b.val[i])&bit != 0 {
				return out
			}
			out.known[i] |= bit
			out.val[i] |= a.val[i] & bit
		}
	}
	return out
}

// translation is a new address and port; none where val is nil.
type translation struct {
	addr, port bits
	home       bool // the address, whichever, is this host's
}

// translate applies it: what follows sees the new ones, and no further nat chain is asked.
func (x *exec) translate(to translation, source bool) result {
	st, t := &x.path.st, x.r.lay.transport
	if source {
		st.srcNAT, st.srcDone = true, true
		if to.addr.val != nil {
			from, _ := x.r.srcAt()
			st.set(from, to.addr)
		}
		st.set(t, unknownBits(2))
		return result{fate: accept}
	}
	from, end := x.r.dstAt()
	was := st.frame(from, end).clone()
	wasPort := st.frame(t+2, t+4).clone()
	if to.addr.val != nil {
		st.set(from, to.addr)
		st.home = to.home
	}
	if to.port.val != nil {
		st.set(t+2, to.port)
	}
	st.dstDone = true
	// The kernel notes a translation only where there is a difference.
	st.dstNAT = !bytes.Equal(was.val, st.val[from:end]) || !bytes.Equal(was.known, st.known[from:end]) ||
		!bytes.Equal(wasPort.val, st.val[t+2:t+4]) || !bytes.Equal(wasPort.known, st.known[t+2:t+4])
	return result{fate: accept}
}

// redir sends a packet to this host itself, perhaps to another port.
type redir struct{ protoMin, protoMax int }

func (d *decoder) redir(a *args) op {
	const protoMin, protoMax = 1, 2
	d.does("redirect")
	return redir{a.optional(protoMin, 2), a.optional(protoMax, 2)}
}

func (n redir) run(x *exec) result {
	to := x.redirected()
	if n.protoMin >= 0 {
		to.port = x.span(n.protoMin, n.protoMax, 2)
	}
	return x.translate(to, false)
}

// redirected is the address to which a redirect sends: the first of the interface (net/netfilter/nf_nat_redirect.c), which of
// several is not known.
func (x *exec) redirected() translation {
	size := 16
	if x.r.lay.v4 {
		size = 4
	}
	var own [][]byte
	for _, a := range x.r.p.In.Addrs {
		if a.Is4() == x.r.lay.v4 && !a.IsLinkLocalUnicast() {
			own = append(own, a.AsSlice())
		}
	}
	to := translation{addr: unknownBits(size), home: true}
	if len(own) == 1 || len(own) > 0 && x.r.lay.v4 {
		to.addr = knownBits(own[0])
	}
	return to
}

// masq translates the source to the address of the interface that a packet leaves by: not of one that comes in.
func (d *decoder) masq(*args) op {
	d.does("masquerade")
	return decides{result{fate: accept}}
}

// tproxy hands the packet to a socket of this host, if there is one (net/netfilter/nft_tproxy.c).
type tproxy struct {
	family uint32
	port   int
}

func (d *decoder) tproxy(a *args) op {
	const family, port = 1, 3
	d.does("hand to a proxy")
	return tproxy{a.number(family), a.optional(port, 2)}
}

func (t tproxy) run(x *exec) result {
	if p := protocolNumber(x.r.p.Protocol); p != protoTCP && p != protoUDP {
		return result{fate: brk}
	}
	if t.family != 0 && t.family != 1 && t.family != uint32(x.r.family()) {
		return result{fate: brk}
	}
	var port bits
	if t.port >= 0 {
		port = x.regs.get(t.port, 2)
	} else {
		at := x.r.lay.transport
		port = x.path.st.frame(at+2, at+4)
	}
	return proxied(port)
}

func proxied(port bits) result {
	number := uint16(0)
	if port.certain() {
		number = uint16(port.val[0])<<8 | uint16(port.val[1])
	}
	why := "whether the socket of a proxy is open is not known"
	return result{alts: []alt{
		{fate: next, kind: unsure, why: why, apply: func(y *exec) { y.path.st.proxied, y.path.st.socket = true, number }},
		{fate: brk, kind: unsure, why: why},
	}}
}
