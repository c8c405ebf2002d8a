package reach_test

import (
	"strings"

	"github.com/agent0-converge/agent0-converge/resources/firewallport/reach"
)

// named is a ruleset, and what of it is to come out for some packet at least.
type named struct {
	name, nft string
	run       [][]string
	sees      []reach.Outcome
	unknown   bool // some verdicts may be
}

const (
	accept   = reach.Accept
	drop     = reach.Drop
	reject   = reach.Reject
	redirect = reach.Redirected
	unknown  = reach.Unknown
)

type outcomes = []reach.Outcome

var rulesets = []named{
	{name: "nothing", nft: ``, sees: outcomes{accept}},
	{name: "policies", sees: outcomes{drop, accept}, nft: `
		table ip x { chain in { type filter hook input priority 0; policy drop; }; }
		table ip6 x { chain in { type filter hook input priority 0; policy accept; }; }`},
	{name: "ports", sees: outcomes{accept, drop}, nft: `table inet x { chain in { type filter hook input priority 0; policy drop;
		tcp dport { 22, 443 } accept
		udp dport 8000-8100 accept
		tcp dport != { 80, 8080 } tcp dport > 8999 accept
		tcp dport < 81 tcp dport >= 80 ip protocol tcp accept
	}; }`},
	{name: "jumps", sees: outcomes{accept, drop, reject}, nft: `table inet x {
		chain leaf { tcp dport 22 accept
			udp dport 22 return
			udp dport 80 drop
		}
		chain branch { jump leaf
			udp dport 22 reject
			tcp dport 443 goto last
			tcp dport 8000 return
			tcp dport 8000 accept
		}
		chain last { ip saddr 192.0.2.3 accept
		}
		chain in { type filter hook input priority 0; policy drop;
			jump branch
			tcp dport { 443, 9000 } accept
			tcp dport 8000 drop
			meta l4proto udp udp dport != 443 accept
		}; }`},
	{name: "goto from the base chain", sees: outcomes{accept, drop}, nft: `table inet x {
		chain a { tcp dport 22 accept
		}
		chain in { type filter hook input priority 0; policy drop;
			ip saddr 192.0.2.2 goto a
			accept
		}; }`},
	{name: "return in the base chain", sees: outcomes{accept, drop}, nft: `table inet x { chain in { type filter hook input priority 0; policy drop;
			tcp dport 22 return
			accept
		}; }`},
	{name: "sources", sees: outcomes{accept, drop}, nft: `table inet x { chain in { type filter hook input priority 0; policy drop;
			ip saddr 192.0.2.0/30 ip saddr != 192.0.2.3 accept
			ip saddr 198.51.0.0/16 tcp dport 22 accept
			ip6 saddr 2001:db8:1::/48 accept
			ip6 saddr { 2001:db8::3, 2001:db8::4-2001:db8::9 } udp dport 80 accept
		}; }`},
	{name: "named sets", sees: outcomes{accept, drop}, nft: `table inet x {
		set p { type inet_service; elements = { 22, 80 }; }
		set r { type inet_service; flags interval; elements = { 443-8000, 9000-65535 }; }
		set four { type ipv4_addr; flags interval; elements = { 192.0.2.0/31, 198.51.100.0/24 }; }
		set six { type ipv6_addr; elements = { 2001:db8::2 }; }
		chain in { type filter hook input priority 0; policy drop;
			tcp dport @p accept
			udp dport @r accept
			ip saddr @four accept
			ip6 saddr @six tcp dport != @r accept
		}; }`},
	{name: "adjacent intervals", sees: outcomes{accept, drop}, nft: `table inet x {
		map m { type inet_service : verdict; flags interval; elements = { 0-79 : accept, 80-442 : drop, 443 : accept, 444-7999 : drop, 8000-8079 : accept }; }
		chain in { type filter hook input priority 0; policy drop;
			tcp dport vmap @m
			udp dport vmap @m
		}; }`},
	{name: "verdict maps", sees: outcomes{accept, drop, reject}, nft: `table inet x {
		map what { type inet_service : verdict; elements = { 22 : accept, 80 : jump web, 443 : goto web, 8000 : return, * : jump rest }; }
		chain web { ip saddr 192.0.2.2 accept
		}
		chain rest { udp dport 9000 reject
		}
		chain in { type filter hook input priority 0; policy drop;
			meta l4proto vmap { tcp : jump tcps, udp : jump udps }
			meta nfproto ipv6 accept
		}
		chain tcps { tcp dport vmap @what
		}
		chain udps { udp dport vmap @what
		}; }`},
	{name: "maps to values", sees: outcomes{accept, drop}, nft: `table inet x {
		map marks { type inet_service : mark; elements = { 22 : 1, 80 : 2, 443 : 0x11 }; }
		chain in { type filter hook input priority 0; policy drop;
			meta mark set tcp dport map @marks
			meta mark and 0xf == 1 accept
			meta mark 2 ip saddr 192.0.2.2 accept
		}; }`},
	{name: "concatenations", sees: outcomes{accept, drop}, nft: `table inet x {
		set s { type ipv4_addr . inet_service; elements = { 192.0.2.2 . 22, 192.0.2.3 . 80 }; }
		set r { type ipv4_addr . inet_service; flags interval; elements = { 192.0.2.0/30 . 443-8000, 198.51.100.0-198.51.100.255 . 9000 }; }
		set six { type ipv6_addr . inet_proto . inet_service; flags interval; elements = { 2001:db8::/64 . tcp . 22-80, 2001:db8:1::/48 . udp . 443 }; }
		map v { type ifname . inet_service : verdict; elements = { "eth0" . 8080 : accept, "lo" . 8000 : accept }; }
		chain in { type filter hook input priority 0; policy drop;
			ip saddr . tcp dport @s accept
			ip saddr . udp dport @r accept
			ip6 saddr . meta l4proto . th dport @six accept
			iifname . tcp dport vmap @v
		}; }`},
	{name: "connection states", sees: outcomes{accept, drop}, nft: `table inet x { chain in { type filter hook input priority 0; policy drop;
			ct state vmap { established : accept, related : accept, invalid : drop }
			ct state new tcp dport { 22, 80 } accept
			ct state { new, untracked } udp dport 22 accept
			ct state != new accept
			ct direction original ct status dnat accept
			meta l4proto tcp ct original proto-dst 443 ct original ip saddr 192.0.2.3 accept
			ct mark 0 udp dport 8000 accept
		}; }`},
	{name: "interfaces", sees: outcomes{accept, drop}, nft: `table inet x { chain in { type filter hook input priority 0; policy drop;
			iif lo accept
			iifname "eth1" accept
			iifname "eth*" tcp dport 22 accept
			iifname { "lo", "eth0" } udp dport 22 accept
			iifname != "eth0" accept
			iif eth0 iiftype ether tcp dport 80 accept
			iifgroup default udp dport 80 accept
			oifname "eth0" accept
			oif != 0 accept
		}; }`},
	{name: "accept early, drop late", sees: outcomes{accept, drop}, nft: `
		table inet a { chain in { type filter hook input priority -10; policy accept; tcp dport 22 accept
		}; }
		table inet b { chain in { type filter hook input priority 10; policy accept; tcp dport { 22, 80 } ip saddr 192.0.2.2 drop
		}; }`},
	{name: "drop early, accept late", sees: outcomes{accept, drop}, nft: `
		table inet a { chain in { type filter hook input priority 10; policy accept; tcp dport 22 accept
		}; }
		table ip b { chain in { type filter hook input priority -10; policy accept; tcp dport 22 drop
		}; }`},
	{name: "drop before routing", sees: outcomes{accept, drop}, nft: `
		table inet a { chain pre { type filter hook prerouting priority mangle; policy accept; udp dport 22 drop
			ip6 saddr 2001:db8::3 drop
		}
		chain in { type filter hook input priority 10; policy accept; tcp dport 22 accept
		}; }`},
	{name: "netdev ingress", sees: outcomes{accept, drop}, nft: `
		table netdev x { chain in { type filter hook ingress device eth0 priority -500; policy accept;
			ip saddr 192.0.2.3 tcp dport 80 drop
			ip6 saddr 2001:db8:1::7 meta l4proto udp drop
			ether type ip udp dport 9000 drop
		}
		chain lo { type filter hook ingress device lo priority -500; policy drop; }; }`},
	{name: "inet ingress", sees: outcomes{accept, drop}, nft: `
		table inet x { chain in { type filter hook ingress device eth0 priority 0; policy accept;
			tcp dport 80 drop
			meta nfproto ipv6 udp dport 80 drop
			meta protocol ip udp dport 443 drop
		}; }`},
	{name: "ingress policy", sees: outcomes{accept, drop}, nft: `
		table netdev x { chain in { type filter hook ingress device eth0 priority 0; policy drop;
			meta protocol arp accept
			ip saddr 192.0.2.2 accept
			tcp dport 443 accept
		}; }`},
	{name: "raw and notrack", sees: outcomes{accept, drop}, nft: `
		table inet x { chain raw { type filter hook prerouting priority raw; policy accept;
			ct state invalid tcp dport 9000 drop
			tcp dport { 22, 80 } notrack
		}
		chain in { type filter hook input priority 0; policy drop;
			ct state untracked tcp dport 22 accept
			ct state new tcp dport { 80, 443 } accept
			ct mark 0 udp dport 22 accept
			ct mark 0 tcp dport 80 accept
		}; }`},
	{name: "marks set early and matched later", sees: outcomes{accept, drop}, nft: `
		table ip a { chain pre { type filter hook prerouting priority mangle; policy accept;
			tcp dport 22 meta mark set 0x10
			udp dport 22 meta mark set meta mark or 0x3
			tcp dport 80 ct mark set 7
			tcp dport 443 meta mark set 5 meta mark set meta mark lshift 4
		}; }
		table inet b { chain in { type filter hook input priority 0; policy drop;
			meta mark & 0x10 != 0 accept
			meta mark 3 accept
			ct mark 7 ct mark & 3 == 3 accept
			meta nfproto ipv6 meta mark 0 accept
		}; }`},
	{name: "of one priority the last made is the first", sees: outcomes{accept, drop}, nft: `
		table inet a { chain in { type filter hook input priority 0; policy accept; meta mark 1 drop
			meta mark set 2
		}; }
		table inet b { chain in { type filter hook input priority 0; policy accept; meta mark 2 drop
			tcp dport 22 meta mark set 1
		}; }`},
	{name: "redirect to another port", sees: outcomes{accept, drop}, nft: `
		table inet n { chain pre { type nat hook prerouting priority dstnat; policy accept;
			tcp dport 80 redirect to :8080
			udp dport 80 redirect to :8000
			tcp dport 443 redirect
			udp dport 443 drop
		}
		chain in { type filter hook input priority 0; policy drop;
			tcp dport { 8080, 22 } accept
			udp dport { 80, 8000 } accept
			ct status dnat meta l4proto udp ct original proto-dst 443 accept
			tcp dport 443 accept
		}; }`},
	{name: "translated to another host, and to itself", sees: outcomes{accept, redirect}, nft: `
		table ip n { chain pre { type nat hook prerouting priority dstnat; policy accept;
			tcp dport 80 dnat to 203.0.113.5:80
			udp dport 80 dnat to 192.0.2.1:8000
			tcp dport 443 ip saddr 192.0.2.2 dnat to 192.0.2.1:9000
		}; }
		table ip6 n { chain pre { type nat hook prerouting priority dstnat; policy accept;
			tcp dport 80 dnat to [2001:db8::1]:8080
			udp dport 80 dnat to 2001:db8:5::1
		}; }`},
	{name: "translation in an inet table by maps", sees: outcomes{accept, redirect}, nft: `
		table inet n { chain pre { type nat hook prerouting priority dstnat; policy accept;
			dnat ip to tcp dport map { 22 : 203.0.113.7, 80 : 192.0.2.1 }
			meta l4proto tcp redirect to :tcp dport map { 443 : 8000, 8000 : 443 }
		}; }`},
	{name: "nothing is translated that is not tracked", sees: outcomes{accept, drop}, nft: `
		table inet n { chain raw { type filter hook prerouting priority raw; policy accept; udp dport 80 notrack
		}
		chain pre { type nat hook prerouting priority dstnat; policy accept; udp dport { 80, 443 } redirect to :22
			tcp dport 80 drop
		}; }`},
	{name: "stateless change of the port", sees: outcomes{accept, drop}, nft: `
		table inet n { chain raw { type filter hook prerouting priority raw; policy accept; udp dport 80 notrack udp dport set 8000
		}
		chain in { type filter hook input priority 0; policy accept; udp dport 80 drop
			udp dport 443 drop
		}; }`},
	{name: "a table that sleeps", sees: outcomes{accept, drop}, nft: `
		table inet a { flags dormant; chain in { type filter hook input priority 0; policy drop; }; }
		table inet b { chain in { type filter hook input priority 0; policy accept; tcp dport 22 drop
		}; }`},
	{name: "rejects", sees: outcomes{accept, reject}, nft: `table inet x { chain in { type filter hook input priority 0; policy accept;
			tcp dport 22 reject with tcp reset
			tcp dport 80 reject
			udp dport 22 reject with icmpx admin-prohibited
			meta nfproto ipv4 udp dport 80 reject with icmp port-unreachable
			ip6 saddr 2001:db8::3 reject with icmpv6 port-unreachable
		}; }`},
	{name: "rejects before routing", sees: outcomes{accept, reject}, nft: `table inet x { chain pre { type filter hook prerouting priority 0; policy accept;
			tcp dport 22 reject with tcp reset
			udp dport 22 reject
		}; }`},
	{name: "limits", sees: outcomes{accept, drop}, nft: `table inet x {
		limit some { rate 10000/second burst 1000 packets; }
		quota much { 100 mbytes; }
		quota little { over 1 bytes; }
		chain in { type filter hook input priority 0; policy drop;
			tcp dport 22 limit rate 10000/second burst 1000 packets accept
			tcp dport 80 limit rate over 10000/second burst 1000 packets drop
			tcp dport 80 accept
			udp dport 22 limit name "some" accept
			udp dport 80 quota name "much" accept
			udp dport 443 quota name "little" accept
			tcp dport 443 quota over 100 mbytes accept
			tcp dport 8000 ct count 10000 accept
			tcp dport 8080 ct count over 10000 accept
		}; }`},
	{name: "dynamic sets and meters", sees: outcomes{accept, drop}, nft: `table inet x {
		set seen { type ipv4_addr; flags dynamic,timeout; timeout 1h; }
		set banned { type ipv4_addr; flags timeout; elements = { 192.0.2.3 timeout 1h, 192.0.2.77 timeout 2h }; }
		set per { type ipv4_addr; flags dynamic; size 1000; }
		set more { type ipv4_addr; flags dynamic; size 1000; }
		set here { type ipv6_addr . inet_service; flags dynamic; size 1000; }
		chain in { type filter hook input priority 0; policy drop;
			ip saddr @banned tcp dport 22 drop
			tcp dport 22 accept
			udp dport 22 add @seen { ip saddr } ip saddr @seen accept
			tcp dport 80 update @per { ip saddr limit rate over 10000/second burst 1000 packets } drop
			tcp dport 80 accept
			udp dport 80 add @more { ip saddr limit rate 10000/second burst 1000 packets } accept
			add @here { ip6 saddr . tcp dport } accept
		}; }`},
	{name: "flags, headers and constants", sees: outcomes{accept, drop}, nft: `table inet x { chain in { type filter hook input priority 0; policy drop;
			tcp flags & (fin|syn|rst|ack) == syn tcp dport 22 accept
			tcp flags syn tcp dport 80 ip version 4 ip hdrlength 5 accept
			tcp flags ack accept
			ip frag-off & 0x1fff != 0 accept
			meta protocol ip6 ip6 nexthdr udp udp dport 22 accept
			@nh,72,8 17 ip daddr 192.0.2.1 udp dport 80 accept
			@th,16,16 8000 accept
			@nh,176,16 443 accept
			exthdr frag exists accept
			fib daddr type local udp dport 9000 accept
			fib daddr type != local accept
			fib saddr type unicast udp dport 443 ip saddr 192.0.2.3 accept
			meta pkttype host tcp dport 9000 accept
			meta pkttype != host accept
			ip saddr & 0.0.0.255 == 0.0.0.7 tcp dport 8080 accept
			ip6 saddr & ::ffff == ::3 accept
		}; }`},
	{name: "reverse path", sees: outcomes{accept, drop}, nft: `table inet x { chain pre { type filter hook prerouting priority mangle + 10; policy accept;
			fib saddr . mark . iif oif missing drop
			fib saddr . iif oif != eth0 drop
			fib daddr . iif type local udp dport 22 drop
			fib saddr . iif oifname "eth0" udp dport 80 drop
		}; }`},
	{name: "what is not known", unknown: true, sees: outcomes{accept, drop, unknown}, nft: `table inet x { chain in { type filter hook input priority 0; policy drop;
			ether saddr != 00:00:00:00:00:01 tcp dport 22 accept
			tcp dport 22 accept
			tcp dport 80 ip ttl < 255 accept
			udp dport 22 meta length < 1000 drop
			udp dport 22 drop
			udp dport 80 numgen random mod 2 vmap { 0 : accept, 1 : accept }
			udp dport 443 meta hour "00:00"-"23:59" accept
			socket transparent 1 counter
			tcp dport 443 accept
		}; }`},
	{name: "source ports", sees: outcomes{accept, drop}, nft: `table inet x { chain in { type filter hook input priority 0; policy drop;
			tcp sport 0-65535 tcp dport 22 accept
			tcp sport 1024-65535 tcp dport 80 accept
			udp sport < 1024 accept
			udp sport { 1-9, 5000-65535 } udp dport 22 accept
		}; }`},
	{name: "like firewalld", sees: outcomes{accept, reject}, nft: firewalldLike},
	{name: "like ufw", sees: outcomes{accept, drop}, run: ufwLike},
	{name: "iptables-nft", sees: outcomes{accept, drop, reject}, unknown: true, run: iptablesRules},
	{name: "iptables-nft translates", sees: outcomes{accept, redirect, drop}, run: iptablesNAT},
}

