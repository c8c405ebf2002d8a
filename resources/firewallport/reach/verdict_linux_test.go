package reach_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/reach"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/ruleset"
)

func (l *lab) packet(proto string, port uint16) reach.Packet {
	return reach.Packet{Protocol: proto, Src: peers[0], Dst: hosts[0], DstPort: port, In: l.in}
}

// The words of a verdict are those that a plan prints.
func TestWords(t *testing.T) {
	l := newLab(t)
	for _, c := range []struct {
		name, nft string
		run       [][]string
		p         reach.Packet
		by        string
		unsure    string
		limited   string
		assumed   string
		outcome   reach.Outcome
	}{
		{name: "no rule", p: l.packet("tcp", 22), outcome: accept, by: "no rule"},
		{name: "firewalld", nft: firewalldLike, p: l.packet("tcp", 443), outcome: reject,
			by: "rule 7 of chain filter_IN_public of firewalld's table (inet firewalld): reject"},
		{name: "a log that is limited bounds nothing", nft: firewalldLike, p: l.packet("tcp", 22), outcome: accept,
			by: "rule 1 of chain filter_IN_public_allow of firewalld's table (inet firewalld): accept"},
		{name: "ufw", run: ufwLike, p: l.packet("tcp", 8080), outcome: drop, by: "the policy of chain INPUT of ufw's table (ip filter): drop"},
		{name: "ufw limits", run: ufwLike, p: l.packet("tcp", 22), outcome: accept,
			by:      "rule 1 of chain ufw-user-limit-accept of ufw's table (ip filter): accept",
			limited: "rule 2 of chain ufw-user-input of ufw's table (ip filter): jump to ufw-user-limit (as long as there are not too many in a short time)"},
		{name: "a limit", nft: `table inet filter { chain input { type filter hook input priority 0; policy drop; tcp dport 22 limit rate 10/minute accept comment "ssh"
			}; }`, p: l.packet("tcp", 22), outcome: accept, by: "rule 1 (ssh) of chain input of nftables.conf's table (inet filter): accept",
			limited: "rule 1 (ssh) of chain input of nftables.conf's table (inet filter): accept (up to 10/minute)"},
		{name: "a limit that makes no difference", nft: `table inet filter { chain input { type filter hook input priority 0; policy accept; tcp dport 22 limit rate 10/minute accept
			}; }`, p: l.packet("tcp", 22), outcome: accept, by: "rule 1 of chain input of nftables.conf's table (inet filter): accept"},
		{name: "a mark", nft: `table ip kube { chain input { type filter hook input priority 0; policy accept; meta mark & 0x8000 == 0x8000 drop
			}; }`, p: l.packet("tcp", 22), outcome: accept, by: "the policy of chain input of table ip kube: accept",
			assumed: "rule 1 of chain input of table ip kube: drop (the packet comes without a mark)"},
		{name: "not known", nft: `table inet agent0 { chain input { type filter hook input priority 0; policy drop; ether saddr 00:00:00:00:00:01 accept
			}; }`, p: l.packet("tcp", 22), outcome: unknown, by: "the policy of chain input of agent0-converge's table (inet agent0): drop",
			unsure: "rule 1 of chain input of agent0-converge's table (inet agent0): accept (the link-layer header is not known)"},
	} {
		l.load(c.nft, c.run...)
		v := reach.New(l.read(), reach.Options{}).Evaluate(c.p)
		if v.Outcome != c.outcome {
			t.Errorf("%s: %s", c.name, v.Outcome)
		}
		for _, w := range []struct {
			what string
			have *reach.Where
			want string
		}{{"by", v.By, c.by}, {"unsure", v.Unsure, c.unsure}, {"limited", v.Limited, c.limited}, {"assumed", v.Assumed, c.assumed}} {
			if w.want == "" {
				w.want = "no rule"
			}
			if w.have.String() != w.want {
				t.Errorf("%s: %s: %q, not %q", c.name, w.what, w.have, w.want)
			}
		}
	}
}

