package reach

import (
	"net/netip"
	"slices"
)

// route asks whether the packet, to whatever address by now, is still for this host.
func (r *run) route(paths []path) []path {
	var out []path
	for _, p := range paths {
		switch r.isLocal(&p.st) {
		case yes:
			out = append(out, p)
		case no:
			r.leave(p)
		default:
			at := ref{why: "the address that it is sent on to is not known"}
			if p.by != nil {
				at.chain, at.rule, at.does = p.by.chain, p.by.rule, p.by.does
			}
			p.unsure = &at
			r.leave(p)
			out = append(out, p)
		}
	}
	return out
}

func (r *run) leave(p path) {
	at := ref{}
	if p.by != nil {
		at = *p.by
	}
	at.does = Redirected.String()
	r.ended++
	r.ends = append(r.ends, ending{elsewhere, &at, p})
}

// isLocal asks whether the packet's present address is one of this host.
func (r *run) isLocal(s *state) tri {
	if s.home {
		return yes
	}
	to := s.frame(r.dstAt())
	if !to.certain() {
		return maybe
	}
	a, _ := netip.AddrFromSlice(to.val)
	switch {
	case a == r.p.Dst, slices.Contains(r.p.In.Addrs, a), slices.Contains(r.e.local, a):
		return yes
	case a.IsLoopback():
		return maybe // only with route_localnet
	}
	return no
}

// dstAt and srcAt are where the frame has the addresses.
func (r *run) dstAt() (from, to int) {
	if r.lay.v4 {
		return r.lay.network + 16, r.lay.network + 20
	}
	return r.lay.network + 24, r.lay.network + 40
}

func (r *run) srcAt() (from, to int) {
	if r.lay.v4 {
		return r.lay.network + 12, r.lay.network + 16
	}
	return r.lay.network + 8, r.lay.network + 24
}
