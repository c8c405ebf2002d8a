package firewalld

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// replacement puts other bytes in the place of some.
type replacement struct {
	span
	with string
}

// edit changes the file's content b, from which f was read, and leaves every byte that says something else as it is.
// What comes is written as firewalld writes it, behind the last element that firewalld would write before it.
func (f *zoneFile) edit(b []byte, cs []change) []byte {
	var ports, rules []string
	gone := map[string]bool{}
	var goes []portEntry
	for _, c := range cs {
		switch {
		case c.rule != "" && c.remove:
			gone[c.rule] = true
		case c.rule != "":
			rules = append(rules, ruleElement(c.rule))
		case c.remove:
			goes = append(goes, c.port)
		default:
			ports = append(ports, portElement(c.port))
		}
	}
	edits := f.insert(b, ports, rules) // before what is removed at the same place
	if f.empty {
		return f.fill(b, edits)
	}
	for _, e := range f.elements {
		switch {
		case e.port != nil:
			if rest, some := without(*e.port, goes); some {
				edits = append(edits, remove(b, e.span, rest))
			}
		case e.rule != "" && gone[e.rule]:
			edits = append(edits, remove(b, e.span, nil))
		}
	}
	return apply(b, edits)
}

// fill gives a zone of one tag an end, which it keeps for good, and what comes before that.
func (f *zoneFile) fill(b []byte, inserts []replacement) []byte {
	out := bytes.TrimRight(bytes.TrimSuffix(b[:f.open.end], []byte("/>")), " \t\r\n")
	out = append(slices.Clone(out), '>')
	for _, r := range inserts {
		out = append(out, r.with...)
	}
	return slices.Concat(out, []byte(newline(b)+"</zone>"), b[f.open.end:])
}

// before are the elements that firewalld writes before ports, and those that it writes before rules (zone_writer in
// firewall/core/io/zone.py).
var (
	beforePorts = []string{"short", "description", "service", "port"}
	beforeRules = append(slices.Clone(beforePorts), "protocol", "icmp-block", "masquerade", "forward-port", "source-port", "rule")
)

// insert puts elements where they belong.
func (f *zoneFile) insert(b []byte, ports, rules []string) []replacement {
	var out []replacement
	at, indent := f.after(b, beforePorts)
	place, indentRules := f.after(b, beforeRules)
	if at == place { // ports first
		ports, rules = append(slices.Clone(ports), rules...), nil
	}
	for _, some := range []struct {
		at       int
		indent   string
		elements []string
	}{{at, indent, ports}, {place, indentRules, rules}} {
		var text strings.Builder
		for _, e := range some.elements {
			text.WriteString(some.indent + strings.ReplaceAll(e, "\n", some.indent))
		}
		if text.Len() > 0 {
			out = append(out, replacement{span{some.at, some.at}, text.String()})
		}
	}
	return out
}

// after is the place behind the last element of these names, or else the zone's tag, with the line break and the
// indentation of what comes there.
func (f *zoneFile) after(b []byte, names []string) (at int, indent string) {
	at, indent = f.open.end, newline(b)+"  "
	for _, e := range f.elements {
		if slices.Contains(names, e.name) {
			at = e.end + remark(b[e.end:])
			if lead := leading(b, e.start); strings.HasPrefix(strings.TrimPrefix(lead, "\r"), "\n") {
				indent = lead
			}
		}
	}
	return at, indent
}

// remark is how long the comments are that are on the rest of a line, and so belong to what is before them.
func remark(b []byte) (n int) {
	for {
		rest := bytes.TrimLeft(b[n:], " \t")
		end := bytes.Index(rest, []byte("-->")) + len("-->")
		if !bytes.HasPrefix(rest, []byte("<!--")) || end < len("<!-->") || bytes.IndexByte(rest[:end], '\n') >= 0 {
			return n
		}
		n = len(b) - len(rest) + end
	}
}

// leading is the line break and the white space before a place, "" where there is something else before it.
func leading(b []byte, at int) string {
	start := len(bytes.TrimRight(b[:at], " \t"))
	if start == 0 || b[start-1] != '\n' {
		return ""
	}
	if start--; start > 0 && b[start-1] == '\r' {
		start--
	}
	return string(b[start:at])
}

// newline is how a file ends its lines.
func newline(b []byte) string {
	if bytes.Contains(b, []byte("\r\n")) {
		return "\r\n"
	}
	return "\n"
}

// remove takes an element away with its line, or puts what is left of a range of ports in its place.
func remove(b []byte, at span, rest []portEntry) replacement {
	lead := leading(b, at.start)
	if len(rest) == 0 {
		return replacement{span{at.start - len(lead), at.end}, ""}
	}
	var elements []string
	for _, p := range rest {
		elements = append(elements, portElement(p))
	}
	return replacement{at, strings.Join(elements, lead)}
}

// without is what a range of ports is without some single ones; some is false where it has none of them.
func without(e portEntry, goes []portEntry) (rest []portEntry, some bool) {
	rest = []portEntry{e}
	for _, g := range goes {
		i := slices.IndexFunc(rest, func(r portEntry) bool {
			return r.protocol == g.protocol && r.First <= g.First && g.First <= r.Last
		})
		if i < 0 {
			continue
		}
		some = true
		var parts []portEntry
		if r := rest[i]; r.First < g.First {
			parts = append(parts, portEntry{owner.Range{First: r.First, Last: g.First - 1}, r.protocol})
		}
		if r := rest[i]; g.First < r.Last {
			parts = append(parts, portEntry{owner.Range{First: g.First + 1, Last: r.Last}, r.protocol})
		}
		rest = slices.Replace(rest, i, i+1, parts...)
	}
	return rest, some
}

// portElement is a port as firewalld writes it.
func portElement(p portEntry) string {
	return fmt.Sprintf(`<port port=%q protocol=%q/>`, p, p.protocol)
}

// ruleElement is a rich rule of ours as firewalld writes it (common_writer in firewall/core/io/policy.py).
func ruleElement(rule string) string {
	o, _ := parseRich(rule)
	var b strings.Builder
	b.WriteString("<rule")
	if o.family != "" {
		fmt.Fprintf(&b, " family=%q", o.family)
	}
	b.WriteString(">\n")
	if o.source.IsValid() {
		fmt.Fprintf(&b, "  <source address=%q/>\n", address(o.source))
	}
	fmt.Fprintf(&b, "  %s\n", portElement(portEntry{o.ports, o.protocol}))
	if limit, ok := strings.CutPrefix(o.actions[0], "accept limit "); ok {
		fmt.Fprintf(&b, "  <accept>\n    <limit %s/>\n  </accept>\n", limit)
	} else {
		b.WriteString("  <accept/>\n")
	}
	b.WriteString("</rule>")
	return b.String()
}

// apply makes replacements that do not overlap.
func apply(b []byte, edits []replacement) []byte {
	slices.SortStableFunc(edits, func(a, b replacement) int { return a.start - b.start })
	var out []byte
	done := 0
	for _, e := range edits {
		out = append(append(out, b[done:e.start]...), e.with...)
		done = e.end
	}
	return append(out, b[done:]...)
}
