package firewalld

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// maxLines is how many lines a rule may have: each is a call of firewalld in either state, which with as many takes some
// 10 ms, and the whole some seconds.
const maxLines = 300

// zoneMap says which zone decides about a packet.
type zoneMap struct {
	// rest is the default zone, which has all that no other zone has.
	rest  string
	zones []zone
}

// zone is who is in a zone.
type zone struct {
	name       string
	interfaces []string
	// sources are addresses, networks, hardware addresses, and sets of addresses as ipset:NAME.
	sources []string
	// decided says that the zone's target accepts or drops all that no line of it names.
	decided bool
}

// of is the zone that an interface is in. A zone may name many by a beginning and "+".
func (m *zoneMap) of(iface string) string {
	for _, z := range m.zones {
		if slices.Contains(z.interfaces, iface) {
			return z.name
		}
	}
	for _, z := range m.zones {
		for _, pattern := range z.interfaces {
			if begin, ok := strings.CutSuffix(pattern, "+"); ok && strings.HasPrefix(iface, begin) {
				return z.name
			}
		}
	}
	return m.rest
}

// openings are what each zone has to have for a rule whose packets come in through ifaces.
func (m *zoneMap) openings(r owner.Rule, ifaces []string) map[string]opening {
	out := map[string]opening{}
	add := func(zone string, sources []netip.Prefix) {
		for _, o := range openingsIn(zone, r, sources) {
			out[o.key()] = o
		}
	}
	if len(ifaces) == 0 {
		add(m.rest, r.Sources)
	}
	for _, name := range ifaces {
		add(m.of(name), r.Sources)
	}
	for _, z := range m.zones {
		if some := z.takes(r); len(some) > 0 || len(r.Sources) == 0 && z.takesAll(r) {
			add(z.name, some)
		}
	}
	return out
}

// takesAll reports whether a zone decides by address about some of the packets of a rule from anywhere, and would
// refuse them. One whose target is to drop is there to keep its addresses out, and one that accepts needs nothing. A
// rule for some interfaces is for what is decided by interface.
func (z zone) takesAll(r owner.Rule) bool {
	return len(z.sources) > 0 && !z.decided && len(r.Interfaces) == 0
}

// takes are those sources of a rule about whose packets a zone decides by address, whatever interface they come in
// through: of a source that lies within one of the zone's it decides about all, of one that holds one of the zone's
// about some, which matter as takesAll says.
func (z zone) takes(r owner.Rule) []netip.Prefix {
	var out []netip.Prefix
	for _, source := range r.Sources {
		for _, spelled := range z.sources {
			bound, ok := parseSource(spelled)
			if !ok || !bound.Overlaps(source) {
				continue
			}
			if bound.Bits() <= source.Bits() || z.takesAll(r) {
				out = append(out, source)
				break
			}
		}
	}
	return out
}

// openingsIn are a rule's in one zone, for sources, or for anywhere where the rule has none.
func openingsIn(zone string, r owner.Rule, sources []netip.Prefix) []opening {
	action := accept("", "")
	if r.Rate != nil {
		action = accept(fmt.Sprint(r.Rate.Count), r.Rate.Per[:1])
	}
	var out []opening
	for _, ports := range r.Ports {
		base := opening{zone: zone, protocol: r.Protocol, ports: ports, rich: true, actions: []string{action}}
		if len(r.Sources) > 0 {
			for _, s := range sources {
				if base.family, base.source = familyOf(s), s; wants(r, base.family) {
					out = append(out, base)
				}
			}
			continue
		}
		switch {
		case !r.IPv6:
			base.family = "ipv4"
		case !r.IPv4:
			base.family = "ipv6"
		case r.Rate == nil && ports.First == ports.Last:
			base.rich, base.actions = false, nil
		}
		out = append(out, base)
	}
	return out
}

// wants reports whether a rule is for a family.
func wants(r owner.Rule, family string) bool {
	return family == "ipv4" && r.IPv4 || family == "ipv6" && r.IPv6
}

// Lines are a rule's in the zones that decide about its packets. By interface these are, of a rule that names
// interfaces, the zones that these are in; otherwise those of the interfaces with a default route; where there is none,
// those of all interfaces that are up, but for the loopback; where there is none either, the default zone. What counts
// is the zone now: where an interface is after a reload, its connection's settings may say, which are not firewalld's.
//
// Sources that a zone is bound to come before interfaces. So a source of the rule that lies within one of these has its
// line in that zone, too; one that is wider, and a rule from anywhere, unless it names interfaces, has one in each zone
// that would otherwise refuse some of its packets, but not in one that by its target drops or accepts everything. Which
// addresses are in a set (ipset) that a zone is bound to, and who has a hardware address, is not looked at.
//
// In an image there are no routes, and a rule that names no interface is for the default zone.
func (Owner) Lines(ctx context.Context, v host.View, r owner.Rule) ([]owner.Line, error) {
	if r.Rate != nil && r.Rate.Count == 1 && r.Rate.Per == "day" {
		return nil, fmt.Errorf("cannot let in %s: firewalld takes that for too slow: use 1/hour or 2/day", r.Rate)
	}
	m, err := zoneMapOf(ctx, v)
	if err != nil {
		return nil, err
	}
	ifaces := r.Interfaces
	if len(ifaces) == 0 {
		if ifaces, err = outward(ctx, v); err != nil {
			return nil, err
		}
	}
	os := m.openings(r, ifaces)
	if len(os) > maxLines {
		return nil, fmt.Errorf("cannot write %d lines for one rule (%d ranges of ports, %d sources, %d zones): firewalld takes "+
			"each by a call of its own, and %d are the most: write wider networks or ranges, or bind the sources to a zone as "+
			"an ipset", len(os), len(r.Ports), len(r.Sources), len(zonesOf(os)), maxLines)
	}
	out := make([]owner.Line, 0, len(os))
	for _, key := range slices.Sorted(maps.Keys(os)) {
		out = append(out, os[key].line())
	}
	return out, nil
}

// zoneMapOf is how packets get to zones, in the daemon or in the files of an image.
func zoneMapOf(ctx context.Context, v host.View) (*zoneMap, error) {
	type key struct{}
	type found struct {
		m   *zoneMap
		err error
	}
	f := host.Once(v.Files, key{}, func() found {
		if v.Offline {
			m, err := imageZones(v.Files)
			return found{m, err}
		}
		m, err := activeZones(ctx, v)
		return found{m, err}
	})
	return f.m, f.err
}

// activeZones asks the daemon.
func activeZones(ctx context.Context, v host.View) (*zoneMap, error) {
	d, err := dial(ctx, v)
	if err != nil {
		return nil, err
	}
	if err := d.healthy(ctx); err != nil {
		return nil, err
	}
	m := &zoneMap{}
	if m.rest, err = get[string](ctx, d, mainPath, busName+".getDefaultZone"); err != nil {
		return nil, err
	}
	active, err := get[map[string]map[string][]string](ctx, d, mainPath, zoneIface+".getActiveZones")
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(active)) {
		z := zone{name: name, interfaces: active[name]["interfaces"], sources: active[name]["sources"]}
		if len(z.sources) > 0 {
			if z.decided, err = d.decided(ctx, name); err != nil {
				return nil, err
			}
		}
		m.zones = append(m.zones, z)
	}
	return m, nil
}
