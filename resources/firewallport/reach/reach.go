// Package reach says whether a packet that comes to this host gets through its packet filter, whoever made which part
// of it, and names the rule that decides.
//
// It interprets rules as the kernel does, register by register. What the packet does not fix, such as its source port
// or the time, is unknown bit by bit; a match of which that leaves both answers possible is followed both ways, and what comes
// out the same either way is certain. Nothing is skipped: of an expression that is not known, anything may come.
//
// Only nf_tables is looked at: routing, rp_filter, traffic control, eBPF programs and the older x_tables (see Legacy)
// may still keep a packet out.
package reach

import (
	"net/netip"

	"github.com/agent0-converge/agent0-converge/resources/firewallport/ruleset"
)

// Packet is one that comes in from a network, to an address of this host.
type Packet struct {
	// Protocol is tcp, udp, sctp or dccp.
	Protocol string
	// Src is from where; the zero Addr means that it is not known. Dst is an address of this host.
	Src, Dst netip.Addr
	// SrcPort 0 means that it is not known.
	SrcPort, DstPort uint16
	In               Interface
	// Established says that it belongs to a connection that exists and was begun by the other side. Otherwise it is
	// the first of a new one. One that exists is taken to be not translated.
	Established bool
}

// Interface is what a packet comes in by. What is left out of Name and Index is not known.
type Interface struct {
	Name  string
	Index int
	// Type is ARPHRD_*; 0 means ether.
	Type uint16
	// Group is 0 if nobody set another.
	Group uint32
	// Addrs are its addresses, the first of a family first.
	Addrs []netip.Addr
	// Below are the devices that it is made of, from the lowest up, such as the port of a bridge or a bond that the packet
	// comes through, or the device of a VLAN: chains at ingress are called for each.
	Below []string
}

// Outcome is what becomes of a packet.
type Outcome uint8

// The outcomes. Unknown means that it depends on what is not known, Redirected that the packet goes to another host.
const (
	Unknown Outcome = iota
	Accept
	Drop
	Reject
	Redirected
)

// String is accept, drop, reject, redirect or unknown.
func (o Outcome) String() string {
	return [...]string{"unknown", "accept", "drop", "reject", "redirect"}[o]
}

// Verdict is what becomes of a packet, and why.
type Verdict struct {
	Outcome Outcome
	// By is what decides: of several that accept the last rule, or where no rule does the last policy. Where the outcome
	// is unknown it is what might keep the packet out. Nil means that nothing looks at such packets.
	By *Where
	// Unsure is the rule whose match is not known, where the outcome is unknown, or where it is sure that the packet is kept
	// out but not how: then it is called drop.
	Unsure *Where
	// Limited is what bounds how many, how often or how much, where what comes out beyond that is something else.
	Limited *Where
	// Assumed is a rule that looks at what is nearly always so (a packet comes without a mark, the way back to who
	// sent it is the way it came), where otherwise something else might come out. Its Why says what was assumed.
	Assumed *Where
	// To is the address and port of this host that get the packet: another than it was sent to where it is redirected. The
	// port is 0, or the address the zero Addr, where that is not known.
	To netip.AddrPort
}

// ChainName names a chain.
type ChainName struct {
	Family       ruleset.Family
	Table, Chain string
}

// TableName names a table.
type TableName struct {
	Family ruleset.Family
	Table  string
}

// Options change the ruleset before it is evaluated, or say more about the host.
type Options struct {
	// Accept are chains that are taken to accept whatever reaches them: what would happen if their owner let it in there.
	Accept []ChainName
	// Without are tables that are left out.
	Without []TableName
	// With are tables that are added, such as one that is to take the place of one left out. As what is made last, they are
	// called before others of the same priority if they have no handle, as a table has that nobody read from a kernel.
	With []*ruleset.Table
	// Local are further addresses of this host. Without them, a packet translated to another address than its own and those
	// of its interface goes to another host.
	Local []netip.Addr
}

// Evaluator evaluates one ruleset. It may be used by several goroutines at once.
type Evaluator struct {
	// chains called for packets that come in, in order: at ingress, before routing and at input.
	ingress, prerouting, input []*chain
	local                      []netip.Addr
	tracked                    tracking
}

// New prepares a ruleset for evaluation.
func New(r *ruleset.Ruleset, o Options) *Evaluator {
	e := &Evaluator{local: o.Local}
	c := newCompiler(o)
	for _, t := range r.Tables {
		if !c.leftOut(t) {
			e.add(c.table(t))
		}
	}
	for _, t := range o.With {
		e.add(c.table(t))
	}
	for _, list := range [][]*chain{e.ingress, e.prerouting, e.input} {
		sortChains(list)
	}
	return e
}

// Evaluate says what becomes of a packet.
func (e *Evaluator) Evaluate(p Packet) Verdict {
	r := newRun(e, p)
	return r.verdict(r.walk())
}
