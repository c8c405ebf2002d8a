package reach

import "encoding/binary"

// target is a target of x_tables, as iptables-nft leaves it (net/netfilter/nft_compat.c).
func (d *decoder) target(a *args) op {
	const name, rev, data = 1, 2, 3
	n := a.text(name)
	decode, ok := xtTargets[n]
	if !ok {
		return nil
	}
	return decode(d, int(a.number(rev)), info(a.of[data]))
}

// xtTargets are those that are known. Those that only note something, or change what nobody here looks at, let the packet pass.
var xtTargets = map[string]func(d *decoder, rev int, b info) op{
	"REJECT":   func(d *decoder, _ int, _ info) op { return d.reject(nil) },
	"NFQUEUE":  func(d *decoder, _ int, _ info) op { return d.queue(nil) },
	"SYNPROXY": func(d *decoder, _ int, _ info) op { return d.synproxy(nil) },
	"MASQUERADE": func(d *decoder, _ int, _ info) op {
		return d.masq(nil)
	},
	"MARK": targetMark, "CONNMARK": targetConnmark, "HMARK": targetHMark,
	"DNAT": targetDNAT, "REDIRECT": targetRedirect, "SNAT": targetSNAT, "NETMAP": targetNetmap, "TPROXY": targetTProxy,
	"NOTRACK": func(d *decoder, _ int, _ info) op { return notrack{} }, "CT": targetCT,
	"LOG": targetPasses, "NFLOG": targetPasses, "TRACE": targetPasses, "TCPMSS": targetPasses, "CLASSIFY": targetPasses,
	"TEE": targetPasses, "AUDIT": targetPasses, "CHECKSUM": targetPasses, "TCPOPTSTRIP": targetPasses, "SECMARK": targetPasses,
	"CONNSECMARK": targetPasses, "IDLETIMER": targetPasses, "LED": targetPasses, "RATEEST": targetPasses,
	// TOS, TTL and HL change what is not known before, either, and SET what only the match set looks at, which is not known.
	"DSCP": targetPasses, "TOS": targetPasses, "TTL": targetPasses, "HL": targetPasses, "ECN": targetPasses, "SET": targetPasses,
}

func targetPasses(*decoder, int, info) op { return nothing{} }

// xtTarget is a target that goes on to the next rule unless it says otherwise.
type xtTarget func(x *exec) result

func (t xtTarget) run(x *exec) result { return t(x) }

// targetMark is struct xt_mark_tginfo2 of linux/netfilter/xt_mark.h: a mark and a mask of what it replaces.
func targetMark(_ *decoder, rev int, b info) op {
	if rev != 2 || len(b) < 8 {
		return nil
	}
	mark, mask := b.u32(0), b.u32(4)
	return xtTarget(func(x *exec) result {
		return x.withMark(func(y *exec) { y.path.st.mark = y.path.st.mark.and(^mask).xor(knownWord(mark)) })
	})
}

// targetConnmark is struct xt_connmark_tginfo1 or 2 of linux/netfilter/xt_connmark.h: the connection's mark, masks of that and of the
// packet's, and the mode, before which revision 2 has how to shift.
func targetConnmark(_ *decoder, rev int, b info) op {
	const set, save = 0, 1
	if rev < 1 || len(b) < 13 {
		return nil
	}
	mark, ctMask, mask, mode := b.u32(0), b.u32(4), b.u32(8), b.u8(12)
	shifts := false
	if rev >= 2 {
		shifts, mode = b.u8(13) != 0, b.u8(14)
	}
	return xtTarget(func(x *exec) result {
		if x.path.st.track != trackTracked {
			return result{}
		}
		return x.withMark(func(y *exec) {
			st := &y.path.st
			switch {
			case shifts && mode <= save:
				st.ctMark = word{}
			case shifts:
				st.mark = word{}
			case mode == set:
				st.ctMark = st.ctMark.and(^ctMask).xor(knownWord(mark))
			case mode == save:
				st.ctMark = st.ctMark.and(^ctMask).xor(st.mark.and(mask))
			default:
				st.mark = st.mark.and(^mask).xor(st.ctMark.and(ctMask))
			}
		})
	})
}

