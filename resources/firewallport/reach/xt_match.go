package reach

import (
	"encoding/binary"
	"net/netip"
)

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
