package reach

import (
	"slices"

	"github.com/agent0-converge/agent0-converge/resources/firewallport/ruleset"
)

// tracking says for which version of IP connections are tracked: only while some rule or object needs that, in whatever chain
// and also in a table that sleeps (nf_ct_netns_get of the kernel's net/netfilter/nf_conntrack_proto.c). Without it, nat chains are
// not called at all, so that not even their policies count.
type tracking struct{ v4, v6 bool }

// note takes a table into account.
func (t *tracking) note(src *ruleset.Table) {
	const helper, connlimit, timeout, expectation, synproxy = 3, 5, 7, 9, 10
	for _, o := range src.Objects {
		if slices.Contains([]uint32{helper, connlimit, timeout, expectation, synproxy}, o.Type) {
			t.add(src.Family)
		}
	}
	for _, c := range src.Chains {
		for _, r := range c.Rules {
			for _, e := range r.Exprs {
				if needsTracking(e) {
					t.add(trackedFamily(e, src.Family))
				}
			}
		}
	}
}

func (t *tracking) add(f ruleset.Family) {
	switch f {
	case ruleset.IPv4:
		t.v4 = true
	case ruleset.IPv6:
		t.v6 = true
	case ruleset.Inet, ruleset.Bridge:
		t.v4, t.v6 = true, true
	}
}

// trackedFamily is that of the table, or of the addresses that nat translates.
func trackedFamily(e ruleset.Expr, f ruleset.Family) ruleset.Family {
	const family = 2
	if e.Name != "nat" {
		return f
	}
	a, err := newArgs(e.Data)
	if err != nil {
		return f
	}
	return ruleset.Family(a.number(family))
}

func needsTracking(e ruleset.Expr) bool {
	switch e.Name {
	case "ct", "nat", "redir", "masq", "connlimit", "synproxy", "flow_offload":
		return true
	case "match", "target":
		const name, data = 1, 3
		a, err := newArgs(e.Data)
		if err != nil {
			return false
		}
		switch a.text(name) {
		case "conntrack", "state", "connmark", "connlimit", "connbytes", "connlabel", "helper", "cluster",
			"DNAT", "SNAT", "REDIRECT", "MASQUERADE", "NETMAP", "CONNMARK", "CONNSECMARK", "SYNPROXY":
			return true
		case "CT":
			return info(a.of[data]).u16(0)&1 == 0 // not to look is not to need it
		}
	}
	return false
}