const firewalldLike = `table inet firewalld {
	chain mangle_PREROUTING { type filter hook prerouting priority mangle + 10; policy accept; jump mangle_PREROUTING_ZONES
	}
	chain mangle_PREROUTING_ZONES { ip saddr 198.51.100.0/24 goto mangle_PRE_trusted
		goto mangle_PRE_public
	}
	chain mangle_PRE_trusted { return
	}
	chain mangle_PRE_public { jump mangle_PRE_public_pre
		return
	}
	chain mangle_PRE_public_pre { }
	chain filter_PREROUTING { type filter hook prerouting priority filter + 10; policy accept;
		icmpv6 type { nd-router-advert, nd-neighbor-solicit } accept
		meta nfproto ipv6 fib saddr . mark . iif oif missing drop
	}
	chain nat_PREROUTING { type nat hook prerouting priority dstnat + 10; policy accept; jump nat_PREROUTING_ZONES
	}
	chain nat_PREROUTING_ZONES { goto nat_PRE_public
	}
	chain nat_PRE_public { tcp dport 8000 redirect to :8080
		return
	}
	chain filter_INPUT { type filter hook input priority filter + 10; policy accept;
		ct state { established, related } accept
		ct status dnat accept
		iifname "lo" accept
		ct state invalid drop
		jump filter_INPUT_ZONES
		reject with icmpx admin-prohibited
	}
	chain filter_INPUT_ZONES { ip saddr 198.51.100.0/24 goto filter_IN_trusted
		iifname "eth0" goto filter_IN_public
		goto filter_IN_public
	}
	chain filter_IN_trusted { accept
	}
	chain filter_IN_public { jump filter_IN_public_pre
		jump filter_IN_public_log
		jump filter_IN_public_deny
		jump filter_IN_public_allow
		jump filter_IN_public_post
		meta l4proto { icmp, ipv6-icmp } accept
		reject with icmpx admin-prohibited
	}
	chain filter_IN_public_pre { }
	chain filter_IN_public_log { tcp dport 22 limit rate 1/minute log prefix "x"
	}
	chain filter_IN_public_deny { ip saddr 192.0.2.3 udp dport 443 reject
	}
	chain filter_IN_public_allow { tcp dport 22 accept
		ip6 daddr fe80::/64 udp dport 546 accept
		udp dport 443 accept
		tcp dport 9000-9010 accept
	}
	chain filter_IN_public_post { }
}
`

