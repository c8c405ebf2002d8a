package nft

import (
	"net/netip"
	"slices"

	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// Narrows reports whether anybody who could make a TCP connection to the port might not be able to any more. What other
// lines there are is not known here: a line that goes may have been the one that let somebody in whom others keep out,
// unless one that comes lets in all that it did.
func (Owner) Narrows(out, in []owner.Line, port uint16) bool {
	before, ok := about(out, port)
	after, ok2 := about(in, port)
	switch {
	case !ok || !ok2:
		return true // a line that is not ours
	case slices.ContainsFunc(after, func(r owner.Rule) bool { return open(r) && r.Rate == nil }):
		return false // everybody is let in, whatever else there is
	case len(before) == 0:
		return len(after) > 0 // nobody knows whether the port was guarded; now it is
	}
	return slices.ContainsFunc(before, func(b owner.Rule) bool {
		return !slices.ContainsFunc(after, func(a owner.Rule) bool { return covers(a, b) })
	})
}

// about are the rules that speak of a TCP port; ok is false where a line has none that can be read.
func about(lines []owner.Line, port uint16) (rules []owner.Rule, ok bool) {
	for _, l := range lines {
		e, err := parseEntry(l.Text)
		if err != nil {
			return nil, false
		}
		if e.rule.Protocol == "tcp" && slices.ContainsFunc(e.rule.Ports, func(p owner.Range) bool { return p.First <= port && port <= p.Last }) {
			rules = append(rules, e.rule)
		}
	}
	return rules, true
}

// covers reports whether a lets in all that b does. It does not put sources together: a network that only several of a
// cover is taken for one that none covers.
func covers(a, b owner.Rule) bool {
	if len(a.Interfaces) > 0 && (len(b.Interfaces) == 0 || slices.ContainsFunc(b.Interfaces, func(n string) bool { return !slices.Contains(a.Interfaces, n) })) {
		return false
	}
	if a.Rate != nil && (b.Rate == nil || a.Rate.Per != b.Rate.Per || a.Rate.Count < b.Rate.Count) {
		return false
	}
	wide := origins(a)
	return !slices.ContainsFunc(origins(b), func(p netip.Prefix) bool {
		// They are in order and none is within another: the last that begins no later than p is the one that may have it.
		i, _ := slices.BinarySearchFunc(wide, p.Addr(), func(w netip.Prefix, a netip.Addr) int {
			if w.Addr().Compare(a) > 0 {
				return 1
			}
			return -1
		})
		return i == 0 || wide[i-1].Bits() > p.Bits() || !wide[i-1].Contains(p.Addr())
	})
}

// origins are the networks from which a rule lets in.
func origins(r owner.Rule) []netip.Prefix {
	if len(r.Sources) > 0 {
		return r.Sources
	}
	var all []netip.Prefix
	if r.IPv4 {
		all = append(all, netip.PrefixFrom(netip.IPv4Unspecified(), 0))
	}
	if r.IPv6 {
		all = append(all, netip.PrefixFrom(netip.IPv6Unspecified(), 0))
	}
	return all
}
