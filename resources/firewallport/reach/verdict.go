package reach

import (
	"encoding/binary"
	"net/netip"
)

// verdict puts together what became of the packet on all its ways.
func (r *run) verdict(arrived []path) Verdict {
	ends := make([]ending, 0, len(arrived)+len(r.ends))
	ends = append(ends, r.ends...)
	for _, p := range arrived {
		ends = append(ends, ending{accept, p.by, p})
	}
	v := r.usual(ends)
	for _, e := range ends {
		if v.Outcome == Unknown || e.fate.outcome() == v.Outcome {
			continue
		}
		if e.path.limited != nil && e.path.assumed == nil && v.Limited == nil {
			v.Limited = e.path.limited.where()
		}
		if e.path.assumed != nil && v.Assumed == nil {
			v.Assumed = e.path.assumed.where()
		}
	}
	return v
}

// usual is the verdict that all ways agree on where no limit is exceeded and everything is as it was assumed.
func (r *run) usual(ends []ending) Verdict {
	var kept, through *ending
	unclear, mixed := false, false
	to := bits{}
	for i := range ends {
		e := &ends[i]
		if !e.path.usual() {
			continue
		}
		if e.fate != accept {
			if kept == nil {
				kept = e
			}
			mixed = mixed || e.fate != kept.fate
			unclear = unclear || e.fate == undecided
			continue
		}
		if d := r.destination(&e.path.st); through == nil {
			to = d
		} else {
			to.join(d)
		}
		if through == nil || through.by == nil || through.by.rule == nil || through.path.unsure != nil && e.path.unsure == nil {
			through = e
		}
	}
	switch {
	case kept == nil && through == nil:
		return Verdict{Outcome: Unknown} // every path has a usual one beside it
	case kept == nil:
		return Verdict{Outcome: Accept, By: through.by.where(), To: addrPort(to)}
	case through == nil && !unclear:
		v := Verdict{Outcome: kept.fate.outcome(), By: kept.by.where()}
		if mixed {
			v.Outcome, v.Unsure = Drop, kept.path.unsure.where()
		}
		return v
	}
	v := Verdict{Outcome: Unknown, By: kept.by.where()}
	v.Unsure = kept.path.unsure.where()
	return v
}

// destination is the address and port that get the packet, in one.
func (r *run) destination(s *state) bits {
	from, to := r.dstAt()
	d := s.frame(from, to).clone()
	port := s.frame(r.lay.transport+2, r.lay.transport+4)
	if s.proxied {
		port = unknownBits(2)
		if s.socket != 0 {
			port = knownBits(binary.BigEndian.AppendUint16(nil, s.socket))
		}
	}
	return bits{append(d.val, port.val...), append(d.known, port.known...)}
}

// addrPort leaves out what is not known.
func addrPort(b bits) netip.AddrPort {
	n := b.len() - 2
	var addr netip.Addr
	var port uint16
	if a := b.slice(0, n); a.certain() {
		addr, _ = netip.AddrFromSlice(a.val)
	}
	if p := b.slice(n, n+2); p.certain() {
		port = binary.BigEndian.Uint16(p.val)
	}
	return netip.AddrPortFrom(addr, port)
}
