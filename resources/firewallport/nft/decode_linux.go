package nft

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/resources/firewallport/attr"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/ruleset"
)

// portSet is the name of a set of ports: protocol, condition, family, and a rate or a layer.
var portSet = regexp.MustCompile(`^(tcp|udp|sctp|dccp)_(any|[0-9]+)(v4|v6)?(?:_(rate_[0-9]+)|_[0-9]+)?$`)

// decode finds our lines in a table: of each only if all that it says is there. Whether the rest of the table is what
// these lines make of it is another question. Broken says in words which lines are there in part, or were changed.
func decode(t *ruleset.Table) (entries []entry, broken []string) {
	rules := tagged(t)
	conditions := map[string]owner.Rule{}
	for p, r := range rules {
		c, ok := conditions[p.condition+p.family]
		if !ok {
			c = conditionOf(t, p.condition, p.family)
			conditions[p.condition+p.family] = c
		}
		r.Sources, r.Interfaces, r.IPv4, r.IPv6 = c.Sources, c.Interfaces, c.IPv4, c.IPv6
		if p.rate != "" {
			r.Rate = rateOf(t.Chain(p.rate))
		}
		slices.SortFunc(r.Ports, func(a, b owner.Range) int { return cmp.Compare(a.First, b.First) })
		if e, err := newEntry(*r); err == nil && e.id == p.id {
			entries = append(entries, e)
		} else {
			broken = append(broken, fmt.Sprintf("the rule %s %q for %s %s is not whole", p.id, r.Comment, p.protocol, ports(r.Ports)))
		}
	}
	slices.Sort(broken)
	return entries, broken
}

// part is what an element's tag and the name of its set say of a rule.
type part struct{ id, protocol, condition, family, rate string }

// tagged puts the elements together that are parts of the same rule.
func tagged(t *ruleset.Table) map[part]*owner.Rule {
	rules := map[part]*owner.Rule{}
	for name, s := range t.Sets {
		m := portSet.FindStringSubmatch(name)
		if m == nil {
			continue
		}
		for _, sp := range spans(s, services) {
			id, comment, ok := untag(sp.comment)
			if !ok {
				continue
			}
			p := part{id, m[1], m[2], m[3], m[4]}
			if rules[p] == nil {
				rules[p] = &owner.Rule{Protocol: m[1], Comment: comment}
			}
			rules[p].Ports = append(rules[p].Ports, sp.ports())
		}
	}
	return rules
}

// conditionOf reads the condition of a number.
func conditionOf(t *ruleset.Table, number, family string) owner.Rule {
	r := owner.Rule{IPv4: family != "v6", IPv6: family != "v4"}
	for _, s := range spans(t.Sets[interfacesSet+number], names) {
		r.Interfaces = append(r.Interfaces, string(bytes.TrimRight(s.first, "\x00")))
	}
	for _, s := range slices.Concat(spans(t.Sets[sources4Set+number], addresses4), spans(t.Sets[sources6Set+number], addresses6)) {
		p, ok := s.prefix()
		if !ok {
			p = netip.Prefix{} // which no rule has
		}
		r.Sources = append(r.Sources, p)
	}
	return r
}

// rateOf reads the rate of a chain; nil is none that is ours.
func rateOf(c *ruleset.Chain) *owner.Rate {
	if c == nil || len(c.Rules) == 0 || len(c.Rules[0].Exprs) == 0 || c.Rules[0].Exprs[0].Name != "limit" {
		return nil
	}
	m, err := attr.Map(c.Rules[0].Exprs[0].Data)
	if err != nil {
		return nil
	}
	count, err := attr.Uint64(m[unix.NFTA_LIMIT_RATE])
	per, err2 := attr.Uint64(m[unix.NFTA_LIMIT_UNIT])
	if err != nil || err2 != nil || count > math.MaxInt32 {
		return nil
	}
	for name, seconds := range units() {
		if seconds == per {
			return &owner.Rate{Count: int(count), Per: name}
		}
	}
	return nil
}

// spans are the elements of a set, in order. Of one that is no set of such keys there are none.
func spans(s *ruleset.Set, of keys) []span {
	if s == nil || int(s.KeyLen) != of.length() {
		return nil
	}
	elements := make([]*ruleset.Element, 0, len(s.Elements))
	for i := range s.Elements {
		if e := &s.Elements[i]; len(e.Key) == of.length() {
			elements = append(elements, e)
		}
	}
	slices.SortFunc(elements, func(a, b *ruleset.Element) int {
		return cmp.Or(bytes.Compare(a.Key, b.Key), ends(b)-ends(a))
	})
	out := make([]span, 0, len(elements))
	begun := false
	for _, e := range elements {
		if begun { // whether it ends here or the next one begins
			out[len(out)-1].last = before(e.Key)
		}
		if begun = !e.IntervalEnd && of.interval(); !e.IntervalEnd {
			out = append(out, span{first: e.Key, last: e.Key, comment: e.Comment})
		}
	}
	if begun {
		out[len(out)-1].last = bytes.Repeat([]byte{0xff}, of.length())
	}
	return out
}

// ends is 1 for the end of an interval, which comes before the beginning of the next.
func ends(e *ruleset.Element) int {
	if e.IntervalEnd {
		return 1
	}
	return 0
}

// before is the key before.
func before(key []byte) []byte {
	out := bytes.Clone(key)
	for i := len(out) - 1; i >= 0; i-- {
		if out[i]--; out[i] != 0xff {
			break
		}
	}
	return out
}
