package reach

import (
	"bytes"
	"encoding/binary"
)

// Operators of cmp (enum nft_cmp_ops).
const (
	cmpEQ = iota
	cmpNEQ
	cmpLT
	cmpLTE
	cmpGT
	cmpGTE
)

// compare compares a register, byte by byte, with a value (net/netfilter/nft_cmp.c).
type compare struct {
	at   int
	op   uint32
	data []byte
}

func (d *decoder) cmp(a *args) op {
	const sreg, operator, data = 1, 2, 3
	v := a.value(data)
	if len(v) == 0 {
		return nil
	}
	return compare{a.register(sreg, len(v)), a.number(operator), v}
}

func (c compare) run(x *exec) result {
	b := x.regs.get(c.at, len(c.data))
	return matches(c.ask(b), x.regs.why(c.at))
}

func (c compare) ask(b bits) tri {
	least, most := make([]byte, len(c.data)), bytes.Repeat([]byte{0xff}, len(c.data))
	switch c.op {
	case cmpEQ:
		return b.equals(c.data)
	case cmpNEQ:
		return b.equals(c.data).not()
	case cmpLT:
		return b.within(c.data, most).not()
	case cmpLTE:
		return b.within(least, c.data)
	case cmpGT:
		return b.within(least, c.data).not()
	case cmpGTE:
		return b.within(c.data, most)
	}
	return maybe
}

// why says what is not known about a register.
func (r *registers) why(at int) string {
	if what := r.what[at/4]; what != "" {
		return what + " is not known"
	}
	return "what it looks at is not known"
}

// between asks whether a register lies between two values (net/netfilter/nft_range.c).
type between struct {
	at       int
	not      bool
	from, to []byte
}

func (d *decoder) rangeOf(a *args) op {
	const sreg, operator, from, to = 1, 2, 3, 4
	r := between{not: a.number(operator) == cmpNEQ, from: a.value(from), to: a.value(to)}
	if len(r.from) == 0 || len(r.from) != len(r.to) {
		return nil
	}
	r.at = a.register(sreg, len(r.from))
	return r
}

func (r between) run(x *exec) result {
	t := x.regs.get(r.at, len(r.from)).within(r.from, r.to)
	if r.not {
		t = t.not()
	}
	return matches(t, x.regs.why(r.at))
}

// Operations of bitwise (enum nft_bitwise_ops).
const (
	bitMaskXor = iota
	bitLeft
	bitRight
	bitAnd
	bitOr
	bitXor
)

// bitwise computes with registers (net/netfilter/nft_bitwise.c).
type bitwise struct {
	from, from2, to, n int
	op                 uint32
	mask, xor, data    []byte
}

func (d *decoder) bitwise(a *args) op {
	const sreg, dreg, length, mask, xor, operation, data, sreg2 = 1, 2, 3, 4, 5, 6, 7, 8
	n := int(a.number(length))
	b := bitwise{
		from: a.register(sreg, n), to: a.register(dreg, n), from2: a.optional(sreg2, n), n: n, op: a.number(operation),
		mask: a.value(mask), xor: a.value(xor), data: a.value(data),
	}
	switch {
	case n == 0, b.op > bitXor:
		return nil
	case b.op == bitMaskXor:
		if len(b.mask) < n || len(b.xor) < n {
			return nil
		}
	case b.op == bitLeft || b.op == bitRight:
		if len(b.data) != 4 || n%4 != 0 {
			return nil
		}
	case b.from2 < 0 && len(b.data) < n:
		return nil
	}
	return b
}

func (b bitwise) run(x *exec) result {
	in := x.regs.get(b.from, b.n).clone()
	what := x.regs.what[b.from/4]
	switch b.op {
	case bitMaskXor:
		for i := range b.n {
			in.known[i] |= ^b.mask[i]
			in.val[i] = (in.val[i]&b.mask[i] ^ b.xor[i]) & in.known[i]
		}
	case bitLeft, bitRight:
		shift(in, binary.NativeEndian.Uint32(b.data)&31, b.op == bitLeft)
	default:
		other := knownBits(b.data)
		if b.from2 >= 0 {
			other = x.regs.get(b.from2, b.n)
		}
		combine(in, other, b.op)
	}
	x.regs.put(b.to, in, what)
	return result{}
}

// combine makes a what it is with another: a bit is known if both are, or one decides.
func combine(a, b bits, op uint32) {
	for i := range a.val {
		both := a.known[i] & b.known[i]
		switch op {
		case bitAnd:
			zero := a.known[i]&^a.val[i] | b.known[i]&^b.val[i]
			a.val[i], a.known[i] = a.val[i]&b.val[i], both|zero
		case bitOr:
			one := a.known[i]&a.val[i] | b.known[i]&b.val[i]
			a.val[i], a.known[i] = one|(a.val[i]|b.val[i])&both, both|one
		default:
			a.val[i], a.known[i] = (a.val[i]^b.val[i])&both, both
		}
	}
}

// shift shifts words in the machine's order, each into the next: to the left from the last to the first.
func shift(b bits, by uint32, left bool) {
	for _, part := range [][]byte{b.val, b.known} {
		var carry uint32
		n := len(part) / 4
		if &part[0] == &b.known[0] && by > 0 {
			// What is shifted in is known to be 0.
			carry = 1<<by - 1
			if !left {
				carry <<= 32 - by
			}
		}
		for k := range n {
			i := 4 * k
			if left {
				i = 4 * (n - 1 - k)
			}
			w := binary.NativeEndian.Uint32(part[i:])
			if left {
				binary.NativeEndian.PutUint32(part[i:], w<<by|carry)
				carry = uint32(uint64(w) >> (32 - by))
			} else {
				binary.NativeEndian.PutUint32(part[i:], w>>by|carry)
				carry = uint32(uint64(w) << (32 - by))
			}
		}
	}
}

// byteorder changes about the bytes of numbers, where the machine has the lowest first (net/netfilter/nft_byteorder.c).
type byteorder struct{ from, to, n, size int }

func (d *decoder) byteorder(a *args) op {
	const sreg, dreg, length, size = 1, 2, 4, 5
	n := int(a.number(length))
	b := byteorder{a.register(sreg, n), a.register(dreg, n), n, int(a.number(size))}
	if n == 0 || b.size != 2 && b.size != 4 && b.size != 8 {
		return nil
	}
	b.n -= n % b.size // the kernel changes about, and stores, whole numbers only
	return b
}

func (b byteorder) run(x *exec) result {
	v := x.regs.get(b.from, b.n).clone()
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		for i := 0; i < b.n; i += b.size {
			reverse(v.val[i : i+b.size])
			reverse(v.known[i : i+b.size])
		}
	}
	x.regs.put(b.to, v, x.regs.what[b.from/4])
	return result{}
}

func reverse(b []byte) {
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
}
