package firewallport

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/guard"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/link"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/reach"
)

// Guard makes changes of the host's firewall, whoever owns it, such that nobody is locked out.
func Guard() guard.Guard {
	return guard.Guard{Judge: judge, Sample: sample, Owner: Owner}
}

// change makes what one owner is told. Strict refuses what nobody but a process would take back.
func change(ctx context.Context, h *host.Host, o owner.Owner, d *both, strict bool) error {
	swap := func(d delta) guard.Swap {
		out, in := d.lines()
		return guard.Swap{Out: out, In: in}
	}
	g := Guard()
	g.Strict = strict
	return g.Change(ctx, h, o, swap(d.running), swap(d.persistent))
}

// judge follows the first packet of a new connection through every rule of the host, as they are now.
func judge(ctx context.Context, v host.View, p guard.Probe) (accepted bool, why string, err error) {
	proof, err := prover(ctx, v, auto, false)
	if err != nil {
		return false, "", err
	}
	if proof.blind != nil {
		return false, proof.blind.Error(), nil
	}
	from, to := p.From.Unmap(), p.To.Addr().Unmap()
	for _, l := range proof.ways(to) {
		packet := packetOn(l)
		packet.Protocol, packet.Src, packet.Dst, packet.DstPort = "tcp", from, to, p.To.Port()
		got := proof.rules.Evaluate(packet)
		switch {
		case got.Outcome != reach.Accept:
			return false, fmt.Sprintf("%s: %s", spoken(packet), because(got)), nil
		case got.To.Port() != p.To.Port():
			return false, fmt.Sprintf("%s goes to port %d", spoken(packet), got.To.Port()), nil
		}
	}
	return true, "", nil
}

// ways are the interfaces by which packets to an address may come: the one that has it, else those through which others come.
func (p *proof) ways(to netip.Addr) []link.Interface {
	own := slices.DeleteFunc(slices.Clone(p.links), func(l link.Interface) bool { return !slices.Contains(addressesOf(l), to) })
	if len(own) > 0 {
		return own
	}
	return p.outside(nil)
}

// mostSamples bounds how many sources stand for everybody who might log in, for each address.
const mostSamples = 64

// sample are connections to a port from neighbours, from elsewhere, and from wherever rules make a difference.
func sample(ctx context.Context, v host.View, port uint16) ([]guard.Probe, error) {
	p, err := prover(ctx, v, auto, false)
	if err != nil {
		return nil, err
	}
	some, _ := p.rules.Sources()
	both := owner.Rule{IPv4: true, IPv6: true}
	var out []guard.Probe
	for _, l := range p.outside(nil) {
		for _, to := range oneOfEach(l, both) {
			from := p.sources(both, l, to.Is4())
			for i := range some {
				if a := some[i*max(1, len(some)/mostSamples)%len(some)]; a.Is4() == to.Is4() && len(from) < mostSamples {
					from = append(from, a)
				}
			}
			for _, a := range from {
				out = append(out, guard.Probe{From: a, To: netip.AddrPortFrom(to, port)})
			}
		}
	}
	return out, nil
}
