package reach

import (
	"encoding/binary"
	"net/netip"
)

// info is the structure that a match or target of x_tables is told with (NFTA_MATCH_INFO), in the machine's byte order.
// What lies behind its end is 0.
type info []byte

func (b info) u8(at int) byte {
	if at >= len(b) {
		return 0
	}
	return b[at]
}

func (b info) u16(at int) uint16 {
	if at+2 > len(b) {
		return 0
	}
	return binary.NativeEndian.Uint16(b[at:])
}

func (b info) u32(at int) uint32 {
	if at+4 > len(b) {
		return 0
	}
	return binary.NativeEndian.Uint32(b[at:])
}

func (b info) bytes(at, n int) []byte {
	out := make([]byte, n)
	if at < len(b) {
		copy(out, b[at:])
	}
	return out
}

// xtMatch is a match of x_tables that was decoded.
type xtMatch func(x *exec) result

func (m xtMatch) run(x *exec) result { return m(x) }

// always is one that looks at what is known once it is asked.
func always(f func(x *exec) tri, why string) xtMatch {
	return func(x *exec) result { return matches(f(x), why) }
}

// match is one that iptables-nft leaves in the form of x_tables (net/netfilter/nft_compat.c).
func (d *decoder) match(a *args) op {
	const name, rev, data = 1, 2, 3
	n := a.text(name)
	decode, ok := xtMatches[n]
	if !ok {
		return xtMatch(func(*exec) result { return either("the match " + n + " of x_tables is not known") })
	}
	if len(a.of[data]) < xtLeast[n] || d.rule == nil {
		return nil
	}
	d.rule.sources = append(d.rule.sources, xtSources(n, info(a.of[data]))...)
	return decode(int(a.number(rev)), info(a.of[data]))
}

// xtLeast is how long the structures are at least.
var xtLeast = map[string]int{
	"tcp": 12, "udp": 9, "udplite": 9, "sctp": 68, "dccp": 15, "multiport": 32, "conntrack": 152, "state": 4, "addrtype": 8, "limit": 8,
	"hashlimit": 20, "connlimit": 20, "recent": 10, "mark": 9, "connmark": 9, "pkttype": 8, "iprange": 65, "rpfilter": 1, "devgroup": 20, "quota": 4,
}

// xtMatches are those that are known; others, such as set, mac, ttl, owner, string or time, look at what is not.
var xtMatches = map[string]func(rev int, b info) op{
	"comment":   func(int, info) op { return nothing{} },
	"tcp":       xtTCP,
	"udp":       xtUDP,
	"udplite":   xtUDP,
	"sctp":      xtSCTP,
	"dccp":      xtDCCP,
	"multiport": xtMultiport,
	"conntrack": xtConntrack,
	"state":     xtState,
	"addrtype":  xtAddrtype,
	"limit":     func(int, info) op { return bounded{true, "up to its limit"} },
	"hashlimit": xtHashlimit,
	"connlimit": xtConnlimit,
	"recent":    xtRecent,
	"mark":      xtMark,
	"connmark":  xtConnmark,
	"pkttype":   xtPkttype,
	"iprange":   xtIPRange,
	"rpfilter":  xtRPFilter,
	"devgroup":  xtDevgroup,
	"quota":     xtQuota,
	"icmp":      func(int, info) op { return matchOp{no, ""} },
	"icmp6":     func(int, info) op { return matchOp{no, ""} },
}

// portBits are the packet's source or destination port.
func (x *exec) portBits(source bool) bits {
	t := x.r.lay.transport
	if source {
		return x.path.st.frame(t, t+2)
	}
	return x.path.st.frame(t+2, t+4)
}

func (x *exec) portWithin(source bool, from, to uint16) tri {
	return x.portBits(source).within(binary.BigEndian.AppendUint16(nil, from), binary.BigEndian.AppendUint16(nil, to))
}

func (t tri) xor(invert bool) tri {
	if invert {
		return t.not()
	}
	return t
}

const portWhy = "the source port is not known"

// xtTCP is struct xt_tcp of linux/netfilter/xt_tcpudp.h: source and destination ports from and to, an option, a mask of
// flags and what they are to be, what is inverted.
func xtTCP(_ int, b info) op {
	return always(func(x *exec) tri {
		inv := b.u8(11)
		t := x.portWithin(true, b.u16(0), b.u16(2)).xor(inv&1 != 0)
		t = t.and(x.portWithin(false, b.u16(4), b.u16(6)).xor(inv&2 != 0))
		if mask := b.u8(9); mask != 0 {
			at := x.r.lay.transport + 13
			f := x.path.st.frame(at, at+1).clone()
			f.val[0], f.known[0] = f.val[0]&mask, f.known[0]|^mask
			t = t.and(f.equals([]byte{b.u8(10)}).xor(inv&4 != 0))
		}
		if b.u8(8) != 0 {
			t = t.and(maybe)
		}
		return t
	}, "the source port, the TCP flags or the options are not known")
}

