package firewallport

import (
	"slices"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
)

func decoded(s Spec) (Spec, error) {
	s.Default()
	return s, s.Validate()
}

func TestMistakes(t *testing.T) {
	for _, c := range []struct {
		spec Spec
		says string
	}{
		{Spec{}, "port: say which port is meant"},
		{Spec{Port: "0"}, "port: 0 is no port: ports are from 1 to 65535"},
		{Spec{Port: "70000"}, "port: 70000 is no port"},
		{Spec{Port: "-1"}, `port: "-1" is no port and no range`},
		{Spec{Port: "http"}, `"http" is no port and no range`},
		{Spec{Port: "8000-"}, `"8000-" is no port and no range`},
		{Spec{Port: "99999999999999999999"}, "is no port"},
		{Spec{Port: "8010-8000"}, `"8010-8000" runs backwards: write "8000-8010"`},
		{Spec{Port: "1", Ports: engine.List{"2"}}, "say port or ports, not both"},
		{Spec{Ports: engine.List{"8000-8010", "8005"}}, "ports: 8000-8010 and 8005 overlap"},
		{Spec{Ports: engine.List{"80", "80"}}, "80 and 80 overlap"},
		{Spec{Ports: engine.List{"8005-8020", "8000-8010"}}, "8000-8010 and 8005-8020 overlap"},
		{Spec{Port: "1", Protocol: "icmp"}, `protocol: "icmp" is none of tcp, udp, sctp, dccp`},
		{Spec{Port: "1", Family: "inet"}, `family: "inet" is none of any, ipv4, ipv6`},
		{Spec{Port: "1", Backend: "pf"}, `backend: "pf" is none of auto, nftables, firewalld, ufw`},
		{Spec{Port: "1", Sources: []string{"192.168.0.0/33"}}, `sources: "192.168.0.0/33" is no address and no network`},
		{Spec{Port: "1", Sources: []string{"example.com"}}, `"example.com" is no address`},
		{Spec{Port: "1", Sources: []string{"192.168.1.5/16"}}, `has bits beyond its length: write "192.168.0.0/16" for the network or "192.168.1.5" for the one address`},
		{Spec{Port: "1", Sources: []string{"10.0.0.0/8", "10.1.0.0/16"}}, "10.1.0.0/16 lies within 10.0.0.0/8"},
		{Spec{Port: "1", Sources: []string{"10.0.0.1", "10.0.0.1/32"}}, "10.0.0.1 lies within 10.0.0.1"},
		{Spec{Port: "1", Sources: []string{"fe80::1%eth0"}}, "the interface goes into interfaces"},
		{Spec{Port: "1", Sources: []string{"::ffff:10.0.0.0/104"}}, "is no address and no network"},
		{Spec{Port: "1", Family: "ipv6", Sources: []string{"10.0.0.0/8"}}, `10.0.0.0/8 is not ipv6`},
		{Spec{Port: "1", Interfaces: []string{"eth0/1"}}, `interfaces: "eth0/1" is no name`},
		{Spec{Port: "1", Interfaces: []string{"averyverylongname"}}, "is no name of an interface"},
		{Spec{Port: "1", Rate: "fast"}, `rate: "fast" is no rate`},
		{Spec{Port: "1", Rate: "0/minute"}, "lets in 0"},
		{Spec{Port: "1", Rate: "10/fortnight"}, "is no rate"},
		{Spec{Port: "1", Comment: "two\nlines"}, "comment: "},
		{Spec{Port: "1", Comment: strings.Repeat("x", 97)}, "97 bytes long: 96 is"},
	} {
		_, err := decoded(c.spec)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v, want %q", c.spec, err, c.says)
		}
	}
}

// What says the same is the same.
func TestOneForm(t *testing.T) {
	a, err := decoded(Spec{Ports: engine.List{"8005-8010", "8000-8004"}, Sources: []string{"10.0.0.7/32", "10.0.0.0/30"}, Interfaces: []string{"b", "a", "b"}, Rate: "10 / m"})
	if err != nil {
		t.Fatal(err)
	}
	if a.Port != "8000-8010" || a.Ports != nil || !slices.Equal(a.Sources, []string{"10.0.0.0/30", "10.0.0.7"}) || !slices.Equal(a.Interfaces, []string{"a", "b"}) || a.Rate != "10/minute" {
		t.Errorf("%+v", a)
	}
	if c := a.Claims(); c[0] != "firewall:tcp 8000-8010 from 10.0.0.0/30,10.0.0.7 on a,b" {
		t.Errorf("claims %s", c)
	}
	var many []string
	for i := range 100 {
		many = append(many, "10.0."+string(rune('0'+i/10))+"."+string(rune('0'+i%10)))
	}
	b, _ := decoded(Spec{Port: "1", Sources: many})
	c, _ := decoded(Spec{Port: "1", Sources: many[1:]})
	if len(b.Claims()[0]) > longestClaim || b.Claims()[0] == c.Claims()[0] {
		t.Errorf("claims %s and %s", b.Claims(), c.Claims())
	}
}

func TestClashes(t *testing.T) {
	spec := func(s Spec) *Spec { s, _ = decoded(s); return &s }
	for _, c := range []struct {
		name string
		all  []*Spec
		want int
	}{
		{"ranges that overlap", []*Spec{spec(Spec{Port: "8000-8010"}), spec(Spec{Port: "8005"})}, 1},
		{"one within a long one", []*Spec{spec(Spec{Port: "1-9000"}), spec(Spec{Port: "5"}), spec(Spec{Port: "8000"})}, 2},
		{"other protocols", []*Spec{spec(Spec{Port: "53"}), spec(Spec{Port: "53", Protocol: "udp"})}, 0},
		{"other sources", []*Spec{spec(Spec{Port: "22", Sources: []string{"10.0.0.0/8"}}), spec(Spec{Port: "22", Rate: "10/minute"})}, 0},
		{"one source of several", []*Spec{spec(Spec{Port: "22", Sources: []string{"10.0.0.1", "10.0.0.2"}}), spec(Spec{Port: "22-23", Sources: []string{"10.0.0.2"}})}, 1},
		{"other families", []*Spec{spec(Spec{Port: "22", Family: "ipv4"}), spec(Spec{Port: "22", Family: "ipv6"})}, 0},
		{"one family and any", []*Spec{spec(Spec{Port: "22", Family: "ipv4"}), spec(Spec{Port: "22"})}, 1},
		{"other interfaces", []*Spec{spec(Spec{Port: "22", Interfaces: []string{"a"}}), spec(Spec{Port: "22", Interfaces: []string{"b"}})}, 0},
	} {
		if got := clashes(c.all); len(got) != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
