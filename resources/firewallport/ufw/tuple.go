package ufw

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// The actions of ufw.
const (
	allow  = "allow"
	deny   = "deny"
	reject = "reject"
	limit  = "limit"
)

// tuple is a rule of ufw that lets in, or keeps out, one port or one range of them of the host itself: what a line can
// be. Its text is what ufw writes behind "### tuple ###": action, protocol, port, destination, port of the source, source,
// direction with the interface, and in hex the comment (ufw/backend_iptables.py, _write_rules).
type tuple struct {
	// action may be followed by a log type, which is "", log or log-all.
	action, log string
	protocol    string
	ports       owner.Range
	source      netip.Prefix
	// iface is "" for any.
	iface   string
	comment string
}

func newTuple(r owner.Rule, ports owner.Range, source netip.Prefix, iface string) tuple {
	action := allow
	if r.Rate != nil {
		action = limit
	}
	return tuple{
		action: action, protocol: r.Protocol, ports: ports, source: source, iface: iface,
		comment: hex.EncodeToString([]byte(r.Comment)),
	}
}

func (t tuple) family() family { return familyOf(!t.source.Addr().Is4()) }

func (t tuple) line() owner.Line { return owner.Line{Key: t.key(), Text: t.text()} }

// key is all that decides whether ufw takes two tuples for the same: UFWRule.match in ufw/common.py.
func (t tuple) key() string {
	in := "in"
	if t.iface != "" {
		in += "_" + t.iface
	}
	return strings.Join([]string{t.protocol, t.port(), t.family().anywhere, "any", address(t.source), in}, " ")
}

// does is the action as it is written, with the log type.
func (t tuple) does() string {
	if t.log != "" {
		return t.action + "_" + t.log
	}
	return t.action
}

func (t tuple) text() string {
	out := t.does() + " " + t.key()
	if t.comment != "" {
		out += " comment=" + t.comment
	}
	return out
}

// port is such as 8000 or 8000:8010.
func (t tuple) port() string {
	if t.ports.First == t.ports.Last {
		return strconv.Itoa(int(t.ports.First))
	}
	return fmt.Sprintf("%d:%d", t.ports.First, t.ports.Last)
}

// address is a network as ufw writes it: a host without a length, and as inet_ntop(3) does, which shows the last four
// bytes of an address below ::/96 in dots.
func address(p netip.Prefix) string {
	a := p.Addr()
	text := a.String()
	if b := a.As16(); a.Is6() && [12]byte(b[:12]) == [12]byte{} && (b[12] != 0 || b[13] != 0) {
		text = "::" + netip.AddrFrom4([4]byte(b[12:])).String()
	}
	if p.IsSingleIP() {
		return text
	}
	return text + "/" + strconv.Itoa(p.Bits())
}

// parseTuple reads the text of a tuple. It reports false for what is none or cannot be a line: a rule for what leaves or
// passes through the host, or with an application, several ports, a port of the source, a destination.
func parseTuple(text string) (tuple, bool) {
	text, comment, _ := strings.Cut(strings.TrimSpace(text), " comment=")
	f := strings.Fields(text)
	if len(f) == 6 { // of versions that had no directions
		f = append(f, "in")
	}
	if len(f) != 7 {
		return tuple{}, false
	}
	t := tuple{protocol: f[1], comment: comment}
	var hasLog, ok bool
	if t.action, t.log, hasLog = strings.Cut(f[0], "_"); hasLog && t.log != "log" && t.log != "log-all" {
		return tuple{}, false
	}
	if t.ports, ok = parsePorts(f[2]); !ok {
		return tuple{}, false
	}
	if t.source, ok = parseSource(f[5]); !ok || f[3] != t.family().anywhere || f[4] != "any" {
		return tuple{}, false
	}
	t.iface = strings.TrimPrefix(f[6], "in_")
	if t.iface == f[6] && f[6] != "in" || strings.Contains(t.iface, "!") {
		return tuple{}, false
	}
	if f[6] == "in" {
		t.iface = ""
	}
	return t, slices.Contains([]string{allow, deny, reject, limit}, t.action) && slices.Contains([]string{"tcp", "udp", both}, t.protocol)
}

// both is ufw's word for a rule of tcp and of udp.
const both = "any"

func parsePorts(s string) (owner.Range, bool) {
	first, last, isRange := strings.Cut(s, ":")
	if !isRange {
		last = first
	}
	a, errA := strconv.ParseUint(first, 10, 16)
	b, errB := strconv.ParseUint(last, 10, 16)
	return owner.Range{First: uint16(a), Last: uint16(b)}, errA == nil && errB == nil && 0 < a && a <= b
}

func parseSource(s string) (netip.Prefix, bool) {
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		return netip.PrefixFrom(a, a.BitLen()), err == nil && a.Zone() == ""
	}
	p, err := netip.ParsePrefix(s)
	return p, err == nil && p.Masked() == p
}

// compare is the order in which tuples are added: whoever adds the same ones again has the same file.
func compare(a, b tuple) int {
	return cmp.Or(
		strings.Compare(a.protocol, b.protocol), cmp.Compare(a.ports.First, b.ports.First), cmp.Compare(a.ports.Last, b.ports.Last),
		a.source.Addr().Compare(b.source.Addr()), cmp.Compare(a.source.Bits(), b.source.Bits()), strings.Compare(a.iface, b.iface),
	)
}

// parseLines are the tuples of lines of one family, those that say the same once, in the order in which they are added.
func parseLines(lines []owner.Line, f family) ([]tuple, error) {
	var out []tuple
	for _, l := range lines {
		t, ok := parseTuple(l.Text)
		if !ok || t.protocol == both {
			return nil, fmt.Errorf("cannot set %q: it is no line of ufw", l.Text)
		}
		if t.family().v6 == f.v6 {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, compare)
	return slices.Compact(out), nil
}
