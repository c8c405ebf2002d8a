package guard

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// session is a TCP connection as this host has it.
type session struct {
	Local  netip.AddrPort `json:"local"`
	Remote netip.AddrPort `json:"remote"`
}

// local reports whether it comes from this host itself.
func (s session) local() bool {
	return s.Remote.Addr().IsLoopback() || s.Remote.Addr() == s.Local.Addr()
}

func within(all []session, s session) bool { return slices.Contains(all, s) }
func anyLocal(all []session) bool          { return slices.ContainsFunc(all, session.local) }

// scene is who could be cut off by a change.
type scene struct {
	// ports are those on which sshd listens, or through which the operator came.
	ports []uint16
	// own are the operator's connections, all those to these ports.
	own, all []session
}

// sessions are those that a change must not cut off: the operator's, or where the operator has none all.
func (s scene) sessions() []session {
	if len(s.own) > 0 {
		return s.own
	}
	return s.all
}

// mightCut reports whether a change might keep new connections to one of the ports out.
func (s scene) mightCut(o owner.Owner, running Swap) bool {
	return slices.ContainsFunc(s.ports, func(port uint16) bool { return o.Narrows(running.Out, running.In, port) })
}

// look finds who could be cut off.
func look(ctx context.Context, v host.View) (scene, error) {
	conns, err := connections(ctx, v)
	if err != nil {
		return scene{}, err
	}
	ports, err := sshPorts(ctx, v, conns)
	if err != nil {
		return scene{}, err
	}
	mine, err := operator(v.Files)
	if err != nil {
		return scene{}, err
	}
	s := scene{}
	for _, one := range mine {
		if live(conns, one) {
			s.own = append(s.own, one)
			ports = append(ports, one.Local.Port())
		}
	}
	slices.Sort(ports)
	s.ports = slices.Compact(ports)
	for _, c := range conns {
		if c.established() && slices.Contains(s.ports, c.Local.Port()) {
			s.all = append(s.all, c.session)
		}
	}
	return s, nil
}

func live(conns []connection, s session) bool {
	return slices.ContainsFunc(conns, func(c connection) bool { return c.established() && c.session == s })
}

// sessionsOf are the connections that are there, or on their way.
func sessionsOf(conns []connection) []session {
	all := []session{}
	for _, c := range conns {
		if c.state != listening {
			all = append(all, c.session)
		}
	}
	return all
}

// probes are new connections from where the sessions come from, to where they go to.
func (s scene) probes() []Probe {
	var all []Probe
	for _, one := range s.sessions() {
		all = append(all, Probe{From: one.Remote.Addr(), To: one.Local})
	}
	slices.SortFunc(all, func(a, b Probe) int { return cmp.Or(a.From.Compare(b.From), a.To.Compare(b.To)) })
	return slices.Compact(all)
}

// sample is who of a sample was let in before a change, asked only where nobody is connected.
type sample struct {
	in  []Probe
	err error
}

// sampled judges the sample.
func (g Guard) sampled(ctx context.Context, v host.View, at scene) (s sample) {
	if len(at.sessions()) > 0 || g.Judge == nil || g.Sample == nil {
		return s
	}
	for _, port := range at.ports {
		all, err := g.Sample(ctx, v, port)
		if err != nil {
			s.err = err
			return s
		}
		for _, p := range all {
			accepted, _, err := g.Judge(ctx, v, p)
			if err != nil {
				s.err = err
				return s
			}
			if accepted {
				s.in = append(s.in, p)
			}
		}
	}
	return s
}

// verdict evaluates the packet filter as it is now. With somebody connected, all of them must be let in anew. With nobody, a
// host must stay reachable for one of those who could reach it before.
func (g Guard) verdict(ctx context.Context, v host.View, at scene, before sample) verdict {
	if g.Judge == nil || len(at.sessions()) == 0 && g.Sample == nil {
		return verdict{why: "whether a new connection is let in cannot be told here"}
	}
	if before.err != nil {
		return verdict{why: fmt.Sprintf("whether a new connection was let in before cannot be told: %v", before.err)}
	}
	if len(at.sessions()) == 0 {
		return g.reachable(ctx, v, before.in)
	}
	for _, p := range at.probes() {
		accepted, why, err := g.Judge(ctx, v, p)
		switch {
		case err != nil:
			return verdict{why: fmt.Sprintf("whether a new connection is let in cannot be told: %v", err)}
		case !accepted:
			return verdict{why: fmt.Sprintf("a new connection from %s to port %d would be kept out: %s", p.From, p.To.Port(), why)}
		}
	}
	return verdict{fine: true}
}

// reachable judges those who could get in before.
func (g Guard) reachable(ctx context.Context, v host.View, before []Probe) verdict {
	var reasons []string
	for _, p := range before {
		accepted, why, err := g.Judge(ctx, v, p)
		if err != nil {
			return verdict{why: fmt.Sprintf("whether a new connection is let in cannot be told: %v", err)}
		}
		if accepted {
			return verdict{fine: true}
		}
		reasons = append(reasons, why)
	}
	if len(before) == 0 {
		return verdict{fine: true} // it was closed to all of them
	}
	return verdict{why: "nobody could log in any more who could before: " + strings.Join(slices.Compact(reasons), "; ")}
}