// What would be if an owner's own chain let the packet in, or if a table were not there or another.
func TestOptions(t *testing.T) {
	l := newLab(t)
	l.load(firewalldLike)
	other := l.read().Tables[0]
	l.load(firewalldLike + `table inet agent0 { chain input { type filter hook input priority 20; policy accept; tcp dport 443 drop
		}; }`)
	r := l.read()
	allow := reach.ChainName{Family: ruleset.Inet, Table: "firewalld", Chain: "filter_IN_public_allow"}
	ours := reach.TableName{Family: ruleset.Inet, Table: "agent0"}
	theirs := reach.TableName{Family: ruleset.Inet, Table: "firewalld"}
	for _, c := range []struct {
		o    reach.Options
		want reach.Outcome
	}{
		{reach.Options{}, reject},
		{reach.Options{Accept: []reach.ChainName{allow}}, drop},
		{reach.Options{Accept: []reach.ChainName{allow}, Without: []reach.TableName{ours}}, accept},
		{reach.Options{Without: []reach.TableName{ours, theirs}}, accept},
		{reach.Options{Without: []reach.TableName{ours, theirs}, With: []*ruleset.Table{other}}, reject},
	} {
		if v := reach.New(r, c.o).Evaluate(l.packet("tcp", 443)); v.Outcome != c.want {
			t.Errorf("%+v: %s, by %s", c.o, v.Outcome, v.By)
		}
	}
}

// Of the addresses that Sources names, one is treated as any other address is: that is tried with addresses about.
func TestSources(t *testing.T) {
	l := newLab(t)
	l.load(`table inet x {
		set some { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 172.16.0.5-172.16.0.9, 203.0.113.7 }; }
		set pairs { type inet_service . ipv6_addr; flags interval; elements = { 22 . 2001:db8:7::/48 }; }
		chain in { type filter hook input priority 0; policy drop;
			ip saddr @some accept
			ip saddr 192.0.2.0/25 ip daddr 192.0.2.1 accept
			ip saddr 198.51.100.64-198.51.100.77 accept
			ip saddr & 255.255.0.0 == 100.64.0.0 accept
			ip saddr > 223.255.0.0 accept
			tcp dport . ip6 saddr @pairs accept
			ip6 saddr { 2001:db8::1, fd00::/8 } accept
			ct original ip saddr 9.9.9.9 accept
		}; }`, []string{"iptables-nft", "-A", "INPUT", "-m", "iprange", "--src-range", "11.0.0.3-11.0.0.9", "-j", "DROP"})
	e := reach.New(l.read(), reach.Options{})
	addrs, complete := e.Sources()
	if !complete {
		t.Error("not complete")
	}
	outcome := func(a netip.Addr) string {
		p := l.packet("tcp", 22)
		if p.Src = a; a.Is6() {
			p.Dst = hosts[1]
		}
		v := e.Evaluate(p)
		return fmt.Sprint(v.Outcome, " ", v.By)
	}
	seen := map[string]bool{}
	for _, a := range addrs {
		seen[outcome(a)] = true
	}
	// All that any address near a boundary, or far from it, comes to is what one of them comes to.
	for _, s := range []string{
		"9.9.9.9", "9.9.9.8", "9.255.255.255", "10.0.0.0", "10.9.8.7", "10.255.255.255", "11.0.0.0", "11.0.0.2", "11.0.0.3", "11.0.0.9", "11.0.0.10", "172.16.0.4", "172.16.0.5",
		"172.16.0.10", "203.0.113.7", "192.0.2.127", "192.0.2.128", "198.51.100.63", "198.51.100.77", "198.51.100.78", "100.63.255.255", "100.64.3.2", "100.65.0.0", "223.255.0.0", "223.255.0.1",
		"2001:db8:7::", "2001:db8:7:ffff::9", "2001:db8:8::", "2001:db8::1", "fd77::1", "fe00::1",
	} {
		a := netip.MustParseAddr(s)
		family := slices.ContainsFunc(addrs, func(b netip.Addr) bool { return a.Is4() == b.Is4() && outcome(a) == outcome(b) })
		if !family || !seen[outcome(a)] {
			t.Errorf("%s comes to %s, which no source does", a, outcome(a))
		}
	}
	t.Logf("%d addresses, %d different verdicts", len(addrs), len(seen))
}

