package reach

import "encoding/binary"

// What meta knows (enum nft_meta_keys).
const (
	metaLen, metaProtocol, metaPriority, metaMark, metaIIF, metaOIF, metaIIFName, metaOIFName = 0, 1, 2, 3, 4, 5, 6, 7
	metaIIFType, metaOIFType, metaNFTrace, metaNFProto, metaL4Proto                           = 8, 9, 12, 15, 16
	metaPktType, metaIIFGroup, metaOIFGroup, metaIIFKind, metaOIFKind, metaTimeNS             = 19, 21, 22, 26, 27, 30
	metaSDIFName                                                                              = 34
)

// metaLoad loads what the kernel knows of a packet beside its content (net/netfilter/nft_meta.c).
type metaLoad struct {
	reg int
	key uint32
}

// metaStore changes that.
type metaStore struct {
	reg int
	key uint32
}

func (d *decoder) meta(a *args) op {
	const dreg, key, sreg = 1, 2, 3
	k := a.number(key)
	if a.has(sreg) {
		return metaStore{a.register(sreg, 4), k}
	}
	return metaLoad{a.register(dreg, metaSize(k)), k}
}

// metaSize is how many bytes are loaded.
func metaSize(key uint32) int {
	switch key {
	case metaIIFName, metaOIFName, metaIIFKind, metaOIFKind, metaSDIFName:
		return ifNameSize
	case metaTimeNS:
		return 8
	case metaProtocol, metaIIFType:
		return 2
	case metaNFProto, metaL4Proto, metaPktType:
		return 1
	}
	return 4
}

func (m metaLoad) run(x *exec) result {
	p := &x.r.p
	switch m.key {
	case metaMark:
		return m.mark(x)
	case metaProtocol:
		x.regs.put(m.reg, x.path.st.frame(etherLen-2, etherLen), "")
	case metaNFProto:
		x.regs.put(m.reg, knownBits([]byte{x.r.family()}), "")
	case metaL4Proto:
		x.regs.put(m.reg, knownBits([]byte{protocolNumber(p.Protocol)}), "")
	case metaIIF:
		x.regs.put(m.reg, x.r.index().bits(), "the number of the interface")
	case metaIIFName:
		x.regs.put(m.reg, x.r.nameBits(), "the interface")
	case metaIIFType:
		t := p.In.Type
		if t == 0 {
			t = 1 // ARPHRD_ETHER
		}
		x.regs.put(m.reg, knownBits(binary.NativeEndian.AppendUint16(nil, t)), "")
	case metaIIFGroup:
		x.regs.put(m.reg, knownWord(p.In.Group).bits(), "")
	case metaPktType:
		x.regs.put(m.reg, x.path.st.pktType.bits().slice(lowest(), lowest()+1), "the kind of the packet")
	case metaOIF, metaOIFName:
		// It does not go out. Kernels before 5.4 had this end the rule.
		x.regs.put(m.reg, knownBits(make([]byte, metaSize(m.key))), "")
	case metaOIFType, metaOIFGroup, metaOIFKind:
		return result{fate: brk}
	case metaNFTrace:
		x.regs.put(m.reg, bits{[]byte{0}, []byte{0xfe}}, "whether the packet is traced")
	case metaLen, metaPriority:
		x.regs.put(m.reg, unknownBits(4), metaName(m.key))
	default:
		x.regs.put(m.reg, unknownBits(metaSize(m.key)), metaName(m.key))
		return either(metaName(m.key) + " is not known")
	}
	return result{}
}

// markWhy says what is assumed of a mark.
const markWhy = "the packet comes without a mark"

func (m metaLoad) mark(x *exec) result {
	return x.withMark(func(y *exec) { y.regs.put(m.reg, y.path.st.mark.bits(), "the mark") })
}

// withMark calls f once it is settled what the mark is. A packet from outside comes with none, unless traffic control or the
// like gave it one.
func (x *exec) withMark(f func(y *exec)) result {
	if !x.path.st.markFresh {
		f(x)
		return result{}
	}
	settle := func(w word) func(*exec) {
		return func(y *exec) {
			y.path.st.markFresh, y.path.st.mark = false, w
			f(y)
		}
	}
	return result{alts: []alt{
		{fate: next, apply: settle(knownWord(0))},
		{fate: next, kind: assumed, why: markWhy, apply: settle(word{})},
	}}
}

// metaName is a key in words.
func metaName(key uint32) string {
	names := map[uint32]string{
		metaLen: "the length", metaPriority: "the priority", 10: "the user", 11: "the group", 20: "the CPU",
		23: "the control group", 24: "the number that is drawn", 25: "IPsec", metaIIFKind: "the kind of the interface",
		30: "the time", 31: "the day", 32: "the hour", 13: "the realm", 14: "the security mark",
	}
	if n := names[key]; n != "" {
		return n
	}
	return "what it looks at"
}

// family is NFPROTO_IPV4 or NFPROTO_IPV6.
func (r *run) family() byte {
	if r.lay.v4 {
		return 2
	}
	return 10
}

func (r *run) index() word {
	if r.p.In.Index == 0 {
		return word{}
	}
	return knownWord(uint32(r.p.In.Index))
}

// lowest is where the machine has the lowest byte of a word.
func lowest() int {
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		return 0
	}
	return 3
}

func (m metaStore) run(x *exec) result {
	b := x.regs.get(m.reg, 4)
	switch m.key {
	case metaMark:
		x.path.st.mark, x.path.st.markFresh = wordOf(b), false
	case metaPktType:
		w := word{known: ^uint32(0xff)}
		w.val, w.known = uint32(b.val[0]), w.known|uint32(b.known[0])
		x.path.st.pktType = w
	}
	return result{} // others change nothing of the packet's way
}
