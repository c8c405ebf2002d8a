package firewalld

import (
	"fmt"
	"maps"
	"slices"

	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// change is one call of firewalld: a port or, where rule is not empty, a rich rule that a zone gets or loses.
type change struct {
	zone   string
	remove bool
	port   portEntry
	rule   string
}

// String says what is done, as the journal has it and an error.
func (c change) String() string {
	what := "port " + c.port.String() + "/" + c.port.protocol
	if c.rule != "" {
		what = c.rule
	}
	if c.remove {
		return fmt.Sprintf("remove from firewalld's zone %s: %s", c.zone, what)
	}
	return fmt.Sprintf("add to firewalld's zone %s: %s", c.zone, what)
}

// parseLines reads lines by their keys.
func parseLines(ls []owner.Line) (map[string]opening, error) {
	out := map[string]opening{}
	for _, l := range ls {
		o, err := parseLine(l)
		if err != nil {
			return nil, err
		}
		out[l.Key] = o
	}
	return out, nil
}

// zonesOf are the zones that openings are in, in order.
func zonesOf(sets ...map[string]opening) []string {
	zones := map[string]bool{}
	for _, set := range sets {
		for _, o := range set {
			zones[o.zone] = true
		}
	}
	return slices.Sorted(maps.Keys(zones))
}

// changes are what takes zones from what they have to the same without out and with in. What comes goes before what is
// taken away, so that a port whose rate changes is at no time closed.
func changes(have map[string]settings, out, in map[string]opening) []change {
	var adds, removes []change
	for _, key := range slices.Sorted(maps.Keys(in)) {
		adds = append(adds, additions(have[in[key].zone], in[key])...)
	}
	for _, key := range slices.Sorted(maps.Keys(out)) {
		stays, wanted := in[key]
		if o := out[key]; o.rich || !wanted {
			removes = append(removes, removals(have[o.zone], o, stays.actions)...)
		}
	}
	return append(adds, removes...)
}

// additions are what a zone lacks of an opening.
func additions(have settings, o opening) []change {
	if !o.rich {
		if have.covers(o.ports.First, o.protocol) {
			return nil
		}
		return []change{{zone: o.zone, port: portEntry{o.ports, o.protocol}}}
	}
	missing := slices.Clone(o.actions)
	for _, rule := range have.rules {
		if there, ok := parseRich(rule); ok && there.match() == o.match() {
			missing = slices.DeleteFunc(missing, func(a string) bool { return a == there.actions[0] })
		}
	}
	var out []change
	for _, action := range missing {
		out = append(out, change{zone: o.zone, rule: o.match() + " " + action})
	}
	return out
}

// removals are what a zone has of an opening, in the spelling that it has it in, but for the actions that stay.
func removals(have settings, o opening, stay []string) []change {
	if !o.rich {
		if !have.covers(o.ports.First, o.protocol) {
			return nil
		}
		return []change{{zone: o.zone, remove: true, port: portEntry{o.ports, o.protocol}}}
	}
	var out []change
	for _, rule := range have.rules {
		there, ok := parseRich(rule)
		if !ok || there.match() != o.match() {
			continue
		}
		if action := there.actions[0]; slices.Contains(o.actions, action) && !slices.Contains(stay, action) {
			out = append(out, change{zone: o.zone, remove: true, rule: rule})
		}
	}
	return out
}
