package nft

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// The names of our base chain and of what is numbered by condition.
const (
	inputChain    = "input"
	sources4Set   = "sources4_"
	sources6Set   = "sources6_"
	interfacesSet = "interfaces_"
	guardedSet    = "guarded_"
	rateChain     = "rate_"
)

// condition is what rules have in common beside protocol and ports.
type condition struct {
	owner.Rule // of which Sources, Interfaces, IPv4 and IPv6 count
	// number is what the names of its sets of sources and interfaces end with. Without these it is any.
	number string
	// label is what the names of its sets of ports end with: the number, and v4 or v6 where there are no sources and one
	// family.
	label string
}

// open says that it is none: everybody may come in.
func open(r owner.Rule) bool {
	return len(r.Sources) == 0 && len(r.Interfaces) == 0 && r.IPv4 && r.IPv6
}

// shared is what two rules have alike if, and only if, their conditions are.
func shared(r owner.Rule) string {
	var b strings.Builder
	b.WriteString(strings.Join(r.Interfaces, ","))
	b.WriteByte(' ')
	if len(r.Sources) == 0 {
		b.WriteString(family(r))
	}
	for _, p := range r.Sources {
		b.WriteString(p.String())
		b.WriteByte(',')
	}
	return b.String()
}

// renderer builds a table.
type renderer struct {
	table
	input          []rule
	rates          int
	conditions     map[string]condition
	guarded        map[string][]owner.Range
	entries        []entry
	entryCondition []string // of each entry, by shared
}

// render is the table that does what the entries say. It depends on nothing else, not even on their order.
func render(entries []entry) table {
	if len(entries) == 0 {
		return table{}
	}
	entries = slices.SortedFunc(slices.Values(entries), func(a, b entry) int { return cmp.Compare(a.text, b.text) })
	r := &renderer{conditions: map[string]condition{}, guarded: map[string][]owner.Range{}, entries: entries}
	r.number()
	for _, e := range entries {
		if !open(e.rule) || e.rule.Rate != nil {
			r.guarded[e.rule.Protocol] = append(r.guarded[e.rule.Protocol], e.rule.Ports...)
		}
	}
	if len(r.guarded) > 0 {
		r.add(rule{statements: []statement{known{}, verdict{what: "accept"}}})
		r.add(rule{statements: []statement{loopback{}, verdict{what: "accept"}}})
	}
	r.classes()
	r.limited()
	for _, protocol := range slices.Sorted(maps.Keys(r.guarded)) {
		r.sets = append(r.sets, set{name: guardedSet + protocol, of: services, spans: union(r.guarded[protocol])})
		r.add(rule{statements: []statement{to{protocol, guardedSet + protocol}, verdict{what: "drop"}}})
	}
	r.chains = append(r.chains, chain{name: inputChain, base: true, rules: r.input})
	return r.table
}

func (r *renderer) add(one rule) { r.input = append(r.input, one) }

// number finds the conditions and makes the sets that they need.
func (r *renderer) number() {
	found := map[string]owner.Rule{}
	for _, e := range r.entries {
		key := shared(e.rule)
		found[key] = e.rule
		r.entryCondition = append(r.entryCondition, key)
	}
	n := 0
	for _, key := range slices.Sorted(maps.Keys(found)) {
		c := condition{Rule: found[key], number: "any"}
		if len(c.Sources) > 0 || len(c.Interfaces) > 0 {
			n++
			c.number = strconv.Itoa(n)
		}
		r.conditionSets(c)
		c.label = c.number
		if f := family(c.Rule); len(c.Sources) == 0 && f != "" {
			c.label += "v" + f[3:]
		}
		r.conditions[key] = c
	}
}

func (r *renderer) conditionSets(c condition) {
	var v4, v6, in []span
	for _, p := range c.Sources {
		if s := spanOfPrefix(p); p.Addr().Is4() {
			v4 = append(v4, s)
		} else {
			v6 = append(v6, s)
		}
	}
	for _, name := range c.Interfaces {
		in = append(in, spanOfName(name))
	}
	for _, s := range []set{{interfacesSet + c.number, names, in}, {sources4Set + c.number, addresses4, v4}, {sources6Set + c.number, addresses6, v6}} {
		if len(s.spans) > 0 {
			r.sets = append(r.sets, s)
		}
	}
}

