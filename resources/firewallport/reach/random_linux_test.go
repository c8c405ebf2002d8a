package reach_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/resources/firewallport/reach"
)

// Rulesets made at random are evaluated, and compared with packets that are really sent. AGENT0_REACH is how many,
// AGENT0_REACH_SEED the first one's seed: a failure says its own, by which it can be made again alone.
func TestRandomRulesetsAgainstPackets(t *testing.T) {
	const each = 8
	number, first := 300, 1
	for name, to := range map[string]*int{"AGENT0_REACH": &number, "AGENT0_REACH_SEED": &first} {
		if s := os.Getenv(name); s != "" {
			n, err := strconv.Atoi(s)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			*to = n
		}
	}
	if testing.Short() {
		number = min(number, 50)
	}
	l := newLab(t)
	packets := l.packets()
	compared, certain, bad := 0, 0, 0
	outcomes := map[reach.Outcome]int{}
	for i := range number {
		seed := uint64(first + i)
		g := &generator{rnd: rand.New(rand.NewPCG(seed, 0))}
		script := g.ruleset()
		l.load(script)
		e := reach.New(l.read(), reach.Options{})
		for range each {
			if strings.Contains(script, "add @") {
				e = reach.New(l.read(), reach.Options{}) // what the packets before added counts
			}
			p := packets[g.rnd.IntN(len(packets))]
			blind := e.Evaluate(p)
			f := l.send(&p)
			v := e.Evaluate(p)
			for _, v := range []reach.Verdict{v, blind} {
				if d := disagrees(v, f); d != "" {
					bad++
					t.Errorf("AGENT0_REACH=1 AGENT0_REACH_SEED=%d: %s from %s:%d to %s:%d: %s\n%s", seed, p.Protocol, p.Src, p.SrcPort, p.Dst, p.DstPort, d, script)
				}
			}
			if bad > 3 {
				t.FailNow()
			}
			compared++
			outcomes[v.Outcome]++
			if v.Outcome != reach.Unknown {
				certain++
			}
		}
	}
	t.Logf("compared %d rulesets by %d packets; %d verdicts were certain; %v", number, compared, certain, outcomes)
	if certain*10 < compared*9 {
		t.Errorf("only %d of %d verdicts were certain", certain, compared)
	}
}

// generator makes rulesets that nft takes.
type generator struct {
	rnd *rand.Rand
	s   strings.Builder
}

func (g *generator) pick(of ...string) string { return of[g.rnd.IntN(len(of))] }

func (g *generator) chance(percent int) bool { return g.rnd.IntN(100) < percent }

func (g *generator) port() string { return fmt.Sprint(ports[g.rnd.IntN(len(ports))]) }

func (g *generator) ruleset() string {
	for i := range 1 + g.rnd.IntN(3) {
		g.table(g.pick("inet", "inet", "inet", "ip", "ip6", "netdev"), fmt.Sprintf("t%d", i))
	}
	return g.s.String()
}

func (g *generator) table(family, name string) {
	fmt.Fprintf(&g.s, "table %s %s {\n", family, name)
	if g.chance(5) {
		g.s.WriteString("\tflags dormant;\n")
	}
	fmt.Fprintf(&g.s, "\tset p { type inet_service; elements = { %s, %s } ; }\n", ports4(g), g.pick("1", "2"))
	fmt.Fprintf(&g.s, "\tset r { type inet_service; flags interval; auto-merge; elements = { %s, %s-%s } ; }\n", g.pick("22", "80", "9000"), g.pick("100", "443"), g.pick("8000", "8500"))
	fmt.Fprintf(&g.s, "\tset four { type ipv4_addr; flags interval; elements = { %s } ; }\n", g.pick("192.0.2.2", "192.0.2.0/30", "198.51.100.0/24, 192.0.2.3", "0.0.0.0-192.0.2.2"))
	fmt.Fprintf(&g.s, "\tset six { type ipv6_addr; flags interval; elements = { %s } ; }\n", g.pick("2001:db8::2", "2001:db8::/64", "2001:db8:1::/48, 2001:db8::3"))
	fmt.Fprintf(&g.s, "\tset both { type ipv4_addr . inet_service; flags interval; elements = { 192.0.2.0/31 . %s, 192.0.2.2-192.0.2.3 . %s-9000, 198.51.0.0/16 . %s } ; }\n", g.port(), g.pick("22", "443"), g.port())
	g.s.WriteString("\tset seen { type ipv4_addr; flags dynamic; size 1000; }\n")
	fmt.Fprintf(&g.s, "\tmap value { type inet_service : mark; elements = { 22 : 1, 80 : %s, 8000-8080 : 3 }; flags interval; }\n", g.pick("2", "17"))
	leaves := g.rnd.IntN(4)
	for i := leaves - 1; i >= 0; i-- {
		fmt.Fprintf(&g.s, "\tchain c%d {\n", i)
		g.rules(family, "leaf", i+1, leaves)
		g.s.WriteString("\t}\n")
	}
	if family == "netdev" {
		g.base("b0", "filter", "ingress device eth0", family, "ingress", leaves)
	} else {
		for i := range 1 + g.rnd.IntN(3) {
			switch k := g.pick("pre", "in", "in", "nat", "raw", "ingress"); {
			case k == "ingress" && family == "inet":
				g.base(fmt.Sprint("b", i), "filter", "ingress device eth0", family, "ingress", 0)
			case k == "pre":
				g.base(fmt.Sprint("b", i), "filter", "prerouting", family, "pre", leaves)
			case k == "raw":
				g.base(fmt.Sprint("b", i), "filter", "prerouting priority raw", family, "raw", leaves)
			case k == "nat":
				g.base(fmt.Sprint("b", i), "nat", "prerouting", family, "nat", 0)
			default:
				g.base(fmt.Sprint("b", i), "filter", "input", family, "in", leaves)
			}
		}
	}
	g.s.WriteString("}\n")
}

