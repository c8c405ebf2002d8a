// Package firewallport manages which ports of a host are open, through whoever owns its firewall.
package firewallport

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// Spec is a port, or several, that are open, in the words of whoever owns the firewall of the host: firewalld or ufw,
// where one of them is active, and else a table of nftables' own (inet agent0). A firewall that is off is never
// switched on, a default policy is never touched, and rules of others never are. Both the rules that run and those
// that come back after a boot are read, compared and set. The plan looks at all rules of the host and says which
// one of whom keeps packets from the port all the same.
//
// A change that could cut the session of whoever makes it, or keep everybody out of the host, is taken back by itself
// unless it is confirmed: see "agent0-converge confirm".
type Spec struct {
	// Port is a port, or a range such as "8000-8010".
	Port string `hcl:"port,optional"`
	// Ports are several ports or ranges.
	Ports engine.List `hcl:"ports,optional"`
	// Protocol is "tcp", if left out, "udp", "sctp" or "dccp".
	Protocol string `hcl:"protocol,optional"`
	// Family is "any", if left out, "ipv4" or "ipv6".
	Family string `hcl:"family,optional"`
	// Sources are the addresses and networks that are let in, such as "192.168.0.0/16"; left out, everybody is. In a table
	// of nftables' own, others are kept out; firewalld and ufw keep out whom no rule lets in.
	Sources []string `hcl:"sources,optional"`
	// Interfaces are the network interfaces through which packets come in; left out, any. With firewalld they are those
	// whose zones get the rules.
	Interfaces []string `hcl:"interfaces,optional"`
	// Rate bounds new connections, such as "10/minute": a number in each second, minute, hour or day. With ufw the
	// only one is "12/minute", for each source.
	Rate string `hcl:"rate,optional"`
	// Comment is kept with the rules. Firewalld has no room for one.
	Comment string `hcl:"comment,optional"`
	// Strict makes it an error, and not a warning, that rules of others keep packets from the port or, where the block is
	// to be absent, let them through.
	Strict bool `hcl:"strict,optional" diff:"-"`
	// Backend is who is asked: "auto", if left out, is whoever owns the firewall; "nftables", "firewalld" and "ufw"
	// are that one, and an error where it is not active.
	Backend string `hcl:"backend,optional" diff:"-"`

	// Found says that this is the port as it was found.
	Found bool `record:"found"`
	// Running and Persistent are the rules as found, by owner and what they match.
	Running    map[string]string `record:"running" stale:"-"`
	Persistent map[string]string `record:"persistent"`
	// Gone says that the port is to be absent.
	Gone bool `record:"gone" diff:"-"`

	// asked is what Read learns besides: nothing of it is kept.
	asked
	// others are blocks whose rules are theirs, also where this one asks for the same.
	others *engine.Others[Spec]
}

// Beside tells of the blocks beside which this one comes or goes.
func (s *Spec) Beside(others *engine.Others[Spec]) { s.others = others }

// asked is what a block that was looked at asked for, as each state keeps it, what is wrong with the running and with
// the persistent state as a whole, and whether there is none that runs.
type asked struct {
	wanted  texts
	damage  [2]string
	offline bool
}

// texts are rules by owner and what they match, in the form in which each state keeps them.
type texts struct{ running, persistent map[string]string }

// Absent tells that the rules are to go.
func (s *Spec) Absent() { s.Gone = true }

// Default brings what the block says to one form: sorted, ranges that touch made one, and nothing left to be guessed.
func (s *Spec) Default() {
	if s.Protocol == "" {
		s.Protocol = "tcp"
	}
	if s.Family == "" {
		s.Family = "any"
	}
	if s.Backend == "" {
		s.Backend = auto
	}
	if ports, err := s.ports(); err == nil {
		s.setPorts(ports)
	}
	if sources, err := parseSources(s.Sources); err == nil {
		s.Sources = nil
		for _, p := range sources {
			s.Sources = append(s.Sources, spellSource(p))
		}
	}
	if rate, err := parseRate(s.Rate); err == nil && rate != nil {
		s.Rate = rate.String()
	}
	s.Interfaces = slices.Compact(slices.Sorted(slices.Values(s.Interfaces)))
}

