package reach

import (
	"encoding/binary"
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
	// What looks at a header of its own, which no ordinary packet has, matches none without it, inverted or not.
	"ah":   func(int, info) op { return matchOp{no, ""} },
	"dst":  func(int, info) op { return matchOp{no, ""} },
	"esp":  func(int, info) op { return matchOp{no, ""} },
	"frag": func(int, info) op { return matchOp{no, ""} },
	"hbh":  func(int, info) op { return matchOp{no, ""} },
	"mh":   func(int, info) op { return matchOp{no, ""} },
	"rt":   func(int, info) op { return matchOp{no, ""} },
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
