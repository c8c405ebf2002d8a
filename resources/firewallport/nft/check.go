package nft

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// protocols are those that have ports, by their numbers in a packet (IANA's protocol numbers).
func protocols() map[string]byte {
	return map[string]byte{"tcp": 6, "dccp": 33, "udp": 17, "sctp": 132}
}

// units are the seconds that a rate's unit has.
func units() map[string]uint64 {
	return map[string]uint64{"second": 1, "minute": 60, "hour": 60 * 60, "day": 24 * 60 * 60}
}

// check finds what nftables cannot do, or cannot be told in its own language, in which the persistent state is.
func check(r owner.Rule) error {
	switch {
	case protocols()[r.Protocol] == 0:
		return fmt.Errorf("nftables has no ports of the protocol %q: write tcp, udp, sctp or dccp", r.Protocol)
	case !r.IPv4 && !r.IPv6 && len(r.Sources) == 0:
		return errors.New("no source is of the family that the rule is for, so that it lets nobody in: name a source of that family, or leave family out")
	case !r.IPv4 && !r.IPv6:
		return errors.New("the rule is for neither IPv4 nor IPv6, so that it lets nobody in: leave family out for both")
	}
	if err := checkPorts(r.Ports); err != nil {
		return err
	}
	if err := checkSources(r); err != nil {
		return err
	}
	for _, name := range r.Interfaces {
		if err := checkInterface(name); err != nil {
			return err
		}
	}
	if r.Rate != nil && (r.Rate.Count < 1 || r.Rate.Count > math.MaxInt32 || units()[r.Rate.Per] == 0) {
		return fmt.Errorf("nftables has no rate %s: write it like 10/minute, with second, minute, hour or day", r.Rate)
	}
	return checkComment(r.Comment)
}

func checkPorts(rs []owner.Range) error {
	if len(rs) == 0 {
		return errors.New("the rule has no port: name one")
	}
	for i, p := range rs {
		if p.First > p.Last || i > 0 && p.First <= rs[i-1].Last {
			return fmt.Errorf("the ports %s are not in order: write each once, the lowest first", ports(rs))
		}
	}
	return nil
}

func checkSources(r owner.Rule) error {
	for i, p := range r.Sources {
		switch {
		case !p.IsValid() || p != p.Masked() || p.Addr().Is4In6() || p.Addr().Zone() != "":
			return fmt.Errorf("%s is no network: write one such as 10.0.0.0/8 or 2001:db8::/32", p)
		case i > 0 && r.Sources[i-1].Overlaps(p):
			return fmt.Errorf("the source %s is in %s: leave it out", p, r.Sources[i-1])
		}
	}
	return nil
}

// maxInterface is the longest name of an interface (IFNAMSIZ of linux/if.h, less the NUL).
const maxInterface = 15

// checkInterface takes names that an interface can have and that mean just themselves to nft(8): a star at the end would
// stand for any ending, and a quote or a backslash cannot be written.
func checkInterface(name string) error {
	bad := strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c > '~' || strings.ContainsRune(`"\*/:`, c) })
	if name == "" || name == "." || name == ".." || len(name) > maxInterface || bad {
		return fmt.Errorf("nftables cannot be told of an interface %q: name each by its name alone, such as eth0", name)
	}
	return nil
}

// maxComment is the longest comment of an element or a rule in bytes, less the NUL (NFTNL_UDATA_COMMENT_MAXLEN of
// nft's linux/netfilter/nf_tables.h).
const maxComment = 127

// tagLength is how much of a comment the id and the blank after it take.
const tagLength = 13

func checkComment(c string) error {
	switch {
	case !utf8.ValidString(c) || strings.ContainsFunc(c, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return fmt.Errorf("nftables cannot have the comment %q: write it in one line, without control characters", c)
	case len(escape(c)) > maxComment-tagLength:
		return fmt.Errorf("nftables has no room for the comment %q: write fewer quotes, or fewer words", c)
	}
	return nil
}

// tag is the comment of a part of the line.
func (e entry) tag() string {
	if e.rule.Comment == "" {
		return e.id
	}
	return e.id + " " + escape(e.rule.Comment)
}

// untag is the id and the comment of a tag. ok is false for one that is not ours.
func untag(s string) (id, comment string, ok bool) {
	id, rest, _ := strings.Cut(s, " ")
	if len(id) != tagLength-1 {
		return "", "", false
	}
	comment, ok = unescape(rest)
	return id, comment, ok
}

// escape writes a comment without quotes, for which nft(8) has no notation within a text.
func escape(s string) string {
	if !strings.ContainsAny(s, `\"`) {
		return s
	}
	return strings.NewReplacer(`\`, `\\`, `"`, `\'`).Replace(s)
}

func unescape(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		i++
		if i == len(s) || !slices.Contains([]byte(`\'`), s[i]) {
			return "", false
		}
		if s[i] == '\'' {
			b.WriteByte('"')
		} else {
			b.WriteByte('\\')
		}
	}
	return b.String(), true
}
