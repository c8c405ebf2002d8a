package ufw

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/ufw/ufwtest"
)

func ports(ps ...uint16) (out []owner.Range) {
	for i := 0; i < len(ps); i += 2 {
		out = append(out, owner.Range{First: ps[i], Last: ps[i+1]})
	}
	return out
}

func from(sources ...string) (out []netip.Prefix) {
	for _, s := range sources {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

// wide is a rule for both families.
func wide(protocol string, ps ...uint16) owner.Rule {
	return owner.Rule{Protocol: protocol, Ports: ports(ps...), IPv4: true, IPv6: true}
}

func rate() *owner.Rate { return &owner.Rate{Count: 12, Per: "minute"} }

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func texts(lines []owner.Line) (out []string) {
	for _, l := range lines {
		out = append(out, l.Text)
	}
	return out
}

func TestLines(t *testing.T) {
	api := owner.Rule{Protocol: "tcp", Ports: ports(8000, 8000), IPv4: true, IPv6: true,
		Sources: from("192.168.0.0/16", "2001:db8::1/128"), Interfaces: []string{"eth0"}, Comment: "API"}
	for name, tt := range map[string]struct {
		rule    owner.Rule
		options ufwtest.Options
		want    []string
	}{
		"both families": {wide("tcp", 80, 80), ufwtest.Options{}, []string{
			"allow tcp 80 0.0.0.0/0 any 0.0.0.0/0 in", "allow tcp 80 ::/0 any ::/0 in"}},
		"a range, limited": {owner.Rule{Protocol: "udp", Ports: ports(1, 9), IPv4: true, Rate: rate()}, ufwtest.Options{}, []string{
			"limit udp 1:9 0.0.0.0/0 any 0.0.0.0/0 in"}},
		"sources, an interface, a comment": {api, ufwtest.Options{}, []string{
			"allow tcp 8000 0.0.0.0/0 any 192.168.0.0/16 in_eth0 comment=415049",
			"allow tcp 8000 ::/0 any 2001:db8::1 in_eth0 comment=415049"}},
		"a ufw without IPv6": {wide("tcp", 80, 80), ufwtest.Options{IPv4Only: true}, []string{"allow tcp 80 0.0.0.0/0 any 0.0.0.0/0 in"}},
		"several ports in an image": {owner.Rule{Protocol: "tcp", Ports: ports(80, 80, 443, 443), IPv4: true}, ufwtest.Options{Offline: true}, []string{
			"allow tcp 80 0.0.0.0/0 any 0.0.0.0/0 in", "allow tcp 443 0.0.0.0/0 any 0.0.0.0/0 in"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Owner{}.Lines(t.Context(), hosttest.New(t, ufwtest.Config(tt.options)).View(), tt.rule)
			check(t, err)
			if d := cmp.Diff(tt.want, texts(got)); d != "" {
				t.Error(d)
			}
		})
	}
}

// What ufw has no words for is refused, with what to do instead.
func TestLinesRefused(t *testing.T) {
	many := wide("tcp", 80, 80)
	for i := range 201 {
		many.Sources = append(many.Sources, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(i), 0}), 24))
	}
	for range 2 {
		many.Ports = append(many.Ports, owner.Range{First: 90, Last: 91})
	}
	with := func(change func(*owner.Rule)) owner.Rule {
		r := wide("tcp", 80, 80)
		change(&r)
		return r
	}
	for says, rule := range map[string]owner.Rule{
		"before.rules":                wide("sctp", 80, 80),
		`one rate, "12/minute"`:       with(func(r *owner.Rule) { r.Rate = &owner.Rate{Count: 10, Per: "minute"} }),
		"begin at 1":                  wide("tcp", 0, 9),
		`the interface "eth+"`:        with(func(r *owner.Rule) { r.Interfaces = []string{"eth+"} }),
		`the interface "0123456789a`:  with(func(r *owner.Rule) { r.Interfaces = []string{"0123456789abcdef"} }),
		"none with a '":               with(func(r *owner.Rule) { r.Comment = "it's" }),
		"603 lines":                   many,
		"IPV6=yes into /etc/default/": with(func(r *owner.Rule) { r.IPv4 = false }),
	} {
		m := hosttest.New(t, ufwtest.Config(ufwtest.Options{IPv4Only: true}))
		if got, err := (Owner{}).Lines(t.Context(), m.View(), rule); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, %v, and not %q", got, err, says)
		}
	}
}

func TestActive(t *testing.T) {
	for name, tt := range map[string]struct {
		options ufwtest.Options
		change  func(m *hosttest.Machine)
		want    bool
		says    string
	}{
		"on":                        {want: true},
		"off":                       {options: ufwtest.Options{Off: true}},
		"on in an image":            {options: ufwtest.Options{Offline: true}, want: true},
		"off in an image":           {options: ufwtest.Options{Offline: true, Off: true}},
		"without IPv6":              {options: ufwtest.Options{IPv4Only: true}, want: true},
		"no ufw":                    {change: func(m *hosttest.Machine) { m.Delete("/etc/ufw") }},
		"removed, its settings not": {change: func(m *hosttest.Machine) { m.Delete("/usr/sbin/ufw") }},
		"not loaded": {says: "run ufw reload", change: func(m *hosttest.Machine) {
			ufwtest.Flush(m)
		}},
		"the spelling of a shell": {want: true, change: func(m *hosttest.Machine) {
			m.Put("/etc/ufw/ufw.conf", hosttest.File{Content: "ENABLED=no\n ENABLED=\"YES\" # by hand\n"})
		}},
		"no iptables that can read the table": {says: "nft list ruleset", change: func(m *hosttest.Machine) {
			m.Put(ufwtest.Kernel, hosttest.File{Content: "# Table `filter' is incompatible, use 'nft' tool.\n"})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			m := hosttest.New(t, ufwtest.Config(tt.options))
			if tt.change != nil {
				tt.change(m)
			}
			got, err := Owner{}.Active(t.Context(), m.View())
			if got != tt.want || (err != nil) != (tt.says != "") || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%t, %v", got, err)
			}
			if m.Changes() != 0 {
				t.Errorf("it was changed: %v", m.Ops())
			}
		})
	}
}

func TestNarrows(t *testing.T) {
	line := func(text string) []owner.Line {
		if text == "" {
			return nil
		}
		tuple, ok := parseTuple(text + " 0.0.0.0/0 any 0.0.0.0/0 in")
		if !ok {
			t.Fatalf("%q is no tuple", text)
		}
		return []owner.Line{tuple.line()}
	}
	for _, tt := range []struct {
		out, in string
		want    bool
	}{
		{"", "allow tcp 22", false},
		{"", "allow tcp 1:100", false},
		{"allow tcp 22", "", true},
		{"allow tcp 20:25", "", true},
		{"allow udp 22", "", false},
		{"allow tcp 23", "", false},
		{"limit tcp 22", "", true},
		{"deny tcp 22", "", false},
		{"allow tcp 22", "limit tcp 22", true},
		{"limit tcp 22", "allow tcp 22", false},
		{"limit tcp 22", "limit tcp 22", false},
		{"allow tcp 22", "allow tcp 22", false},
		{"", "limit tcp 22", true},
		{"", "limit tcp 23", false},
		{"allow tcp 22", "deny tcp 22", true},
		{"", "reject tcp 22", true},
		{"deny tcp 22", "allow tcp 22", false},
	} {
		if got := (Owner{}).Narrows(line(tt.out), line(tt.in), 22); got != tt.want {
			t.Errorf("from %q to %q: %t", tt.out, tt.in, got)
		}
	}
}