// xtUDP is struct xt_udp of the same file.
func xtUDP(_ int, b info) op {
	return always(func(x *exec) tri {
		inv := b.u8(8)
		t := x.portWithin(true, b.u16(0), b.u16(2)).xor(inv&1 != 0)
		return t.and(x.portWithin(false, b.u16(4), b.u16(6)).xor(inv&2 != 0))
	}, portWhy)
}

// xtSCTP is struct xt_sctp_info of linux/netfilter/xt_sctp.h: destination ports, source ports, chunks, flags at 60.
func xtSCTP(_ int, b info) op {
	return always(func(x *exec) tri {
		t, flags, inv := yes, b.u32(60), b.u32(64)
		if flags&1 != 0 {
			t = t.and(x.portWithin(true, b.u16(4), b.u16(6)).xor(inv&1 != 0))
		}
		if flags&2 != 0 {
			t = t.and(x.portWithin(false, b.u16(0), b.u16(2)).xor(inv&2 != 0))
		}
		if flags&4 != 0 {
			t = t.and(maybe)
		}
		return t
	}, "the source port or the chunks are not known")
}

// xtDCCP is struct xt_dccp_info of linux/netfilter/xt_dccp.h: destination ports, source ports, flags.
func xtDCCP(_ int, b info) op {
	return always(func(x *exec) tri {
		t, flags, inv := yes, b.u16(8), b.u16(10)
		if flags&1 != 0 {
			t = t.and(x.portWithin(true, b.u16(4), b.u16(6)).xor(inv&1 != 0))
		}
		if flags&2 != 0 {
			t = t.and(x.portWithin(false, b.u16(0), b.u16(2)).xor(inv&2 != 0))
		}
		if flags&(4|8) != 0 {
			t = t.and(maybe)
		}
		return t
	}, "the source port, the type or the options are not known")
}

// xtMultiport is struct xt_multiport or xt_multiport_v1 of linux/netfilter/xt_multiport.h: which port, how many, fifteen
// ports, and since revision 1 which of them begin a range and whether all is inverted.
func xtMultiport(rev int, b info) op {
	const source, either = 0, 2
	return always(func(x *exec) tri {
		out := no
		for i := 0; i < min(int(b.u8(1)), 15); i++ {
			from := b.u16(2 + 2*i)
			to := from
			if rev >= 1 && b.u8(32+i) != 0 && i < 14 {
				i++
				to = b.u16(2 + 2*i)
			}
			if b.u8(0) == source || b.u8(0) == either {
				out = out.or(x.portWithin(true, from, to))
			}
			if b.u8(0) != source {
				out = out.or(x.portWithin(false, from, to))
			}
		}
		return out.xor(rev >= 1 && b.u8(47) != 0)
	}, portWhy)
}

// xtState is struct xt_state_info of linux/netfilter/xt_state.h.
func xtState(_ int, b info) op {
	return always(func(x *exec) tri { return truth(b.u32(0)&x.r.stateOf(&x.path.st) != 0) }, "")
}

