package firewalld_test

import (
	"testing"

	"github.com/agent0-converge/agent0-converge/internal/lab/netns"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/firewalld"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// Lines are in the zones that decide about a rule's packets, in the words that firewalld has for them.
func TestLines(t *testing.T) {
	bound := zones{
		"internal": {Interfaces: []string{"eth1", "eth2"}, Sources: []string{"192.168.0.0/16", "2001:db8:1::/48"}},
		"work":     {Interfaces: []string{"vpn+"}},
		"home":     {Sources: []string{"10.1.2.3", "ipset:friends", "00:11:22:33:44:55"}},
		"drop":     {Sources: []string{"10.6.0.0/16"}, Target: "DROP"},
		"trusted":  {Sources: []string{"10.7.0.0/16"}, Target: "ACCEPT"},
	}
	const tcp = `port port="8000" protocol="tcp" accept`
	for _, tt := range []struct {
		name  string
		zones zones
		rule  owner.Rule
		want  []string
	}{
		{"a port", nil, rule("8000"), []string{"public: port 8000/tcp"}},
		{"a range", nil, rule("8000-8010", "udp"), []string{`public: rule port port="8000-8010" protocol="udp" accept`}},
		{"one family", nil, rule("8000", "v6"), []string{`public: rule family="ipv6" ` + tcp}},
		{"a rate", nil, rule("8000", "10/minute"), []string{`public: rule ` + tcp + ` limit value="10/m"`}},
		{"sources", nil, rule("8000", "192.168.0.0/16", "10.0.0.1/32", "2001:db8::1/128", "2001:db8:2::/48"), []string{
			`public: rule family="ipv4" source address="10.0.0.1" ` + tcp,
			`public: rule family="ipv4" source address="192.168.0.0/16" ` + tcp,
			`public: rule family="ipv6" source address="2001:db8:2::/48" ` + tcp,
			`public: rule family="ipv6" source address="2001:db8::1" ` + tcp,
		}},
		{"sources of one family", nil, rule("8000", "192.168.0.0/16", "2001:db8::/48", "v4"), []string{
			`public: rule family="ipv4" source address="192.168.0.0/16" ` + tcp,
		}},
		{"interfaces", bound, rule("8000", "@eth1", "@vpn7", "@eth9"), []string{
			"internal: port 8000/tcp", "public: port 8000/tcp", "work: port 8000/tcp",
		}},
		{"two of a zone", bound, rule("8000", "@eth1", "@eth2"), []string{"internal: port 8000/tcp"}},
		{"anywhere, with zones by address", bound, rule("8000"), []string{
			"home: port 8000/tcp", "internal: port 8000/tcp", "public: port 8000/tcp",
		}},
		{"a source within a zone's", bound, rule("8000", "192.168.5.0/24"), []string{
			`internal: rule family="ipv4" source address="192.168.5.0/24" ` + tcp,
			`public: rule family="ipv4" source address="192.168.5.0/24" ` + tcp,
		}},
		{"the same, through an interface", bound, rule("8000", "192.168.5.0/24", "@eth9"), []string{
			`internal: rule family="ipv4" source address="192.168.5.0/24" ` + tcp,
			`public: rule family="ipv4" source address="192.168.5.0/24" ` + tcp,
		}},
		{"one within a zone that drops", bound, rule("8000", "10.6.1.1/32"), []string{
			`drop: rule family="ipv4" source address="10.6.1.1" ` + tcp,
			`public: rule family="ipv4" source address="10.6.1.1" ` + tcp,
		}},
		{"one around those of zones", bound, rule("8000", "10.0.0.0/8"), []string{
			`home: rule family="ipv4" source address="10.0.0.0/8" ` + tcp,
			`public: rule family="ipv4" source address="10.0.0.0/8" ` + tcp,
		}},
		{"the same, through an interface", bound, rule("8000", "10.0.0.0/8", "@eth9"), []string{
			`public: rule family="ipv4" source address="10.0.0.0/8" ` + tcp,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newRig(t, tt.zones, 0)
			got := lines(t, f.host.View(), tt.rule)
			same(t, "lines", tt.want, texts(got))
			for _, l := range got {
				if l.Key == "" || l.Text[:len(l.Key)] != l.Key {
					t.Errorf("%q has the key %q", l.Text, l.Key)
				}
			}
			set(t, f.host, nil, got)
			has(t, "set", read(t, f.host.View()).Running, got)
		})
	}
}

// Of a rule that names no interface, routes say whose zones are meant.
func TestOutward(t *testing.T) {
	ns, peer := netns.New(t), netns.New(t)
	for _, name := range []string{"eth0", "eth1", "eth2"} {
		netns.Cable(ns, name, peer, name)
		ns.Run("ip", "link", "set", name, "down")
	}
	z := zones{"work": {Interfaces: []string{"eth0"}}, "home": {Interfaces: []string{"eth1"}}, "internal": {Interfaces: []string{"eth2"}}}
	f := newRig(t, z, ns.FD())
	check := func(what string, want ...string) {
		t.Helper()
		same(t, what, want, texts(lines(t, f.host.View(), rule("8000"))))
	}
	check("nothing is up", "public: port 8000/tcp")
	ns.Run("ip", "link", "set", "eth0", "up")
	ns.Run("ip", "link", "set", "eth1", "up")
	check("no default route", "home: port 8000/tcp", "work: port 8000/tcp")
	ns.Run("ip", "addr", "add", "192.0.2.1/24", "dev", "eth0")
	ns.Run("ip", "addr", "add", "2001:db8::1/64", "dev", "eth1", "nodad")
	check("routes, none of them default", "home: port 8000/tcp", "work: port 8000/tcp")
	ns.Run("ip", "route", "add", "default", "via", "192.0.2.2")
	check("a default route", "work: port 8000/tcp")
	ns.Run("ip", "route", "add", "unreachable", "default", "metric", "4278198272")
	check("an unreachable one", "work: port 8000/tcp")
	ns.Run("ip", "-6", "route", "add", "default", "via", "2001:db8::2", "dev", "eth1")
	check("one of IPv6 besides", "home: port 8000/tcp", "work: port 8000/tcp")
	ns.Run("ip", "-6", "route", "del", "default")
	ns.Run("ip", "link", "set", "eth2", "up")
	ns.Run("ip", "addr", "add", "198.51.100.1/24", "dev", "eth2")
	ns.Run("ip", "route", "replace", "default", "nexthop", "via", "192.0.2.2", "nexthop", "via", "198.51.100.2")
	check("one with two ways", "internal: port 8000/tcp", "work: port 8000/tcp")
	ns.Run("ip", "route", "del", "default")
	ns.Run("ip", "route", "add", "default", "via", "198.51.100.2", "table", "77")
	check("one of another table", "home: port 8000/tcp", "internal: port 8000/tcp", "work: port 8000/tcp")
	same(t, "an interface that is named", []string{"home: port 8000/tcp"}, texts(lines(t, f.host.View(), rule("8000", "@eth1"))))
}

// A rule for an interface is for all that are in its zone.
func TestWider(t *testing.T) {
	ns, peer := netns.New(t), netns.New(t)
	for _, name := range []string{"eth0", "eth1", "eth2", "eth3"} {
		netns.Cable(ns, name, peer, name)
	}
	ns.Run("ip", "link", "set", "eth3", "down")
	f := newRig(t, zones{"internal": {Interfaces: []string{"eth2"}}}, ns.FD())
	for _, tt := range []struct {
		rule owner.Rule
		want []string
	}{
		{rule("8000", "@eth0"), []string{"eth1"}},
		{rule("8000", "@eth0", "@eth1"), nil},
		{rule("8000", "@eth2"), nil},
		{rule("8000", "@eth0", "@eth2"), []string{"eth1"}},
		{rule("8000"), nil},
	} {
		got, err := firewalld.Wider(t.Context(), f.host.View(), tt.rule)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "wider", tt.want, got)
	}
}
