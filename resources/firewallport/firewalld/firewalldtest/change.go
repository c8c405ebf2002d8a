package firewalldtest

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// change adds or removes a port or a rich rule, as firewall/core/fw_policy.py does it for what runs and
// firewall/server/config_zone.py for what persists.
func (z *Zone) change(method, name string, persistent bool, args []string) error {
	said := func(what string) string {
		if persistent {
			return what
		}
		return fmt.Sprintf("'%s' %%s '%s'", what, name)
	}
	if known := map[string]int{"addPort": 2, "removePort": 2, "addRichRule": 1, "removeRichRule": 1}; known[method] == 0 || len(args) < known[method] {
		return busError("org.freedesktop.DBus.Error.UnknownMethod", fmt.Sprintf("no method %s of %d arguments", method, len(args)))
	}
	if method == "addPort" || method == "removePort" {
		port, protocol := args[0], args[1]
		r, err := parseRange(port)
		if err != nil {
			return err
		}
		if !slices.Contains([]string{"tcp", "udp", "sctp", "dccp"}, protocol) {
			return refuse("INVALID_PROTOCOL", fmt.Sprintf("'%s' not from {'tcp'|'udp'|'sctp'|'dccp'}", protocol))
		}
		return z.changePort(method == "addPort", r, protocol, said(port+":"+protocol))
	}
	rule, err := canonical(args[0])
	if err != nil {
		return err
	}
	if persistent {
		return z.changeRule(method == "addRichRule", rule, args[0])
	}
	return z.changeRule(method == "addRichRule", rule, said(rule))
}

func already(said string) error {
	return refuse("ALREADY_ENABLED", strings.Replace(said, "%s", "already in", 1))
}

func absent(said string) error {
	return refuse("NOT_ENABLED", strings.Replace(said, "%s", "not in", 1))
}

func (z *Zone) changeRule(add bool, rule, said string) error {
	i := slices.Index(z.Rules, rule)
	switch {
	case add && i >= 0:
		return already(said)
	case add:
		z.Rules = append(z.Rules, rule)
	case i < 0:
		return absent(said)
	default:
		z.Rules = slices.Delete(z.Rules, i, i+1)
	}
	return nil
}

// span is a range of ports.
type span struct{ first, last int }

func (s span) String() string {
	if s.first == s.last {
		return strconv.Itoa(s.first)
	}
	return fmt.Sprintf("%d-%d", s.first, s.last)
}

func parseRange(port string) (span, error) {
	first, last, isRange := strings.Cut(port, "-")
	a, errA := strconv.Atoi(first)
	b, errB := a, error(nil)
	if isRange {
		b, errB = strconv.Atoi(last)
	}
	if errA != nil || errB != nil || a > 65535 || b > 65535 {
		return span{}, refuse("INVALID_PORT", port)
	}
	return span{min(a, b), max(a, b)}, nil
}

// changePort knows the ports as a set of ranges: one that overlaps others takes their place, and one that goes leaves
// what there was on both sides. Only what lies within one range can go.
func (z *Zone) changePort(add bool, r span, protocol, said string) error {
	var others []string
	var same []span
	for _, p := range z.Ports {
		spelled, of, _ := strings.Cut(p, "/")
		if of != protocol {
			others = append(others, p)
			continue
		}
		s, err := parseRange(spelled)
		if err != nil {
			return err
		}
		same = append(same, s)
	}
	within := slices.ContainsFunc(same, func(s span) bool { return s.first <= r.first && r.last <= s.last })
	switch {
	case add && within:
		return already(said)
	case !add && !within:
		return absent(said)
	}
	slices.SortFunc(same, func(a, b span) int { return cmp.Compare(a.first, b.first) })
	var rest []span
	for _, s := range same {
		switch {
		case s.last < r.first || r.last < s.first:
			rest = append(rest, s)
		case add:
			r = span{min(r.first, s.first), max(r.last, s.last)}
		default:
			if s.first < r.first {
				rest = append(rest, span{s.first, r.first - 1})
			}
			if r.last < s.last {
				rest = append(rest, span{r.last + 1, s.last})
			}
		}
	}
	if add {
		rest = append(rest, r)
	}
	for _, s := range rest {
		others = append(others, s.String()+"/"+protocol)
	}
	z.Ports = others
	return nil
}

// rich is the form of rich rule that this daemon understands. A real one knows many more.
var rich = regexp.MustCompile(`^rule( family="ipv[46]")?( source address="[^"]+")?( port port="[0-9-]+" protocol="[a-z]+")` +
	` accept(?: limit value="([0-9]+)/(s|m|h|d|second|minute|hour|day)")?$`)

// canonical is a rich rule as firewalld spells it back: with the first letter of a limit's unit.
func canonical(rule string) (string, error) {
	m := rich.FindStringSubmatch(rule)
	if m == nil {
		return "", refuse("INVALID_RULE", rule)
	}
	if m[1] == "" && m[2] != "" {
		return "", refuse("MISSING_FAMILY", "")
	}
	text := "rule" + m[1] + m[2] + m[3] + " accept"
	if m[4] == "" {
		return text, nil
	}
	limit := m[4] + "/" + m[5][:1]
	if limit == "1/d" {
		return "", refuse("INVALID_LIMIT", "1/d too slow")
	}
	return text + fmt.Sprintf(` limit value="%s"`, limit), nil
}