// xtConntrack is struct xt_conntrack_mtinfo1, 2 or 3 of linux/netfilter/xt_conntrack.h: addresses and masks of the original
// direction and of replies (128 bytes), times, at 136 the protocol and ports, at 146 flags, what is inverted, states and status.
func xtConntrack(rev int, b info) op {
	const (
		flagState, flagProto, flagOrigSrc, flagOrigDst = 1, 2, 4, 8
		flagOrigSrcPort, flagOrigDstPort, flagDir      = 256, 512, 4096
		stateSNAT, stateDNAT, xtUntracked              = 64, 128, 256
	)
	flags, inv := uint32(b.u16(146)), uint32(b.u16(148))
	states := uint32(b.u16(150))
	if rev < 2 {
		states = uint32(b.u8(150))
	}
	other := flags &^ (flagState | flagProto | flagOrigSrc | flagOrigDst | flagOrigSrcPort | flagOrigDstPort | flagDir | 8192)
	return always(func(x *exec) tri {
		st, r := &x.path.st, x.r
		out := yes
		if flags&flagState != 0 {
			bit := r.stateOf(st)
			if st.track == trackUntracked {
				bit = xtUntracked
			}
			if st.dstNAT {
				bit |= stateDNAT
			}
			if st.srcNAT {
				bit |= stateSNAT
			}
			out = truth(states&bit != 0).xor(inv&flagState != 0)
		}
		if st.track != trackTracked {
			return out.and(truth(flags&flagState != 0))
		}
		and := func(flag uint32, t tri) {
			if flags&flag != 0 {
				out = out.and(t.xor(inv&flag != 0))
			}
		}
		first := &r.start.st
		from, to := r.srcAt()
		and(flagDir, yes)
		and(flagProto, truth(uint16(protocolNumber(r.p.Protocol)) == b.u16(136)))
		and(flagOrigSrc, masked(first.frame(from, to), b.bytes(0, to-from), b.bytes(16, to-from)))
		from, to = r.dstAt()
		and(flagOrigDst, masked(first.frame(from, to), b.bytes(32, to-from), b.bytes(48, to-from)))
		and(flagOrigSrcPort, xtPort(first.frame(r.lay.transport, r.lay.transport+2), rev, b, 138, 154))
		and(flagOrigDstPort, xtPort(first.frame(r.lay.transport+2, r.lay.transport+4), rev, b, 140, 156))
		if other != 0 {
			out = out.and(maybe)
		}
		return out
	}, "the connection is not known")
}

// xtPort compares with a port as it is sent, or since revision 3 with a range in the machine's order.
func xtPort(have bits, rev int, b info, at, high int) tri {
	if rev < 3 {
		return have.equals(b.bytes(at, 2))
	}
	return have.within(binary.BigEndian.AppendUint16(nil, b.u16(at)), binary.BigEndian.AppendUint16(nil, b.u16(high)))
}

// masked asks whether an address is another under a mask.
func masked(have bits, want, mask []byte) tri {
	have = have.clone()
	for i := range mask {
		have.val[i] &= mask[i]
		have.known[i] |= ^mask[i]
		want[i] &= mask[i]
	}
	return have.equals(want)
}

// xtIPRange is struct xt_iprange_mtinfo of linux/netfilter/xt_iprange.h: four addresses of 16 bytes, and flags.
func xtIPRange(_ int, b info) op {
	return always(func(x *exec) tri {
		out, flags := yes, b.u8(64)
		from, to := x.r.srcAt()
		n := to - from
		if flags&1 != 0 {
			out = out.and(x.path.st.frame(from, to).within(b.bytes(0, n), b.bytes(16, n)).xor(flags&0x10 != 0))
		}
		from, to = x.r.dstAt()
		if flags&2 != 0 {
			out = out.and(x.path.st.frame(from, to).within(b.bytes(32, n), b.bytes(48, n)).xor(flags&0x20 != 0))
		}
		return out
	}, "the source address is not known")
}

// xtAddrtype is struct xt_addrtype_info or xt_addrtype_info_v1 of linux/netfilter/xt_addrtype.h: sets of kinds of the source and
// the destination, what is inverted, whether only the interface's addresses count.
func xtAddrtype(rev int, b info) op {
	const invertSource, invertDest, ofIn, ofOut = 1, 2, 4, 8
	source, dest, flags := uint32(b.u16(0)), uint32(b.u16(2)), b.u32(4)
	if rev == 0 {
		flags = 0
		if b.u32(4) != 0 {
			flags |= invertSource
		}
		if b.u32(8) != 0 {
			flags |= invertDest
		}
	}
	of := func(kinds uint32, w word) tri {
		if w.known != ^uint32(0) {
			return maybe
		}
		return truth(kinds&(1<<w.val) != 0)
	}
	return always(func(x *exec) tri {
		out := yes
		if source != 0 {
			out = out.and(of(source, x.r.sourceType(&x.path.st)).xor(flags&invertSource != 0))
		}
		if dest != 0 {
			f := fib{flags: fibDaddr}
			if flags&ofIn != 0 {
				f.flags |= fibIIF
			}
			if flags&ofOut != 0 {
				f.flags |= fibOut
			}
			w, _ := f.addrType(x)
			out = out.and(of(dest, w).xor(flags&invertDest != 0))
		}
		return out
	}, "the kind of an address is not known")
}

// xtDevgroup is struct xt_devgroup_info of linux/netfilter/xt_devgroup.h.
func xtDevgroup(_ int, b info) op {
	return always(func(x *exec) tri {
		out, flags := yes, b.u32(0)
		if flags&1 != 0 {
			out = truth(x.r.p.In.Group&b.u32(8) == b.u32(4)).xor(flags&2 != 0)
		}
		if flags&4 != 0 {
			out = no
		}
		return out
	}, "")
}

