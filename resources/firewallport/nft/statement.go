package nft

import (
	"fmt"
	"strings"

	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// statement is a part of a rule. What it says is in nft's language.
type statement interface{ say() string }

type (
	// known holds for packets of connections that both sides know of, and of what belongs to one.
	known struct{}
	// loopback holds for packets that the host sends to itself.
	loopback struct{}
	// through holds for packets that come in through an interface of a set.
	through struct{ set string }
	// over holds for packets of one family.
	over struct{ v6 bool }
	// from holds for packets from an address of a set.
	from struct {
		v6  bool
		set string
	}
	// to holds for packets to a port of a set.
	to struct{ protocol, set string }
	// within holds as long as a rate is not exceeded.
	within struct{ rate owner.Rate }
	// verdict is what is done with a packet: accept, drop, or jump and the name of a chain.
	verdict struct{ what, chain string }
)

func (known) say() string     { return "ct state established,related" }
func (loopback) say() string  { return `iif "lo"` }
func (s through) say() string { return "iifname @" + s.set }
func (s over) say() string    { return "meta nfproto " + nfproto(s.v6) }
func (s to) say() string      { return s.protocol + " dport @" + s.set }

func (s from) say() string {
	if s.v6 {
		return "ip6 saddr @" + s.set
	}
	return "ip saddr @" + s.set
}

func (s within) say() string {
	return fmt.Sprintf("limit rate %s burst %d packets", s.rate, burst(s.rate))
}

func (s verdict) say() string {
	if s.chain != "" {
		return s.what + " " + s.chain
	}
	return s.what
}

func nfproto(v6 bool) string {
	if v6 {
		return "ipv6"
	}
	return "ipv4"
}

// mostAtOnce is the burst that nft(8) and firewalld take where none is said.
const mostAtOnce = 5

// burst is how many new connections are let in at once: no more than the rate has in its whole unit, so that 3/minute
// never are 5 in a second.
func burst(r owner.Rate) int { return min(r.Count, mostAtOnce) }

// say is the rule in nft's language.
func (r rule) say() string {
	all := make([]string, 0, len(r.statements)+1)
	for _, s := range r.statements {
		all = append(all, s.say())
	}
	if r.comment != "" {
		all = append(all, `comment "`+r.comment+`"`)
	}
	return strings.Join(all, " ")
}
