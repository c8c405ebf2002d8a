package reach

// What ct knows (enum nft_ct_keys), states and status (linux/netfilter/nf_conntrack_common.h).
const (
	ctState, ctDirection, ctStatus, ctMark, ctL3, ctSrc, ctDst = 0, 1, 2, 3, 7, 8, 9
	ctProto, ctProtoSrc, ctProtoDst, ctLabels, ctPkts, ctBytes = 10, 11, 12, 13, 14, 15
	ctAvg, ctZone, ctSrcIP, ctDstIP, ctSrcIP6, ctDstIP6        = 16, 17, 19, 20, 21, 22

	stateInvalid, stateEstablished, stateNew, stateUntracked = 1, 2, 8, 64

	statusSeenReply, statusConfirmed, statusSrcNAT, statusDstNAT = 1 << 1, 1 << 3, 1 << 4, 1 << 5
	// statusKnown are those that follow from the connection being new, or from its having been begun by the other side.
	statusKnown = 1<<0 | statusSeenReply | statusConfirmed | statusSrcNAT | statusDstNAT
)

// connection loads what connection tracking knows (net/netfilter/nft_ct.c).
type connection struct {
	reg int
	key uint32
	// dir is -1 where no direction is given, 0 for the original one and 1 for that of replies.
	dir int
}

// connectionStore changes it.
type connectionStore struct {
	reg int
	key uint32
}

func (d *decoder) ct(a *args) op {
	const dreg, key, direction, sreg = 1, 2, 3, 4
	k := a.number(key)
	if a.has(sreg) {
		return connectionStore{a.register(sreg, 4), k}
	}
	c := connection{key: k, dir: -1}
	if a.has(direction) {
		c.dir = int(a.number(direction))
	}
	c.reg = a.register(dreg, c.size(true))
	return c
}

// size is how many bytes are loaded.
func (c connection) size(v4 bool) int {
	switch c.key {
	case ctDirection, ctL3, ctProto:
		return 1
	case ctProtoSrc, ctProtoDst, ctZone:
		return 2
	case ctSrc, ctDst:
		if v4 {
			return 4
		}
		return 16
	case ctSrcIP6, ctDstIP6, ctLabels, 6: // the last is the helper's name
		return 16
	case ctPkts, ctBytes, ctAvg:
		return 8
	}
	return 4
}

func (c connection) run(x *exec) result {
	st := &x.path.st
	if c.key == ctState {
		x.regs.put(c.reg, knownWord(x.r.stateOf(st)).bits(), "")
		return result{}
	}
	if st.track != trackTracked {
		return result{fate: brk}
	}
	switch c.key {
	case ctDirection:
		x.regs.put(c.reg, knownBits([]byte{0}), "")
	case ctStatus:
		x.regs.put(c.reg, x.r.statusOf(st).bits(), "the status of the connection")
	case ctMark:
		x.regs.put(c.reg, st.ctMark.bits(), "the mark of the connection")
	case ctL3:
		x.regs.put(c.reg, knownBits([]byte{x.r.family()}), "")
	case ctProto:
		x.regs.put(c.reg, knownBits([]byte{protocolNumber(x.r.p.Protocol)}), "")
	case ctSrc, ctDst, ctProtoSrc, ctProtoDst, ctSrcIP, ctDstIP, ctSrcIP6, ctDstIP6:
		return c.tuple(x)
	case ctLabels, ctZone:
		b := unknownBits(c.size(x.r.lay.v4))
		if c.key == ctLabels && !st.labels && !x.r.p.Established || c.key == ctZone && !st.zone {
			b = knownBits(b.val)
		}
		x.regs.put(c.reg, b, "what is noted at the connection")
	case ctPkts, ctBytes, ctAvg:
		x.regs.put(c.reg, unknownBits(8), "how much the connection carried")
	default:
		x.regs.put(c.reg, unknownBits(c.size(x.r.lay.v4)), "the connection")
		return either("the connection is not known")
	}
	return result{}
}

// stateOf is the state as ct and the matches of x_tables have it, one bit.
func (r *run) stateOf(st *state) uint32 {
	switch {
	case st.track == trackUntracked:
		return stateUntracked
	case st.track == trackNone:
		return stateInvalid // as the kernel calls what has no connection
	case r.p.Established:
		return stateEstablished
	}
	return stateNew
}

func (r *run) statusOf(st *state) word {
	w := word{known: statusKnown}
	if r.p.Established {
		w.val |= statusSeenReply | statusConfirmed
	}
	if st.dstNAT {
		w.val |= statusDstNAT
	}
	if st.srcNAT {
		w.val |= statusSrcNAT
	}
	return w
}

// tuple loads addresses and ports: of the original direction those with which the packet came, of the replies those that
// it has by now, from the other side.
func (c connection) tuple(x *exec) result {
	st := &x.path.st
	v4 := c.key == ctSrcIP || c.key == ctDstIP
	v6 := c.key == ctSrcIP6 || c.key == ctDstIP6
	if v4 && !x.r.lay.v4 || v6 && x.r.lay.v4 {
		return result{fate: brk}
	}
	src := c.key == ctSrc || c.key == ctProtoSrc || c.key == ctSrcIP || c.key == ctSrcIP6
	from := &x.r.start.st
	if c.dir == 1 {
		from, src = st, !src
	}
	t := x.r.lay.transport
	var b bits
	switch {
	case c.key == ctProtoSrc || c.key == ctProtoDst:
		if b = from.frame(t+2, t+4); src {
			b = from.frame(t, t+2)
		}
	case src:
		b = from.frame(x.r.srcAt())
	default:
		b = from.frame(x.r.dstAt())
	}
	if c.reg+b.len() > registerBytes {
		return result{fate: brk}
	}
	x.regs.put(c.reg, b, "the connection's address")
	return result{}
}

func (c connectionStore) run(x *exec) result {
	st := &x.path.st
	if st.track != trackTracked && c.key != ctZone {
		return result{}
	}
	switch c.key {
	case ctMark:
		st.ctMark = wordOf(x.regs.get(c.reg, 4))
	case ctLabels:
		st.labels = true
	case ctZone:
		st.zone = true
	}
	return result{}
}

// notrack keeps connection tracking from looking.
type notrack struct{}

func (d *decoder) notrack(*args) op { return notrack{} }

func (notrack) run(x *exec) result {
	if st := &x.path.st; st.track == trackNone && x.r.hook == "prerouting" {
		st.track = trackUntracked
	}
	return result{}
}