// xtPkttype is struct xt_pkttype_info of linux/netfilter/xt_pkttype.h.
func xtPkttype(_ int, b info) op {
	return always(func(x *exec) tri { return x.path.st.pktType.is(b.u32(0)).xor(b.u32(4) != 0) }, "the kind of the packet is not known")
}

// xtMark is struct xt_mark_mtinfo1 of linux/netfilter/xt_mark.h: a mark, a mask and whether all is inverted.
func xtMark(_ int, b info) op {
	want, mask, not := b.u32(0), b.u32(4), b.u8(8) != 0
	return xtMatch(func(x *exec) result {
		st := &x.path.st
		if !st.markFresh {
			return matches(st.mark.and(mask).is(want).xor(not), "the mark is not known")
		}
		usual := brk
		if (want == 0) != not {
			usual = next
		}
		none := func(y *exec) { y.path.st.markFresh, y.path.st.mark = false, knownWord(0) }
		some := func(y *exec) { y.path.st.markFresh, y.path.st.mark = false, word{} }
		return result{alts: []alt{
			{fate: usual, apply: none},
			{fate: next, kind: assumed, why: markWhy, apply: some}, {fate: brk, kind: assumed, why: markWhy, apply: some},
		}}
	})
}

// xtConnmark is struct xt_connmark_mtinfo1 of linux/netfilter/xt_connmark.h, which is the same.
func xtConnmark(_ int, b info) op {
	return always(func(x *exec) tri {
		if x.path.st.track != trackTracked {
			return no
		}
		return x.path.st.ctMark.and(b.u32(4)).is(b.u32(0)).xor(b.u8(8) != 0)
	}, "the mark of the connection is not known")
}

// xtHashlimit is struct xt_hashlimit_mtinfo1, 2 or 3 of linux/netfilter/xt_hashlimit.h: a name, and the mode, of which one bit
// inverts.
func xtHashlimit(rev int, b info) op {
	const inverts = 1 << 4
	at := 16
	if rev >= 2 {
		at = 256 + 16
	}
	if rev == 0 || len(b) < at+4 {
		return nil
	}
	return bounded{b.u32(at)&inverts == 0, "up to its limit"}
}

// xtConnlimit is struct xt_connlimit_info of linux/netfilter/xt_connlimit.h: it matches beyond the number, or inverted up to it.
func xtConnlimit(_ int, b info) op {
	return bounded{b.u32(20)&1 != 0, "up to its number of connections"}
}

// xtQuota is struct xt_quota_info of linux/netfilter/xt_quota.h.
func xtQuota(_ int, b info) op { return bounded{b.u32(0)&1 == 0, "up to its quota"} }

// xtRecent is struct xt_recent_mtinfo of linux/netfilter/xt_recent.h: seconds, a number of hits, what to do, whether all is inverted.
// Setting always matches. Asking with a number of hits is a rate that is not reached usually; without, it is not known.
func xtRecent(_ int, b info) op {
	const set = 1 << 1
	not := b.u8(9) != 0
	switch {
	case b.u8(8)&set != 0:
		return matchOp{truth(!not), ""}
	case b.u32(4) > 1:
		return bounded{not, "as long as there are not too many in a short time"}
	}
	return matchOp{maybe, "who was seen recently is not known"}
}

// xtRPFilter is struct xt_rpfilter_info of linux/netfilter/xt_rpfilter.h.
func xtRPFilter(_ int, b info) op {
	not := b.u8(0)&(1<<3) != 0
	return xtMatch(func(x *exec) result {
		return usually(!not, assumed, x.r.wayBackWhy())
	})
}

// xtSources are the ranges of sources that a match tells apart, of both families where it does not say which.
func xtSources(name string, b info) [][2]netip.Addr {
	var out [][2]netip.Addr
	for _, n := range []int{4, 16} {
		var from, to []byte
		switch {
		case name == "iprange" && b.u8(64)&1 != 0:
			from, to = b.bytes(0, n), b.bytes(16, n)
		case name == "conntrack" && b.u16(146)&4 != 0:
			from, to = b.bytes(0, n), b.bytes(0, n)
			for i, m := range b.bytes(16, n) {
				from[i], to[i] = from[i]&m, to[i]|^m
			}
		default:
			return nil
		}
		lo, _ := netip.AddrFromSlice(from)
		hi, _ := netip.AddrFromSlice(to)
		out = append(out, [2]netip.Addr{lo, hi})
	}
	return out
}