// twice makes the rules of both families: %s is the family's word.
func twice(rules ...[]string) [][]string {
	var out [][]string
	for _, r := range rules {
		out = append(out, append([]string{"iptables-nft"}, r...), append([]string{"ip6tables-nft"}, r...))
	}
	return out
}

func words(lines ...string) [][]string {
	var out [][]string
	for _, l := range lines {
		out = append(out, strings.Fields(l))
	}
	return out
}

var ufwLike = twice(words(
	"-N ufw-before-input", "-N ufw-user-input", "-N ufw-after-input", "-N ufw-user-limit", "-N ufw-user-limit-accept", "-N ufw-not-local",
	"-N ufw-skip-to-policy-input", "-N ufw-logging-deny",
	"-P INPUT DROP", "-A INPUT -j ufw-before-input", "-A INPUT -j ufw-after-input",
	"-A ufw-before-input -i lo -j ACCEPT",
	"-A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
	"-A ufw-before-input -m conntrack --ctstate INVALID -j ufw-logging-deny",
	"-A ufw-before-input -m conntrack --ctstate INVALID -j DROP",
	"-A ufw-before-input -p udp --sport 67 --dport 68 -j ACCEPT",
	"-A ufw-before-input -j ufw-not-local",
	"-A ufw-before-input -j ufw-user-input",
	"-A ufw-not-local -m addrtype --dst-type LOCAL -j RETURN",
	"-A ufw-not-local -m addrtype --dst-type MULTICAST -j RETURN",
	"-A ufw-not-local -m limit --limit 3/min --limit-burst 10 -j ufw-logging-deny",
	"-A ufw-not-local -j DROP",
	"-A ufw-logging-deny -m conntrack --ctstate INVALID -m limit --limit 3/min --limit-burst 10 -j RETURN",
	"-A ufw-user-input -p tcp --dport 22 -m conntrack --ctstate NEW -m recent --set --name DEFAULT",
	"-A ufw-user-input -p tcp --dport 22 -m conntrack --ctstate NEW -m recent --update --seconds 30 --hitcount 20 -j ufw-user-limit",
	"-A ufw-user-input -p tcp --dport 22 -j ufw-user-limit-accept",
	"-A ufw-user-limit -j REJECT", "-A ufw-user-limit-accept -j ACCEPT",
	"-A ufw-user-input -p tcp -m multiport --dports 80,443 -j ACCEPT",
	"-A ufw-user-input -p udp -m multiport --dports 8000:9000 -m comment --comment dapp_x -j ACCEPT",
	"-A ufw-after-input -p udp --dport 80 -j ufw-skip-to-policy-input",
	"-A ufw-skip-to-policy-input -j DROP",
)...)

