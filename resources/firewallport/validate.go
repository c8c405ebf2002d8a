package firewallport

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// auto is the backend that is found out.
const auto = "auto"

// Validate finds mistakes by looking at the block alone.
func (s *Spec) Validate() error {
	var errs []error
	wrong := func(name string, err error) {
		if err != nil {
			errs = append(errs, &engine.AttributeError{Name: name, Err: err})
		}
	}
	_, err := s.ports()
	if name := "port"; len(s.Ports) > 0 {
		wrong("ports", err)
	} else {
		wrong(name, err)
	}
	wrong("protocol", oneOf(s.Protocol, "tcp", "udp", "sctp", "dccp"))
	wrong("family", oneOf(s.Family, "any", "ipv4", "ipv6"))
	wrong("backend", oneOf(s.Backend, auto, "nftables", "firewalld", "ufw"))
	sources, err := parseSources(s.Sources)
	wrong("sources", errors.Join(err, s.ofFamily(sources)))
	for _, name := range s.Interfaces {
		wrong("interfaces", validInterface(name))
	}
	_, err = parseRate(s.Rate)
	wrong("rate", err)
	wrong("comment", validComment(s.Comment))
	return errors.Join(errs...)
}

func oneOf(value string, known ...string) error {
	if slices.Contains(known, value) {
		return nil
	}
	return fmt.Errorf("%q is none of %s", value, strings.Join(known, ", "))
}

// ports are the ports of the block, in ascending order, those that touch as one range.
func (s *Spec) ports() ([]owner.Range, error) {
	said := slices.Clone([]string(s.Ports))
	switch {
	case s.Port != "" && len(said) > 0:
		return nil, errors.New("say port or ports, not both")
	case s.Port != "":
		said = []string{s.Port}
	case len(said) == 0:
		return nil, errors.New("say which port is meant, such as port = 8000 or port = \"8000-8010\"")
	}
	var out []owner.Range
	for _, text := range said {
		r, err := parseRange(text)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b owner.Range) int { return int(a.First) - int(b.First) })
	merged := out[:1]
	for _, r := range out[1:] {
		last := &merged[len(merged)-1]
		switch {
		case r.First <= last.Last:
			return nil, fmt.Errorf("%s and %s overlap: say each port once", last, r)
		case r.First == last.Last+1:
			last.Last = r.Last
		default:
			merged = append(merged, r)
		}
	}
	return merged, nil
}

func parseRange(text string) (owner.Range, error) {
	first, last, isRange := strings.Cut(strings.TrimSpace(text), "-")
	if !isRange {
		last = first
	}
	a, err := parsePort(text, first)
	if err != nil {
		return owner.Range{}, err
	}
	b, err := parsePort(text, last)
	if err != nil {
		return owner.Range{}, err
	}
	if a > b {
		return owner.Range{}, fmt.Errorf("%q runs backwards: write \"%d-%d\"", text, b, a)
	}
	return owner.Range{First: a, Last: b}, nil
}

func parsePort(whole, text string) (uint16, error) {
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is no port and no range of ports: write a number from 1 to 65535, or two as in \"8000-8010\"", whole)
	}
	if n < 1 || n > 65535 {
		return 0, fmt.Errorf("%d is no port: ports are from 1 to 65535", n)
	}
	return uint16(n), nil
}

// parseSources reads addresses and networks, in ascending order.
func parseSources(said []string) ([]netip.Prefix, error) {
	var (
		out  []netip.Prefix
		errs []error
	)
	for _, text := range said {
		p, err := parseSource(strings.TrimSpace(text))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out = append(out, p)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	slices.SortFunc(out, func(a, b netip.Prefix) int {
		if c := a.Addr().Compare(b.Addr()); c != 0 {
			return c
		}
		return a.Bits() - b.Bits()
	})
	for i := 1; i < len(out); i++ {
		// Sorted so, what a network holds comes right behind it, or behind something else that it holds.
		if out[i-1].Overlaps(out[i]) {
			return nil, fmt.Errorf("%s lies within %s: say it once", spellSource(out[i]), spellSource(out[i-1]))
		}
	}
	return out, nil
}

func parseSource(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		if a.Zone() != "" || a.Is4In6() {
			return netip.Prefix{}, fmt.Errorf("%q is no source: write a plain IPv4 or IPv6 address; the interface goes into interfaces", text)
		}
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil || p.Addr().Is4In6() {
		return netip.Prefix{}, fmt.Errorf("%q is no address and no network: write one such as \"192.168.0.0/16\", \"10.0.0.7\" or \"2001:db8::/32\"", text)
	}
	if p != p.Masked() {
		return netip.Prefix{}, fmt.Errorf("%q has bits beyond its length: write \"%s\" for the network or \"%s\" for the one address", text, p.Masked(), p.Addr())
	}
	return p, nil
}

// ofFamily refuses sources of which the family lets in none.
func (s *Spec) ofFamily(sources []netip.Prefix) error {
	for _, p := range sources {
		if s.Family == "ipv4" && !p.Addr().Is4() || s.Family == "ipv6" && p.Addr().Is4() {
			return fmt.Errorf("%s is not %s, and family = %q lets in nothing else", spellSource(p), s.Family, s.Family)
		}
	}
	return nil
}

// longestInterface is the longest name of an interface, in bytes (IFNAMSIZ of linux/if.h, less the zero at the end).
const longestInterface = 15

func validInterface(name string) error {
	bad := func(r rune) bool { return r == '/' || r == ':' || r == '"' || r == '*' || r <= ' ' || r > '~' }
	if name == "" || len(name) > longestInterface || name == "." || name == ".." || strings.ContainsFunc(name, bad) {
		return fmt.Errorf("%q is no name of an interface: \"ip link\" lists them", name)
	}
	return nil
}

// most is the largest rate: beyond it a limit bounds nothing.
const most = 1_000_000

// parseRate reads such as "10/minute"; nil is no rate.
func parseRate(text string) (*owner.Rate, error) {
	if text == "" {
		return nil, nil
	}
	count, per, _ := strings.Cut(text, "/")
	n, err := strconv.Atoi(strings.TrimSpace(count))
	for _, unit := range []string{"second", "minute", "hour", "day"} {
		if p := strings.TrimSpace(per); err == nil && (p == unit || p == unit[:1]) {
			if n < 1 || n > most {
				return nil, fmt.Errorf("%q lets in %d: a rate is from 1 to %d", text, n, most)
			}
			return &owner.Rate{Count: n, Per: unit}, nil
		}
	}
	return nil, fmt.Errorf("%q is no rate: write a number and a time, such as \"10/minute\" (second, minute, hour or day)", text)
}

func validComment(text string) error {
	switch {
	case len(text) > owner.MaxComment:
		return fmt.Errorf("it is %d bytes long: %d is what a rule has room for", len(text), owner.MaxComment)
	case strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) || strings.ContainsRune(`"\`, r) }):
		return fmt.Errorf("%q has a character that rules have no way to write: no double quotes, no backslash, one line", text)
	}
	return nil
}
