// Package ruleset reads the whole packet filter of a kernel (nf_tables), whoever made which part of it.
//
// The numbers of attributes and messages are those of linux/netfilter/nf_tables.h; what user data holds is libnftnl's
// (libnftnl/udata.h).
package ruleset

// Ruleset is all tables, in the order in which the kernel tells them.
type Ruleset struct{ Tables []*Table }

// Family is a family of tables, by the kernel's number (NFPROTO_*).
type Family uint8

// The families of linux/netfilter.h.
const (
	Inet   Family = 1
	IPv4   Family = 2
	ARP    Family = 3
	Netdev Family = 5
	Bridge Family = 7
	IPv6   Family = 10
)

// String is the family as nft(8) writes it: inet, ip, arp, netdev, bridge, ip6.
func (f Family) String() string {
	switch f {
	case Inet:
		return "inet"
	case IPv4:
		return "ip"
	case ARP:
		return "arp"
	case Netdev:
		return "netdev"
	case Bridge:
		return "bridge"
	case IPv6:
		return "ip6"
	}
	return "unknown"
}

// Table returns the table of a family and name, nil where there is none.
func (r *Ruleset) Table(f Family, name string) *Table {
	for _, t := range r.Tables {
		if t.Family == f && t.Name == name {
			return t
		}
	}
	return nil
}

// Table is one table.
type Table struct {
	Family Family
	Name   string
	Handle uint64
	// Flags are NFT_TABLE_F_*.
	Flags uint32
	// Dormant says that its chains are not called.
	Dormant bool
	// Chains are in the order in which the kernel tells them.
	Chains []*Chain
	// Sets are by name; those without a name of their own have the kernel's, such as "__set0".
	Sets map[string]*Set
	// Objects are its counters, quotas, limits and so on.
	Objects []*Object
	// Comment is what its user data says.
	Comment string
}

// Chain returns the chain of a name, nil where there is none.
func (t *Table) Chain(name string) *Chain {
	for _, c := range t.Chains {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// Chain is a list of rules.
type Chain struct {
	Table  *Table
	Name   string
	Handle uint64
	// Flags are NFT_CHAIN_*.
	Flags uint32
	// Base says where a base chain is called; nil for a chain that others jump to.
	Base  *Base
	Rules []*Rule
	// Comment is what its user data says.
	Comment string
}

// Base is where and when a base chain is called.
type Base struct {
	// Type is filter, nat or route; Hook the kernel's number of the family (NF_INET_*, NF_NETDEV_*).
	Type     string
	Hook     uint32
	Priority int32
	// Drop says that the policy is drop; otherwise it is accept.
	Drop bool
	// Devices are those of a chain at ingress or egress. One that ends with "*" stands for all that begin so.
	Devices []string
}

// Rule is one rule.
type Rule struct {
	Chain  *Chain
	Handle uint64
	// Number is its place in the chain, from 1.
	Number int
	Exprs  []Expr
	// Comment is what its user data says.
	Comment string
}

// Expr is one expression of a rule as the kernel tells it: its name and its attributes (NFTA_EXPR_DATA), which
// whoever evaluates or compares it decodes. So none is lost that this package does not know.
type Expr struct {
	Name string
	Data []byte
}

// Set is a set or a map.
type Set struct {
	Table  *Table
	Name   string
	Handle uint64
	// Flags are NFT_SET_*; types are nft's numbers (of a concatenation six bits each), lengths in bytes.
	Flags             uint32
	KeyType, KeyLen   uint32
	DataType, DataLen uint32
	// ObjectType is the kind of object that a map has for its keys (NFT_OBJECT_*), 0 where it has none.
	ObjectType uint32
	// Timeout is how long an element stays, in milliseconds; 0 means for ever.
	Timeout uint64
	// Size bounds how many elements there may be; 0 means any number.
	Size uint32
	// FieldLens are the lengths of the parts of a concatenation.
	FieldLens []uint32
	// Elements are in the kernel's order, which need not be one by key.
	Elements []Element
	Comment  string
	// Exprs are stateful expressions that each element has.
	Exprs []Expr
}

// Element is one element of a set, or the end of an interval.
type Element struct {
	// Key is nil for the element that catches all. KeyEnd is the last key of an interval of a concatenation.
	Key, KeyEnd []byte
	// IntervalEnd says that it is the first key behind an interval.
	IntervalEnd bool
	CatchAll    bool
	// Value is what a map has for the key; Verdict, where not nil, is that instead; Object names one of the table.
	Value   []byte
	Verdict *Verdict
	Object  string
	// Timeout and Expires are how long it stays in all and from now on, in milliseconds; 0 means for ever.
	Timeout, Expires uint64
	Comment          string
	// Exprs are stateful expressions that are evaluated where the element matches.
	Exprs []Expr
}

// Verdict is what is done with a packet.
type Verdict struct {
	// Code is NF_DROP, NF_ACCEPT, NFT_CONTINUE and so on, as the kernel has it.
	Code int32
	// Chain is where NFT_JUMP and NFT_GOTO go.
	Chain string
}

// Object is one with a state that rules refer to by name.
type Object struct {
	Name   string
	Handle uint64
	// Type is NFT_OBJECT_*: a counter is 1, a quota 2, a limit 4.
	Type uint32
	// Data are its attributes, as the kernel tells them.
	Data []byte
}

// The flags of sets that say how to read their elements (NFT_SET_*).
const (
	SetInterval uint32 = 1 << 2
	SetMap      uint32 = 1 << 3
	SetTimeout  uint32 = 1 << 4
	SetEval     uint32 = 1 << 5
	SetObject   uint32 = 1 << 6
	SetConcat   uint32 = 1 << 7
)

// The verdicts of linux/netfilter.h and linux/netfilter/nf_tables.h.
const (
	Drop     int32 = 0
	Accept   int32 = 1
	Stolen   int32 = 2
	Queue    int32 = 3
	Continue int32 = -1
	Break    int32 = -2
	Jump     int32 = -3
	Goto     int32 = -4
	Return   int32 = -5
)