var iptablesRules = append(twice(words(
	"-t raw -A PREROUTING -p udp --dport 9000 -j CT --notrack",
	"-t mangle -A PREROUTING -p tcp --dport 8080 -j MARK --set-xmark 0x10/0x30",
	"-t mangle -A PREROUTING -p udp --dport 8080 -j CONNMARK --set-mark 3",
	"-t mangle -A PREROUTING -p udp --dport 8080 -j CONNMARK --restore-mark",
	"-P INPUT DROP",
	"-A INPUT -m state --state INVALID -j DROP",
	"-A INPUT -p udp --dport 9000 -m conntrack --ctstate UNTRACKED -j ACCEPT",
	"-A INPUT -m mark --mark 0x10/0x30 -j ACCEPT",
	"-A INPUT -m mark --mark 3 -m connmark --mark 3 -j ACCEPT",
	"-A INPUT -p tcp --tcp-flags FIN,SYN,RST,ACK SYN --dport 22 -m hashlimit --hashlimit-above 10000/sec --hashlimit-burst 5000 --hashlimit-mode srcip --hashlimit-name a -j DROP",
	"-A INPUT -p tcp --syn --dport 22 -m connlimit --connlimit-above 1000 -j REJECT --reject-with tcp-reset",
	"-A INPUT -p tcp --syn --dport 22 -j ACCEPT",
	"-A INPUT -p tcp ! --syn --dport 80 -j ACCEPT",
	"-A INPUT -p tcp --dport 80 -m conntrack --ctstate NEW --ctdir ORIGINAL --ctproto 6 --ctorigdstport 80 -j ACCEPT",
	"-A INPUT -p udp --sport 10000:60000 --dport 22 -j REJECT",
	"-A INPUT -p udp --dport 22 -m recent --name b --rcheck -j DROP",
	"-A INPUT -p udp --dport 22 -j REJECT",
	"-A INPUT -p udp --dport 80 -m pkttype --pkt-type unicast -j ACCEPT",
	"-A INPUT -p udp --dport 443 -m mac --mac-source 00:00:00:00:00:01 -j ACCEPT",
	"-A INPUT -p udp --dport 8000 -m devgroup --src-group 0 -m limit --limit 1000/sec --limit-burst 1000 -j ACCEPT",
	"-A INPUT -p tcp -m multiport --ports 443 -m time --timestart 00:00 --timestop 23:59:59 -j REJECT --reject-with tcp-reset",
	"-A INPUT -p tcp -m multiport ! --dports 22,80:443,8080 -m statistic --mode random --probability 0.5 -j DROP",
)...),
	[]string{"iptables-nft", "-A", "INPUT", "-m", "iprange", "--src-range", "192.0.2.3-198.51.100.7", "-p", "tcp", "--dport", "9000", "-j", "ACCEPT"},
	[]string{"ip6tables-nft", "-A", "INPUT", "-m", "iprange", "!", "--src-range", "2001:db8::3-2001:db8::9", "-p", "tcp", "--dport", "9000", "-j", "ACCEPT"},
	[]string{"iptables-nft", "-t", "raw", "-A", "PREROUTING", "-m", "rpfilter", "--invert", "-j", "DROP"},
	[]string{"ip6tables-nft", "-t", "raw", "-A", "PREROUTING", "-m", "rpfilter", "-p", "tcp", "--dport", "443", "-j", "DROP"},
)

var iptablesNAT = append(twice(words(
	"-t nat -A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8080",
	"-t nat -A PREROUTING -p tcp --dport 443 -m addrtype --dst-type LOCAL -j REDIRECT",
	"-A INPUT -p tcp --dport 443 -m conntrack --ctstate DNAT -j DROP",
	"-A INPUT -p tcp --dport 8080 -m conntrack --ctorigdstport 8080 -j DROP",
)...),
	[]string{"iptables-nft", "-t", "nat", "-A", "PREROUTING", "-p", "udp", "--dport", "80", "-j", "DNAT", "--to-destination", "192.0.2.1:8000"},
	[]string{"iptables-nft", "-t", "nat", "-A", "PREROUTING", "-p", "udp", "--dport", "443", "-j", "DNAT", "--to-destination", "203.0.113.9"},
	[]string{"ip6tables-nft", "-t", "nat", "-A", "PREROUTING", "-p", "udp", "--dport", "80", "-j", "DNAT", "--to-destination", "[2001:db8::1]:9000"},
)
