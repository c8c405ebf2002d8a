// Package ruleset reads the whole packet filter of a kernel (nf_tables), whoever made which part of it.
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

// Table is one table.
type Table struct {
	Family Family
	Name   string
	// Dormant says that its chains are not called.
	Dormant bool
	Chains  []*Chain
	Sets    map[string]*Set
	// Comment is what its user data says.
	Comment string
}

// Chain is a list of rules.
type Chain struct {
	Table  *Table
	Name   string
	Handle uint64
	// Base says where a base chain is called; nil for a chain that others jump to.
	Base  *Base
	Rules []*Rule
}

// Base is where and when a base chain is called.
type Base struct {
	// Type is filter, nat or route; Hook the kernel's number of the family (NF_INET_*, NF_NETDEV_*).
	Type     string
	Hook     uint32
	Priority int32
	// Drop says that the policy is drop; otherwise it is accept.
	Drop bool
	// Devices are those of a chain at ingress or egress.
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
	Name string
	// Flags are NFT_SET_*; types are nft's numbers (of a concatenation six bits each), lengths in bytes.
	Flags             uint32
	KeyType, KeyLen   uint32
	DataType, DataLen uint32
	// FieldLens are the lengths of the parts of a concatenation.
	FieldLens []uint32
	Elements  []Element
	Comment   string
}

// Element is one element of a set, or the end of an interval.
type Element struct {
	// Key is nil for the element that catches all. KeyEnd is the last key of an interval of a concatenation.
	Key, KeyEnd []byte
	// IntervalEnd says that it is the first key behind an interval.
	IntervalEnd bool
	CatchAll    bool
	// Value is what a map has for the key; Verdict, where not nil, is that instead.
	Value   []byte
	Verdict *Verdict
	Comment string
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
