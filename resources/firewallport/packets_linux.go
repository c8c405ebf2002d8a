package firewallport

import (
	"math"
	"net/netip"
	"slices"

	"github.com/agent0-converge/agent0-converge/resources/firewallport/link"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/reach"
)

// packets are new connections that stand for all that a rule lets in: by each interface, to an address of each family, from
// the ends of each source, to the ends of each range.
func (p *proof) packets(r owner.Rule) func(func(reach.Packet) bool) {
	return func(yield func(reach.Packet) bool) {
		for _, l := range p.outside(r.Interfaces) {
			for _, to := range oneOfEach(l, r) {
				for _, from := range p.sources(r, l, to.Is4()) {
					for _, port := range endsOf(r.Ports) {
						packet := packetOn(l)
						packet.Protocol, packet.Src, packet.Dst, packet.DstPort = r.Protocol, from, to, port
						if !yield(packet) {
							return
						}
					}
				}
			}
		}
	}
}

// packetOn is a packet that comes in by an interface.
func packetOn(l link.Interface) reach.Packet {
	return reach.Packet{In: reach.Interface{Name: l.Name, Index: l.Index, Type: l.Type, Group: l.Group, Addrs: addressesOf(l)}}
}

// outside are the interfaces by which packets come in: those that are named, else those through which others come.
func (p *proof) outside(names []string) []link.Interface {
	if len(names) == 0 {
		if ways := link.Outward(p.links); len(ways) > 0 {
			return ways
		}
		return []link.Interface{unconnected()}
	}
	return slices.DeleteFunc(slices.Clone(p.links), func(l link.Interface) bool { return !l.Up || !slices.Contains(names, l.Name) })
}

// someInterface is no name that an interface has.
const someInterface = "(any)"

// unconnected stands for the interface that a host without one will have: none of those that rules name. Its addresses
// are for documentation, so nobody's (RFC 5737, RFC 3849).
func unconnected() link.Interface {
	return link.Interface{Name: someInterface, Index: math.MaxInt32, Up: true, Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24"), netip.MustParsePrefix("2001:db8::1/64")}}
}

func addressesOf(l link.Interface) []netip.Addr {
	var out []netip.Addr
	for _, a := range l.Addresses {
		out = append(out, a.Addr())
	}
	return out
}

// oneOfEach is an address of the interface for each family that the rule lets in; one that others can reach if there is.
func oneOfEach(l link.Interface, r owner.Rule) []netip.Addr {
	var v4, v6 netip.Addr
	for _, a := range addressesOf(l) {
		switch {
		case a.Is4() && r.IPv4 && !v4.IsValid():
			v4 = a
		case a.Is6() && r.IPv6 && (!v6.IsValid() || v6.IsLinkLocalUnicast()):
			v6 = a
		}
	}
	return slices.DeleteFunc([]netip.Addr{v4, v6}, func(a netip.Addr) bool { return !a.IsValid() })
}

// mostSources bounds how many sources stand for "from anywhere".
const mostSources = 32

// sources are addresses of one family that stand for all that a rule lets in.
func (p *proof) sources(r owner.Rule, l link.Interface, v4 bool) []netip.Addr {
	var out []netip.Addr
	for _, s := range r.Sources {
		if s.Addr().Is4() == v4 && len(out) < mostSources {
			out = append(out, within(s)...)
		}
	}
	if len(r.Sources) > 0 {
		return out
	}
	for _, a := range l.Addresses { // a neighbour
		if a.Addr().Is4() == v4 && !a.IsSingleIP() && !a.Addr().IsLinkLocalUnicast() {
			out = append(out, slices.DeleteFunc(within(a.Masked()), func(n netip.Addr) bool { return n == a.Addr() })...)
		}
	}
	elsewhere := netip.MustParseAddr("203.0.113.7") // for documentation, too
	if !v4 {
		elsewhere = netip.MustParseAddr("2001:db8:ffff::7")
	}
	return append(out, elsewhere)
}

// within are an address near either end of a network: its first and last ones are often the network's own.
func within(p netip.Prefix) []netip.Addr {
	if p.IsSingleIP() {
		return []netip.Addr{p.Addr()}
	}
	b := p.Masked().Addr().AsSlice()
	for bit := p.Bits(); bit < len(b)*8; bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	last, _ := netip.AddrFromSlice(b)
	if p.Addr().BitLen()-p.Bits() == 1 {
		return []netip.Addr{p.Masked().Addr(), last}
	}
	return []netip.Addr{p.Masked().Addr().Next(), last.Prev()}
}

func endsOf(ranges []owner.Range) []uint16 {
	var out []uint16
	for _, r := range ranges {
		out = append(out, r.First)
		if r.Last != r.First {
			out = append(out, r.Last)
		}
	}
	return out
}