// A large ruleset is evaluated in no time, from very many sources.
func TestLarge(t *testing.T) {
	l := newLab(t)
	var s strings.Builder
	s.WriteString("table inet big {\nset many { type ipv4_addr; flags interval; elements = {")
	for i := range 10000 {
		fmt.Fprintf(&s, " 10.%d.%d.0/25,", i/250, i%250)
	}
	s.WriteString(" 11.0.0.1 }\n}\nset pairs { type ipv4_addr . inet_service; flags interval; elements = {")
	for i := range 10000 {
		fmt.Fprintf(&s, " 10.%d.%d.0/25 . 22-80,", i/250, i%250)
	}
	s.WriteString(" 11.0.0.1 . 22 }\n}\nchain input { type filter hook input priority 0; policy drop;\n")
	for i := range 2500 {
		fmt.Fprintf(&s, "ip saddr @many tcp dport %d accept\nip saddr . tcp dport @pairs ip daddr 10.9.9.9 drop\n", 10000+i)
	}
	s.WriteString("tcp dport 22 accept\n}\n}\n")
	start := time.Now()
	l.load(s.String())
	t.Logf("nft took %v", time.Since(start))
	start = time.Now()
	r := l.read()
	read := time.Since(start)
	start = time.Now()
	e := reach.New(r, reach.Options{})
	prepared := time.Since(start)
	p := l.packet("tcp", 22)
	p.Src = netip.MustParseAddr("10.3.4.5")
	start = time.Now()
	const n = 100
	for range n {
		if v := e.Evaluate(p); v.Outcome != accept || v.By.Rule != 5001 {
			t.Fatalf("%s by %s", v.Outcome, v.By)
		}
	}
	t.Logf("5,001 rules, sets of 10,000: read in %v, prepared in %v, each packet in %v", read, prepared, time.Since(start)/n)
	p.Src = netip.Addr{}
	if v := e.Evaluate(p); v.Outcome != accept {
		t.Errorf("from anywhere: %s by %s", v.Outcome, v.By)
	}
	if a, complete := e.Sources(); complete || len(a) <= reach.MaxSources || len(a) > 2*reach.MaxSources {
		t.Errorf("%d sources, complete: %v", len(a), complete)
	}
}

// A packet comes through the devices below its interface first.
func TestDevicesBelow(t *testing.T) {
	l := newLab(t)
	l.host.Run("ip", "link", "add", "lower", "type", "veth", "peer", "name", "other")
	l.load(`table netdev x { chain in { type filter hook ingress device lower priority 0; policy accept; tcp dport 22 drop
		ether saddr 00:00:00:00:00:01 tcp dport 80 drop
		}; }`)
	e := reach.New(l.read(), reach.Options{})
	for port, want := range map[uint16]reach.Outcome{22: drop, 80: unknown, 443: accept} {
		p := l.packet("tcp", port)
		if v := e.Evaluate(p); v.Outcome != accept {
			t.Errorf("past the device: %s, by %s", v.Outcome, v.By)
		}
		p.In.Below = []string{"lower"}
		if v := e.Evaluate(p); v.Outcome != want {
			t.Errorf("through the device: %s, by %s", v.Outcome, v.By)
		}
	}
}

func TestLegacy(t *testing.T) {
	root := t.TempDir()
	h, err := host.Open(host.Options{Root: root, Programs: map[string]host.ProgramFunc{}})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if got, err := reach.Legacy(h.View().Files); err != nil || len(got) != 0 {
		t.Errorf("without x_tables: %q, %v", got, err)
	}
	if err := os.MkdirAll(filepath.Join(root, "proc/net"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"ip_tables_names": "nat\nfilter\n", "ip6_tables_names": "mangle\n"} {
		if err := os.WriteFile(filepath.Join(root, "proc/net", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := reach.Legacy(h.View().Files)
	if want := []string{"ip nat", "ip filter", "ip6 mangle"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
}