func ports4(g *generator) string { return g.port() }

// base makes a base chain. Priorities at which the kernel itself acts are left out: the order there is nobody's to know.
func (g *generator) base(name, kind, hook, family, where string, leaves int) {
	if !strings.Contains(hook, "priority") {
		hook += " priority " + g.pick("-150", "-10", "0", "0", "10", "150")
	}
	fmt.Fprintf(&g.s, "\tchain %s { type %s hook %s; policy %s;\n", name, kind, hook, g.pick("accept", "accept", "drop"))
	g.rules(family, where, 0, leaves)
	g.s.WriteString("\t}\n")
}

func (g *generator) rules(family, where string, from, leaves int) {
	for range g.rnd.IntN(7) {
		g.s.WriteString("\t\t" + g.rule(family, where, from, leaves) + "\n")
	}
}

func (g *generator) rule(family, where string, from, leaves int) string {
	var parts []string
	l4 := ""
	if g.chance(60) {
		l4 = g.pick("tcp", "udp")
		parts = append(parts, g.transport(l4))
	}
	network := ""
	if g.chance(45) {
		var m string
		m, network = g.network(family)
		parts = append(parts, m)
	}
	if g.chance(35) {
		parts = append(parts, g.meta(family, where, l4, network))
	}
	if g.chance(15) {
		parts = append(parts, "counter")
	}
	return strings.Join(append(parts, g.statement(family, where, l4, network, from, leaves)), " ")
}

func (g *generator) transport(l4 string) string {
	switch g.rnd.IntN(9) {
	case 0:
		return fmt.Sprintf("%s dport != %s", l4, g.port())
	case 1:
		return fmt.Sprintf("%s dport %s-%s", l4, g.pick("1", "80", "442"), g.pick("443", "8000", "65535"))
	case 2:
		return fmt.Sprintf("%s dport { %s, %s-%s }", l4, g.pick("22", "80"), g.pick("443", "444"), g.pick("8000", "8080"))
	case 3:
		return fmt.Sprintf("%s dport %s@%s", l4, g.pick("", "", "!= "), g.pick("p", "r"))
	case 4:
		return fmt.Sprintf("%s dport %s %s", l4, g.pick("<", ">", "<=", ">="), g.port())
	case 5:
		return fmt.Sprintf("%s sport %s %s dport %s", l4, g.pick("1024-65535", "> 9999", "< 1024"), l4, g.port())
	case 6:
		if l4 == "tcp" {
			return g.pick("tcp flags syn", "tcp flags & (syn|ack) == syn", "tcp flags ack", "tcp flags & (fin|rst) != 0") + " tcp dport " + g.port()
		}
	}
	return fmt.Sprintf("%s dport %s", l4, g.port())
}

