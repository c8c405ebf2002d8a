// Package nft is the owner of ports on a host where no other firewall decides: a table of nftables of our own,
// "inet agent0", that guards the ports of the plan and leaves all others alone.
//
// Without another firewall every port is open, and an accept in one table is not the last word about a packet: a drop
// in another one is. What a block can say here is therefore who else is kept out. A port with a condition (sources,
// interfaces, a rate, one family) is let in for those that some rule accepts, and dropped for all others; a port
// without one is accepted from everywhere; a port of which no rule speaks passes, as the policy says. What comes in
// through the loopback interface, and what belongs to a connection that is known, passes always. Connections are known
// from when the first guard comes; one from before that is known once the host sends something over it, and until then
// what it brings is taken for new. The table is at the hook input: it says nothing about packets that are forwarded, such
// as to a container.
//
// Rules with the same condition share it. One set has their ports, one set for each family their sources:
//
//	set tcp_1 { type inet_service; flags interval; elements = { 8000 comment "k3jq5mzt2a7c API", 9000-9010 comment "…" } }
//	set sources4_1 { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 192.168.0.0/16 } }
//	set guarded_tcp { type inet_service; flags interval; elements = { 8000, 9000-9010 } }
//	chain input {
//		type filter hook input priority filter; policy accept;
//		ct state established,related accept
//		iif "lo" accept
//		ip saddr @sources4_1 tcp dport @tcp_1 accept
//		tcp dport @guarded_tcp drop
//	}
//
// So thousands of blocks are a few rules, which is what a packet passes through. The comment of an element begins with
// a digest of the line that it is a part of. By it the table is read back into lines, and a line of which any part was
// changed is not taken for what it was.
//
// The running state is the kernel's table, replaced as a whole in one transaction. The persistent state is a script of
// nft(8) that makes the very same table in one, a unit that loads it at boot, and a drop-in for nftables.service, which
// flushes all tables whenever it is started or reloaded, and so has to load ours again.
package nft

import (
	"context"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// tableName is the name of the table, of the family inet.
const tableName = "agent0"

// Owner is the owner of a host's ports by way of nftables. It has no state of its own.
type Owner struct{}

// Name is nftables.
func (Owner) Name() string { return "nftables" }

// Lines are one line for each rule.
func (Owner) Lines(_ context.Context, _ host.View, r owner.Rule) ([]owner.Line, error) {
	e, err := newEntry(r)
	if err != nil {
		return nil, err
	}
	return []owner.Line{e.line()}, nil
}

// changed is lines without out and with in. One of in takes the place of whatever has its key.
func changed(lines map[string]owner.Line, out, in []owner.Line) ([]entry, error) {
	now := make(map[string]owner.Line, len(lines)+len(in))
	for key, l := range lines {
		now[key] = l
	}
	for _, l := range out {
		if now[l.Key] == l {
			delete(now, l.Key)
		}
	}
	for _, l := range in {
		now[l.Key] = l
	}
	entries := make([]entry, 0, len(now))
	for _, l := range now {
		e, err := parseEntry(l.Text)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// byKey are the lines of entries. Of two with one key the first is taken, and the key of the other is told.
func byKey(entries []entry) (lines map[string]owner.Line, twice string) {
	lines = make(map[string]owner.Line, len(entries))
	for _, e := range entries {
		l := e.line()
		if other, ok := lines[l.Key]; ok && other != l {
			twice = l.Key
			continue
		}
		lines[l.Key] = l
	}
	return lines, twice
}

// equal reports whether two sets of lines are the same.
func equal(a, b map[string]owner.Line) bool {
	if len(a) != len(b) {
		return false
	}
	for key, l := range a {
		if b[key] != l {
			return false
		}
	}
	return true
}