func (s *Spec) setPorts(ports []owner.Range) {
	s.Port, s.Ports = "", nil
	if len(ports) == 1 {
		s.Port = ports[0].String()
		return
	}
	for _, r := range ports {
		s.Ports = append(s.Ports, r.String())
	}
}

// rule is what the block asks for. The block is a valid one.
func (s *Spec) rule() (owner.Rule, error) {
	ports, err := s.ports()
	if err != nil {
		return owner.Rule{}, err
	}
	sources, err := parseSources(s.Sources)
	if err != nil {
		return owner.Rule{}, err
	}
	rate, err := parseRate(s.Rate)
	if err != nil {
		return owner.Rule{}, err
	}
	return owner.Rule{
		Protocol: s.Protocol, Ports: ports, Sources: sources, Interfaces: s.Interfaces, Rate: rate, Comment: s.Comment,
		IPv4: s.Family != "ipv6", IPv6: s.Family != "ipv4",
	}, nil
}

// longestClaim is the longest claim that is written out, in bytes.
const longestClaim = 200

// Claims is what packets the block lets in: of two blocks that let in the same, one is too many.
func (s *Spec) Claims() []engine.Claim {
	text := "firewall:" + s.words()
	if len(text) > longestClaim {
		sum := sha256.Sum256([]byte(text))
		text = strings.ToValidUTF8(text[:longestClaim-20], "") + "…" + hex.EncodeToString(sum[:8])
	}
	return []engine.Claim{engine.Claim(text)}
}

// words says which packets are meant: "tcp 8000 from 192.168.0.0/16 on eth0".
func (s *Spec) words() string {
	ports := strings.Join(s.Ports, ",")
	if s.Port != "" {
		ports = s.Port
	}
	text := s.Protocol + " " + ports
	if s.Family != "any" {
		text += " by " + s.Family
	}
	if len(s.Sources) > 0 {
		text += " from " + strings.Join(s.Sources, ",")
	}
	if len(s.Interfaces) > 0 {
		text += " on " + strings.Join(s.Interfaces, ",")
	}
	return text
}

func spellSource(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

// Clashes are blocks whose ports overlap for the same packets otherwise: whose rule of the two was meant nobody knows,
// and firewalld would make one of them.
func clashes(all []*Spec) []engine.Clash {
	type open struct {
		owner.Range
		at int
	}
	var (
		alike = map[string][]open{}
		out   []engine.Clash
	)
	for i, s := range all {
		ports, err := s.ports()
		if err != nil {
			continue // told by Validate
		}
		for _, key := range s.sorts() {
			for _, r := range ports {
				alike[key] = append(alike[key], open{r, i})
			}
		}
	}
	told := map[[2]int]bool{}
	for _, ranges := range alike {
		slices.SortFunc(ranges, func(a, b open) int { return int(a.First) - int(b.First) })
		furthest := ranges[0]
		for _, r := range ranges[1:] {
			pair := [2]int{min(r.at, furthest.at), max(r.at, furthest.at)}
			if r.First <= furthest.Last && r.at != furthest.at && !told[pair] {
				told[pair] = true
				out = append(out, engine.Clash{One: pair[0], Other: pair[1], Why: fmt.Sprintf(
					"both let in %s %s and %s for the same sources: say each port in one of them", all[r.at].Protocol, furthest.Range, r.Range)})
			}
			if r.Last > furthest.Last {
				furthest = r
			}
		}
	}
	slices.SortFunc(out, func(a, b engine.Clash) int { return (a.Other-b.Other)*1_000_000 + a.One - b.One })
	return out
}

// sorts are the sorts of packets that the block is about, but for their ports: one for each family and source.
func (s *Spec) sorts() []string {
	var out []string
	sources := s.Sources
	if len(sources) == 0 {
		sources = []string{""}
	}
	for _, source := range sources {
		for _, family := range []string{"ipv4", "ipv6"} {
			if s.Family == "any" || s.Family == family {
				out = append(out, strings.Join([]string{s.Protocol, family, source, strings.Join(s.Interfaces, ",")}, " "))
			}
		}
	}
	return out
}
