package reach

import (
	"fmt"
	"slices"
)

// What fib finds, and by what (enum nft_fib_result, nft_fib_flags).
const (
	fibOIF, fibOIFName, fibAddrType                     = 1, 2, 3
	fibSaddr, fibDaddr, fibMark, fibIIF, fibOut, fibHas = 1, 2, 4, 8, 16, 32
	typeUnicast, typeLocal                              = 1, 2 // RTN_* of linux/rtnetlink.h
)

// fib looks an address up in the routing table (net/ipv4/netfilter/nft_fib_ipv4.c).
type fib struct {
	reg           int
	result, flags uint32
}

func (d *decoder) fib(a *args) op {
	const dreg, res, flags = 1, 2, 3
	return fib{a.register(dreg, 16), a.number(res), a.number(flags)}
}

func (f fib) run(x *exec) result {
	switch {
	case f.result == fibAddrType:
		t, what := f.addrType(x)
		x.regs.put(f.reg, t.bits(), what)
		return result{}
	case f.flags&fibSaddr != 0 && f.flags&fibIIF != 0:
		return f.wayBack(x)
	}
	n := 4
	if f.result == fibOIFName {
		n = 16
	}
	if f.flags&fibHas != 0 {
		x.regs.put(f.reg, bits{[]byte{0}, []byte{0xfe}}, "the route")
		return result{}
	}
	x.regs.put(f.reg, unknownBits(n), "the route")
	return result{}
}

// addrType is the kind of the address: the packet's own is one of this host, and where the rule asks for one of the interface,
// if it is.
func (f fib) addrType(x *exec) (word, string) {
	r := x.r
	if f.flags&fibSaddr != 0 {
		return r.sourceType(&x.path.st), "the kind of the source address"
	}
	what := "the kind of the destination address"
	if r.isLocal(&x.path.st) != yes {
		return word{}, what
	}
	if f.flags&fibIIF != 0 && !slices.Contains(r.p.In.Addrs, r.p.Dst) || f.flags&fibOut != 0 {
		return word{}, what
	}
	return knownWord(typeLocal), what
}

// sourceType is unicast for who is elsewhere.
func (r *run) sourceType(s *state) word {
	src := s.frame(r.srcAt())
	a := r.p.Src
	if !src.certain() || !a.IsValid() || src.equals(a.AsSlice()) != yes {
		return word{}
	}
	if a.IsLoopback() || a == r.p.Dst || slices.Contains(r.p.In.Addrs, a) || slices.Contains(r.e.local, a) {
		return knownWord(typeLocal)
	}
	if a.IsMulticast() || a.IsUnspecified() {
		return word{}
	}
	return knownWord(typeUnicast)
}

// wayBack asks whether the route back to the source leads through the interface that the packet came by: it nearly always does.
func (f fib) wayBack(x *exec) result {
	there, missing := unknownBits(4), make([]byte, 4)
	if x.r.p.In.Index != 0 {
		there = knownWord(uint32(x.r.p.In.Index)).bits()
	}
	switch {
	case f.flags&fibHas != 0:
		there, missing = knownBits([]byte{1}), []byte{0}
	case f.result == fibOIFName:
		there, missing = x.r.nameBits(), make([]byte, ifNameSize)
	}
	why := x.r.wayBackWhy()
	return result{alts: []alt{
		{fate: next, apply: func(y *exec) { y.regs.put(f.reg, there, "the route") }},
		{fate: next, kind: assumed, why: why, apply: func(y *exec) { y.regs.put(f.reg, knownBits(missing), "the route") }},
	}}
}

func (r *run) wayBackWhy() string {
	return fmt.Sprintf("the way back to %s leads through %s", r.p.Src, r.p.In.Name)
}

// ifNameSize is IFNAMSIZ.
const ifNameSize = 16

// nameBits is the interface's name as registers have it.
func (r *run) nameBits() bits {
	if r.p.In.Name == "" {
		return unknownBits(ifNameSize)
	}
	b := make([]byte, ifNameSize)
	copy(b[:ifNameSize-1], r.p.In.Name)
	return knownBits(b)
}