// targetHMark marks by a hash.
func targetHMark(*decoder, int, info) op {
	return xtTarget(func(x *exec) result {
		x.path.st.mark, x.path.st.markFresh = word{}, false
		return result{}
	})
}

// targetCT is struct xt_ct_target_info of linux/netfilter/xt_CT.h: flags, of which the first keeps connection tracking from looking, and
// a zone.
func targetCT(_ *decoder, _ int, b info) op {
	if b.u16(0)&1 != 0 {
		return notrack{}
	}
	if b.u16(2) == 0 {
		return nothing{}
	}
	return xtTarget(func(x *exec) result {
		x.path.st.zone = true
		return result{}
	})
}

// natRange decodes what is translated to: struct nf_nat_ipv4_multi_range_compat (revision 0 of IPv4: a number, then flags,
// two addresses of four bytes, two ports) or nf_nat_range (flags, two addresses of sixteen bytes, two ports), both of
// linux/netfilter/nf_nat.h.
func natRange(x *exec, b info, compat bool) translation {
	const mapsAddress, mapsPort, offsets, network = 1, 2, 1 << 5, 1 << 6
	at, n, size, ports := 0, 4, 16, 36
	if compat {
		at, size, ports = 4, 4, 16
	}
	if !x.r.lay.v4 {
		n = 16
	}
	flags := b.u32(at)
	var to translation
	if flags&mapsAddress != 0 {
		to.addr = common(knownBits(b.bytes(at+4, n)), knownBits(b.bytes(at+4+size, n)))
		if flags&network != 0 {
			to.addr = unknownBits(n)
		}
	}
	if flags&mapsPort != 0 {
		to.port = common(knownBits(b.bytes(ports, 2)), knownBits(b.bytes(ports+2, 2)))
		if flags&offsets != 0 {
			to.port = unknownBits(2)
		}
	}
	return to
}

func targetDNAT(d *decoder, rev int, b info) op {
	d.does("dnat")
	return xtTarget(func(x *exec) result { return x.translate(natRange(x, b, rev == 0 && x.r.lay.v4), false) })
}

func targetSNAT(d *decoder, rev int, b info) op {
	d.does("snat")
	return xtTarget(func(x *exec) result { return x.translate(natRange(x, b, rev == 0 && x.r.lay.v4), true) })
}

// targetNetmap replaces the first bits of the address: by what, is not followed.
func targetNetmap(d *decoder, _ int, _ info) op {
	d.does("netmap")
	return xtTarget(func(x *exec) result {
		from, to := x.r.dstAt()
		return x.translate(translation{addr: unknownBits(to - from)}, false)
	})
}

func targetRedirect(d *decoder, _ int, b info) op {
	d.does("redirect")
	return xtTarget(func(x *exec) result {
		to := x.redirected()
		to.port = natRange(x, b, x.r.lay.v4).port
		return x.translate(to, false)
	})
}

// targetTProxy is struct xt_tproxy_target_info or _v1 of linux/netfilter/xt_TPROXY.h: a mark and a mask of it, an address of four or
// sixteen bytes, a port.
func targetTProxy(d *decoder, rev int, b info) op {
	d.does("hand to a proxy")
	mark, mask, at := b.u32(4), b.u32(0), 12
	if rev >= 1 {
		at = 24
	}
	port := binary.BigEndian.Uint16(b.bytes(at, 2))
	return xtTarget(func(x *exec) result {
		to := x.portBits(false).clone()
		if port != 0 {
			to = knownBits(binary.BigEndian.AppendUint16(nil, port))
		}
		res := proxied(to)
		// With a socket the packet is accepted there, and without one dropped.
		open := res.alts[0].apply
		res.alts[0].fate, res.alts[1].fate = accept, drop
		res.alts[0].apply = func(y *exec) {
			open(y)
			y.path.st.mark, y.path.st.markFresh = y.path.st.mark.and(^mask).xor(knownWord(mark)), false
		}
		return res
	})
}
