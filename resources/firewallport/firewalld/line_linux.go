package firewalld

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// opening is something of a zone that lets packets in: a port of the zone or, where it is rich, the rich rules of one match.
type opening struct {
	zone, protocol string
	ports          owner.Range
	rich           bool
	// family is ipv4 or ipv6, "" for both; source is not valid for anywhere.
	family string
	source netip.Prefix
	// actions are those of the rich rules, sorted: accept, or accept with a limit.
	actions []string
}

// match is what is let in, in firewalld's words.
func (o opening) match() string {
	if !o.rich {
		return "port " + o.ports.String() + "/" + o.protocol
	}
	var b strings.Builder
	b.WriteString("rule")
	if o.family != "" {
		fmt.Fprintf(&b, " family=%q", o.family)
	}
	if o.source.IsValid() {
		fmt.Fprintf(&b, " source address=%q", address(o.source))
	}
	fmt.Fprintf(&b, " port port=%q protocol=%q", o.ports, o.protocol)
	return b.String()
}

func (o opening) key() string { return o.zone + ": " + o.match() }

func (o opening) line() owner.Line {
	l := owner.Line{Key: o.key()}
	l.Text = l.Key
	if o.rich {
		l.Text += " " + strings.Join(o.actions, between)
	}
	return l
}

// opens reports whether o lets somebody in to a TCP port.
func (o opening) opens(port uint16) bool {
	return o.protocol == "tcp" && o.ports.First <= port && port <= o.ports.Last
}

// limited reports whether o lets in only so many, be it besides others.
func (o opening) limited() bool {
	return slices.ContainsFunc(o.actions, func(a string) bool { return a != accept("", "") })
}

// between stands between the actions of a line.
const between = "; "

// address is a network as people write it: without a mask where it is a single host.
func address(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

// parseLine reads what line has made.
func parseLine(l owner.Line) (opening, error) {
	zone, rest, ok := strings.Cut(l.Text, ": ")
	if !ok {
		return opening{}, fmt.Errorf("cannot read the line %q: it names no zone", l.Text)
	}
	if port, ok := strings.CutPrefix(rest, "port "); ok {
		if spelled, protocol, ok := strings.Cut(port, "/"); ok {
			if r, ok := parsePorts(spelled); ok {
				return opening{zone: zone, protocol: protocol, ports: r}, nil
			}
		}
		return opening{}, fmt.Errorf("cannot read the line %q: it has no port such as 8000/tcp", l.Text)
	}
	actions := strings.Split(rest, between)
	o, ok := parseRich(actions[0])
	if !ok {
		return opening{}, fmt.Errorf("cannot read the line %q: it is neither a port nor a rich rule that accepts a port", l.Text)
	}
	o.zone = zone
	o.actions = append(o.actions, actions[1:]...)
	return o, nil
}

// richRule is the only form of rich rule that is ours, as firewalld itself spells it (Rich_Rule.__str__ in
// firewall/core/rich.py), with what older versions write for a limit.
var richRule = regexp.MustCompile(
	`^rule(?: family="(ipv4|ipv6)")?(?: source address="([^"]+)")? port port="([0-9]+(?:-[0-9]+)?)" protocol="([a-z]+)" ` +
		`accept(?: limit value="([0-9]+)/([smhd])[a-z]*")?$`)

// parseRich reads a rich rule as firewalld tells it. It is not ok for one that this package would not have written,
// in whatever spelling: that is somebody else's.
func parseRich(rule string) (o opening, ok bool) {
	m := richRule.FindStringSubmatch(rule)
	if m == nil {
		return o, false
	}
	o = opening{rich: true, family: m[1], protocol: m[4], actions: []string{accept(m[5], m[6])}}
	if o.ports, ok = parsePorts(m[3]); !ok {
		return o, false
	}
	if m[2] != "" {
		if o.source, ok = parseSource(m[2]); !ok || familyOf(o.source) != o.family {
			return o, false
		}
	}
	return o, true
}

// accept is the action of a rich rule that accepts count packets each second, minute, hour or day, by its first
// letter; with an empty count, any number.
func accept(count, per string) string {
	if count == "" {
		return "accept"
	}
	return fmt.Sprintf(`accept limit value="%s/%s"`, count, per)
}

func parsePorts(spelled string) (r owner.Range, ok bool) {
	first, last, isRange := strings.Cut(spelled, "-")
	a, err := strconv.ParseUint(first, 10, 16)
	if err != nil {
		return r, false
	}
	b := a
	if isRange {
		if b, err = strconv.ParseUint(last, 10, 16); err != nil {
			return r, false
		}
	}
	return owner.Range{First: uint16(min(a, b)), Last: uint16(max(a, b))}, true
}

// parseSource reads an address or a network, also with a mask such as 255.255.0.0, and is not ok for a set of
// addresses (ipset:NAME) or a hardware address, which are other things that firewalld calls a source.
func parseSource(spelled string) (p netip.Prefix, ok bool) {
	host, mask, isNet := strings.Cut(spelled, "/")
	addr, err := netip.ParseAddr(host)
	if err != nil || addr.Zone() != "" {
		return p, false
	}
	bits := addr.BitLen()
	if isNet {
		if bits, ok = maskLen(mask); !ok {
			return p, false
		}
	}
	p, err = addr.Prefix(bits)
	return p, err == nil
}

// maskLen is how many bits a mask has, which is spelled 16 or 255.255.0.0.
func maskLen(mask string) (bits int, ok bool) {
	if m, err := netip.ParseAddr(mask); err == nil && m.Is4() {
		four := m.As4()
		n := uint32(four[0])<<24 | uint32(four[1])<<16 | uint32(four[2])<<8 | uint32(four[3])
		for n&(1<<31) != 0 {
			n <<= 1
			bits++
		}
		return bits, n == 0
	}
	bits, err := strconv.Atoi(mask)
	return bits, err == nil && bits >= 0
}

func familyOf(p netip.Prefix) string {
	if p.Addr().Is4() {
		return "ipv4"
	}
	return "ipv6"
}

// settings are what a zone has, as firewalld tells it.
type settings struct {
	ports []portEntry
	rules []string
}

// portEntry is a port or a range of them that a zone has open to everybody.
type portEntry struct {
	owner.Range
	protocol string
}

// covers reports whether a zone lets everybody in to a port.
func (s settings) covers(port uint16, protocol string) bool {
	return slices.ContainsFunc(s.ports, func(e portEntry) bool {
		return e.protocol == protocol && e.First <= port && port <= e.Last
	})
}

// lines adds those of a zone. Each port of a range is one, since a rule may ask for it alone.
func (s settings) lines(zone string, to map[string]owner.Line) {
	for _, e := range s.ports {
		for p := int(e.First); p <= int(e.Last); p++ {
			l := opening{zone: zone, protocol: e.protocol, ports: owner.Range{First: uint16(p), Last: uint16(p)}}.line()
			to[l.Key] = l
		}
	}
	found := map[string]opening{}
	for _, rule := range s.rules {
		o, ok := parseRich(rule)
		if !ok {
			continue
		}
		o.zone = zone
		o.actions = append(o.actions, found[o.key()].actions...)
		slices.Sort(o.actions)
		o.actions = slices.Compact(o.actions)
		found[o.key()] = o
	}
	for key, o := range found {
		to[key] = o.line()
	}
}
