package nft

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// text is a rule as a line has it: JSON, in one form.
type text struct {
	Protocol string `json:"protocol"`
	// Ports are such as "8000,9000-9010".
	Ports string `json:"ports"`
	// Family is ipv4 or ipv6, and empty for both. With sources it follows from them.
	Family     string   `json:"family,omitempty"`
	Sources    []string `json:"sources,omitempty"`
	Interfaces []string `json:"interfaces,omitempty"`
	Rate       string   `json:"rate,omitempty"`
	Comment    string   `json:"comment,omitempty"`
}

// entry is a rule with its line.
type entry struct {
	rule owner.Rule
	text string
	// id is what the comments of all parts of the line begin with.
	id string
}

// idBytes are how many bytes of a digest an id has: enough that no two of a million lines share one, and 12 letters.
const idBytes = 8

func newEntry(r owner.Rule) (entry, error) {
	r = plain(r)
	if err := check(r); err != nil {
		return entry{}, err
	}
	t := text{Protocol: r.Protocol, Ports: ports(r.Ports), Interfaces: r.Interfaces, Comment: r.Comment}
	if len(r.Sources) == 0 {
		t.Family = family(r)
	}
	for _, p := range r.Sources {
		t.Sources = append(t.Sources, p.String())
	}
	if r.Rate != nil {
		t.Rate = r.Rate.String()
	}
	var b bytes.Buffer
	j := json.NewEncoder(&b)
	j.SetEscapeHTML(false)
	if err := j.Encode(t); err != nil {
		return entry{}, fmt.Errorf("cannot write a rule down: %w", err)
	}
	e := entry{rule: r, text: strings.TrimSuffix(b.String(), "\n")}
	sum := sha256.Sum256([]byte(e.text))
	e.id = strings.ToLower(base32.StdEncoding.EncodeToString(sum[:idBytes])[:12])
	return e, nil
}

// family is ipv4 or ipv6 where a rule is for one of them alone.
func family(r owner.Rule) string {
	switch {
	case !r.IPv6:
		return "ipv4"
	case !r.IPv4:
		return "ipv6"
	}
	return ""
}

// plain brings rules that mean the same to one form: ports in a row are one range, and with sources the families are
// those that have some.
func plain(r owner.Rule) owner.Rule {
	var merged []owner.Range
	for _, p := range r.Ports {
		if last := len(merged) - 1; last >= 0 && merged[last].Last < p.First && merged[last].Last+1 == p.First {
			merged[last].Last = p.Last
		} else {
			merged = append(merged, p)
		}
	}
	r.Ports = merged
	r.Interfaces = slices.Compact(slices.Sorted(slices.Values(r.Interfaces)))
	if len(r.Sources) == 0 {
		r.Sources = nil
		return r
	}
	sources := slices.DeleteFunc(slices.Clone(r.Sources), func(p netip.Prefix) bool {
		return p.Addr().Is4() && !r.IPv4 || p.Addr().Is6() && !r.IPv6
	})
	slices.SortFunc(sources, netip.Prefix.Compare)
	r.Sources = sources
	r.IPv4 = slices.ContainsFunc(sources, func(p netip.Prefix) bool { return p.Addr().Is4() })
	r.IPv6 = slices.ContainsFunc(sources, func(p netip.Prefix) bool { return p.Addr().Is6() })
	return r
}

// parseEntry reads a line's text, which has to be in the form in which it is written.
func parseEntry(s string) (entry, error) {
	j := json.NewDecoder(strings.NewReader(s))
	j.DisallowUnknownFields()
	var t text
	if err := j.Decode(&t); err != nil {
		return entry{}, fmt.Errorf("cannot read the rule %.200s: %w", s, err)
	}
	r, err := t.rule()
	if err != nil {
		return entry{}, fmt.Errorf("cannot read the rule %.200s: %w", s, err)
	}
	e, err := newEntry(r)
	if err == nil && e.text != s {
		err = errors.New("it is not written as rules are")
	}
	if err != nil {
		return entry{}, fmt.Errorf("cannot read the rule %.200s: %w", s, err)
	}
	return e, nil
}

func (t text) rule() (owner.Rule, error) {
	r := owner.Rule{
		Protocol: t.Protocol, Interfaces: t.Interfaces, Comment: t.Comment, IPv4: t.Family != "ipv6", IPv6: t.Family != "ipv4",
	}
	for p := range strings.SplitSeq(t.Ports, ",") {
		rng, err := parseRange(p)
		if err != nil {
			return r, err
		}
		r.Ports = append(r.Ports, rng)
	}
	for _, s := range t.Sources {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return r, err
		}
		r.Sources = append(r.Sources, p)
	}
	if t.Rate == "" {
		return r, nil
	}
	count, per, _ := strings.Cut(t.Rate, "/")
	n, err := strconv.Atoi(count)
	r.Rate = &owner.Rate{Count: n, Per: per}
	return r, err
}

func parseRange(s string) (owner.Range, error) {
	first, last, ok := strings.Cut(s, "-")
	if !ok {
		last = first
	}
	a, err := strconv.ParseUint(first, 10, 16)
	b, err2 := strconv.ParseUint(last, 10, 16)
	return owner.Range{First: uint16(a), Last: uint16(b)}, cmp.Or(err, err2)
}

func ports(rs []owner.Range) string {
	all := make([]string, len(rs))
	for i, r := range rs {
		all[i] = r.String()
	}
	return strings.Join(all, ",")
}

func (e entry) line() owner.Line { return owner.Line{Key: e.key(), Text: e.text} }

// key says what the rule matches: neither rate nor comment.
func (e entry) key() string {
	k := e.rule.Protocol + " " + brief(ports(e.rule.Ports), len(e.rule.Ports))
	if n := len(e.rule.Sources); n > 0 {
		all := make([]string, n)
		for i, p := range e.rule.Sources {
			all[i] = p.String()
		}
		k += " from " + brief(strings.Join(all, ","), n)
	} else if f := family(e.rule); f != "" {
		k += " over " + f
	}
	if n := len(e.rule.Interfaces); n > 0 {
		k += " on " + brief(strings.Join(e.rule.Interfaces, ","), n)
	}
	return k
}

// briefLimit is the longest list in bytes that a key has in full.
const briefLimit = 100

// brief is a list of n things, or how many they are and their digest.
func brief(s string, n int) string {
	if len(s) <= briefLimit {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return fmt.Sprintf("%d:%s", n, hex.EncodeToString(sum[:16]))
}
