package nft

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// table is all that is in ours, in the order in which it is made.
type table struct {
	sets   []set
	chains []chain
}

// set is a named set.
type set struct {
	name  string
	of    keys
	spans []span
}

// keys are what a set is a set of.
type keys int

const (
	services   keys = iota // ports
	addresses4             // IPv4 addresses
	addresses6             // IPv6 addresses
	names                  // names of interfaces
)

// kind is nft's name of the type of the keys.
func (k keys) kind() string {
	return [...]string{"inet_service", "ipv4_addr", "ipv6_addr", "ifname"}[k]
}

// length is how many bytes a key has.
func (k keys) length() int { return [...]int{2, 4, 16, 16}[k] }

// interval says that elements are ranges of keys.
func (k keys) interval() bool { return k != names }

// span is an element of a set: keys in a row, or one.
type span struct {
	first, last []byte
	comment     string
}

// compare orders spans by their first key.
func (s span) compare(o span) int { return bytes.Compare(s.first, o.first) }

func spanOfPorts(r owner.Range, comment string) span {
	return span{binary.BigEndian.AppendUint16(nil, r.First), binary.BigEndian.AppendUint16(nil, r.Last), comment}
}

func spanOfPrefix(p netip.Prefix) span {
	first := p.Addr().AsSlice()
	last := bytes.Clone(first)
	for i := p.Bits(); i < 8*len(last); i++ {
		last[i/8] |= 0x80 >> (i % 8)
	}
	return span{first: first, last: last}
}

func spanOfName(name string) span {
	key := make([]byte, names.length())
	copy(key, name)
	return span{first: key, last: key}
}

// ports are those of an element of a set of ports.
func (s span) ports() owner.Range {
	return owner.Range{First: binary.BigEndian.Uint16(s.first), Last: binary.BigEndian.Uint16(s.last)}
}

// prefix is the network that an element of a set of addresses is; ok is false where it is none.
func (s span) prefix() (p netip.Prefix, ok bool) {
	addr, ok := netip.AddrFromSlice(s.first)
	if !ok {
		return p, false
	}
	for bits := range addr.BitLen() + 1 {
		p = netip.PrefixFrom(addr, bits)
		if p == p.Masked() && bytes.Equal(spanOfPrefix(p).last, s.last) {
			return p, true
		}
	}
	return netip.Prefix{}, false
}

// write is the element in nft's language.
func (s span) write(of keys) string {
	switch of {
	case services:
		return s.ports().String()
	case names:
		return fmt.Sprintf(`"%s"`, bytes.TrimRight(s.first, "\x00"))
	}
	if p, ok := s.prefix(); ok {
		return p.String()
	}
	first, _ := netip.AddrFromSlice(s.first)
	last, _ := netip.AddrFromSlice(s.last)
	return first.String() + "-" + last.String()
}

// chain is a list of rules. The one that is called for packets that come in is a base chain.
type chain struct {
	name  string
	base  bool
	rules []rule
}

// rule is statements, each of which has to hold for the next to be reached.
type rule struct {
	statements []statement
	comment    string
}