// classes adds the rules without a rate: those with the same condition and protocol together.
func (r *renderer) classes() {
	type class struct{ condition, protocol string }
	spans := map[class][]span{}
	for i, e := range r.entries {
		if e.rule.Rate != nil {
			continue
		}
		c := class{r.entryCondition[i], e.rule.Protocol}
		for _, p := range e.rule.Ports {
			spans[c] = append(spans[c], spanOfPorts(p, e.tag()))
		}
	}
	sorted := slices.SortedFunc(maps.Keys(spans), func(a, b class) int {
		return cmp.Or(cmp.Compare(a.condition, b.condition), cmp.Compare(a.protocol, b.protocol))
	})
	for _, c := range sorted {
		for i, layer := range layers(spans[c]) {
			name := c.protocol + "_" + r.conditions[c.condition].label
			if i > 0 {
				name = fmt.Sprintf("%s_%d", name, i+1)
			}
			r.accept(r.conditions[c.condition], set{name, services, layer}, c.protocol, verdict{what: "accept"})
		}
	}
}

// limited adds the rules with a rate, each by itself. They come after those without, which take nothing from the rate
// of whoever may come in anyway. A chain has the rate, so that both families share it.
func (r *renderer) limited() {
	for i, e := range r.entries {
		if e.rule.Rate == nil {
			continue
		}
		r.rates++
		name := rateChain + strconv.Itoa(r.rates)
		r.chains = append(r.chains, chain{name: name, rules: []rule{{
			statements: []statement{within{*e.rule.Rate}, verdict{what: "accept"}}, comment: e.tag(),
		}}})
		c := r.conditions[r.entryCondition[i]]
		s := set{name: fmt.Sprintf("%s_%s_%s", e.rule.Protocol, c.label, name), of: services}
		for _, p := range e.rule.Ports {
			s.spans = append(s.spans, spanOfPorts(p, e.tag()))
		}
		r.accept(c, s, e.rule.Protocol, verdict{"jump", name})
	}
}

// accept adds a set of ports, and what is done with packets to them for which the condition holds.
func (r *renderer) accept(c condition, ports set, protocol string, what verdict) {
	r.sets = append(r.sets, ports)
	var in []statement
	if len(c.Interfaces) > 0 {
		in = append(in, through{interfacesSet + c.number})
	}
	last := []statement{to{protocol, ports.name}, what}
	if len(c.Sources) == 0 {
		if f := family(c.Rule); f != "" {
			in = append(in, over{v6: f == "ipv6"})
		}
		r.add(rule{statements: slices.Concat(in, last)})
		return
	}
	if c.IPv4 {
		r.add(rule{statements: slices.Concat(in, []statement{from{false, sources4Set + c.number}}, last)})
	}
	if c.IPv6 {
		r.add(rule{statements: slices.Concat(in, []statement{from{true, sources6Set + c.number}}, last)})
	}
}

// layers distributes elements over as few sets as they need: in one set no two may overlap.
func layers(spans []span) [][]span {
	slices.SortFunc(spans, func(a, b span) int {
		return cmp.Or(a.compare(b), cmp.Compare(string(a.last), string(b.last)), cmp.Compare(a.comment, b.comment))
	})
	var out [][]span
next:
	for _, s := range spans {
		for i, layer := range out {
			if string(layer[len(layer)-1].last) < string(s.first) {
				out[i] = append(layer, s)
				continue next
			}
		}
		out = append(out, []span{s})
	}
	return out
}

// union is the same ports in as few ranges as they need.
func union(rs []owner.Range) []span {
	rs = slices.SortedFunc(slices.Values(rs), func(a, b owner.Range) int { return cmp.Compare(a.First, b.First) })
	var merged []owner.Range
	for _, r := range rs {
		if last := len(merged) - 1; last >= 0 && int(r.First) <= int(merged[last].Last)+1 {
			merged[last].Last = max(merged[last].Last, r.Last)
		} else {
			merged = append(merged, r)
		}
	}
	out := make([]span, len(merged))
	for i, r := range merged {
		out[i] = spanOfPorts(r, "")
	}
	return out
}