// network returns a match, and for which version of IP.
func (g *generator) network(family string) (match, version string) {
	if family == "ip6" || family != "ip" && g.chance(50) {
		return "ip6 saddr " + g.pick("2001:db8::2", "!= 2001:db8::3", "2001:db8::/64", "{ 2001:db8::3, 2001:db8:1::/48 }", "@six", "!= @six", "2001:db8::1-2001:db8::2", "& ::f == ::3"), "ip6"
	}
	return "ip " + g.pick("saddr 192.0.2.2", "saddr != 192.0.2.3", "saddr 192.0.0.0/16", "saddr 192.0.2.2/31", "saddr { 192.0.2.3, 198.51.100.0/24 }", "saddr @four", "saddr != @four",
		"saddr 192.0.2.1-192.0.2.2", "saddr & 0.0.0.1 == 0.0.0.1", "daddr 192.0.2.1", "daddr != 192.0.2.1", "version 4", "saddr 192.0.2.2 ip daddr 192.0.2.1"), "ip"
}

// meta leaves out what nft takes for a contradiction of the other matches.
func (g *generator) meta(family, where, l4, network string) string {
	all := []string{
		`iifname "eth0"`, `iifname "eth*"`, `iifname != "eth0"`, `iifname { "lo", "eth0" }`, "meta mark 0", "meta mark 1", "meta mark & 1 != 0", "meta mark != 2",
		"meta mark 1-3", "meta pkttype host", "iifgroup 0",
	}
	if l4 == "" {
		all = append(all, "meta l4proto tcp", "meta l4proto { tcp, udp }")
	}
	if network == "" && family != "ip" && family != "ip6" {
		all = append(all, "meta protocol ip", "ether type ip6")
	}
	if network == "" && family == "inet" {
		all = append(all, "meta nfproto ipv4", "meta nfproto ipv6")
	}
	if family != "netdev" && where != "ingress" && where != "leaf" {
		all = append(all, "ct state new", "ct state established,related", "ct state invalid", "ct state { new, untracked }", "ct state != new", "ct mark 0", "ct mark & 1 == 1",
			"ct direction original", "ct status dnat", "fib daddr type local", "fib saddr . iif oif exists")
	}
	if g.chance(8) { // what nobody can know
		all = []string{"ether saddr != 00:00:00:00:00:01", "meta length < 2000", "meta cpu < 64", "numgen random mod 2 0", "@th,192,8 0"}
		if network == "ip" {
			all = append(all, "ip ttl < 255", "ip id 7", "ip dscp cs1")
		}
	}
	return all[g.rnd.IntN(len(all))]
}

func (g *generator) statement(family, where, l4, network string, from, leaves int) string {
	all := []string{"accept", "accept", "drop", "drop", "return", "continue", "meta mark set 1", "meta mark set meta mark or 2", "meta mark set meta mark xor 3", "meta mark set meta mark and 1", "accept", "drop"}
	if from < leaves {
		for range 4 {
			all = append(all, fmt.Sprintf("%s c%d", g.pick("jump", "jump", "goto"), from+g.rnd.IntN(leaves-from)))
		}
	}
	if l4 != "" {
		all = append(all, fmt.Sprintf("%s dport vmap { %s : accept, 8080 : drop, 9000 : continue }", l4, g.pick("22", "80", "443")), fmt.Sprintf("meta mark set %s dport map @value", l4),
			fmt.Sprintf("%s dport vmap { 0-%s : accept, 8001-8100 : drop, 9000-9010 : return }", l4, g.pick("79", "443", "8000")))
	}
	if where == "pre" || where == "in" {
		all = append(all, "ct mark set 1", "ct mark set meta mark", "meta mark set ct mark", "limit rate 100000/second burst 10000 packets accept", "limit rate over 100000/second burst 10000 packets drop", "reject", "reject")
	}
	if where == "raw" {
		all = append(all, "notrack", "notrack", "notrack")
	}
	if where == "nat" && l4 != "" {
		for range 4 {
			all = append(all, "redirect", "redirect to :"+g.port(), "redirect to :"+g.port())
		}
		switch network {
		case "ip":
			all = append(all, "dnat ip to 203.0.113.5", "dnat ip to 203.0.113.9", "dnat ip to 192.0.2.1:"+g.port(), "dnat ip to 192.0.2.1:"+g.port())
		case "ip6":
			all = append(all, "dnat ip6 to 2001:db8:9::1", "dnat ip6 to [2001:db8::1]:"+g.port())
		}
	}
	if network == "ip" && where != "nat" {
		all = append(all, "add @seen { ip saddr }", "ip saddr @seen drop", "ip saddr @seen accept")
		if l4 != "" {
			all = append(all, "ip saddr . "+l4+" dport @both accept", "ip saddr . "+l4+" dport != @both drop")
		}
	}
	s := all[g.rnd.IntN(len(all))]
	if family == "ip" || family == "ip6" {
		s = strings.Replace(s, "dnat "+family+" to", "dnat to", 1)
	}
	return s
}
