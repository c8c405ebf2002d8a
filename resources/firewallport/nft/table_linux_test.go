package nft

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// Whatever the rules, the lines come back from the kernel and from the script, and nft(8) makes of the script the very
// table that the kernel was given.
func TestLinesComeBack(t *testing.T) {
	direct, loaded := newRig(t), newRig(t)
	rapid.Check(t, func(rt *rapid.T) {
		ls := distinct(t, rapid.SliceOfN(anyRule(), 1, 8).Draw(rt, "rules"))
		direct.set(slices.Collect(maps.Values(direct.read().Running)), ls)
		direct.sound(ls...)
		text := script(entriesOf(t, ls))
		loaded.nft(text)
		loaded.sound(ls...)
		if a, b := direct.ours(), loaded.ours(); a != b {
			rt.Fatalf("the kernel was given\n%s\nand the script makes\n%s\n%s", a, b, text)
		}
		entries, err := parseScript(text)
		if err != nil {
			rt.Fatal(err)
		}
		if got, _ := byKey(entries); !equal(got, direct.read().Running) {
			rt.Fatalf("the script says\n%v", got)
		}
		if t.Failed() {
			rt.Fatalf("of\n%s", texts(ls))
		}
	})
}

func TestScriptDoesNotDependOnOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		entries := entriesOf(t, distinct(t, rapid.SliceOfN(anyRule(), 1, 8).Draw(rt, "rules")))
		want := script(entries)
		if got := script(rapid.Permutation(entries).Draw(rt, "order")); got != want {
			rt.Fatalf("in another order\n%s\nis\n%s", want, got)
		}
	})
}

// The example of the package's documentation is what is made.
func TestReadsWell(t *testing.T) {
	r := newRig(t)
	r.set(nil, lines(t,
		ruleOf("tcp", "8000", sources("10.0.0.0/8", "192.168.0.0/16"), comment("API")),
		ruleOf("tcp", "9000-9010", sources("10.0.0.0/8", "192.168.0.0/16")),
		ruleOf("udp", "53", interfaces("eth0", "eth1"), only6),
		ruleOf("tcp", "80", comment("the web")),
		ruleOf("tcp", "22", sources("10.0.0.0/8", "2001:db8::/32"), rate(10, "minute"), comment("log in")),
	))
	const want = `table inet agent0 {
	set sources4_1 {
		type ipv4_addr
		flags interval
		elements = { 10.0.0.0/8, 192.168.0.0/16 }
	}

	set sources4_2 {
		type ipv4_addr
		flags interval
		elements = { 10.0.0.0/8 }
	}

	set sources6_2 {
		type ipv6_addr
		flags interval
		elements = { 2001:db8::/32 }
	}

	set interfaces_3 {
		type ifname
		elements = { "eth0", "eth1" }
	}

	set tcp_any {
		type inet_service
		flags interval
		elements = { 80 comment "ID the web" }
	}

	set tcp_1 {
		type inet_service
		flags interval
		elements = { 8000 comment "ID API", 9000-9010 comment "ID" }
	}

	set udp_3v6 {
		type inet_service
		flags interval
		elements = { 53 comment "ID" }
	}

	set tcp_2_rate_1 {
		type inet_service
		flags interval
		elements = { 22 comment "ID log in" }
	}

	set guarded_tcp {
		type inet_service
		flags interval
		elements = { 22, 8000, 9000-9010 }
	}

	set guarded_udp {
		type inet_service
		flags interval
		elements = { 53 }
	}

	chain rate_1 {
		limit rate 10/minute accept comment "ID log in"
	}

	chain input {
		type filter hook input priority filter; policy accept;
		ct state established,related accept
		iif "lo" accept
		tcp dport @tcp_any accept
		ip saddr @sources4_1 tcp dport @tcp_1 accept
		iifname @interfaces_3 meta nfproto ipv6 udp dport @udp_3v6 accept
		ip saddr @sources4_2 tcp dport @tcp_2_rate_1 jump rate_1
		ip6 saddr @sources6_2 tcp dport @tcp_2_rate_1 jump rate_1
		tcp dport @guarded_tcp drop
		udp dport @guarded_udp drop
	}
}
`
	// Versions of nft differ in where they break lines, and in whether they tell the burst that is theirs by default.
	got := regexp.MustCompile(`,\s+`).ReplaceAllString(r.ns.Run("nft", "list", "table", "inet", "agent0"), ", ")
	got = strings.ReplaceAll(got, " burst 5 packets", "")
	for _, l := range r.read().Running {
		e, err := parseEntry(l.Text)
		if err != nil {
			t.Fatal(err)
		}
		got = strings.ReplaceAll(got, e.id, "ID")
	}
	if got != want {
		t.Errorf("nft lists\n%s", got)
	}
}

// Blocks that have everything in common but their ports are one rule.
func TestManyShareARule(t *testing.T) {
	r := newRig(t)
	var rules []owner.Rule
	for i := range 300 {
		rules = append(rules, ruleOf("tcp", fmt.Sprint(10000+2*i), sources("10.0.0.0/8"), comment(fmt.Sprint("port ", i))))
	}
	ls := lines(t, rules...)
	r.set(nil, ls)
	r.sound(ls...)
	if n := strings.Count(r.ours(), "\nrule "); n != 4 {
		t.Errorf("%d rules", n)
	}
}

// Without a guard nothing of ours asks for connections to be tracked.
func TestNothingGuardedNothingTracked(t *testing.T) {
	r := newRig(t)
	r.set(nil, lines(t, ruleOf("tcp", "80"), ruleOf("udp", "53")))
	if all := r.ours(); strings.Contains(all, `"ct"`) || strings.Contains(all, "drop") {
		t.Error(all)
	}
}

func TestKeysAndTexts(t *testing.T) {
	many := make([]string, 40)
	for i := range many {
		many[i] = fmt.Sprintf("10.%d.0.0/16", 2*i)
	}
	for _, tt := range []struct {
		rule      owner.Rule
		key, text string
	}{
		{ruleOf("tcp", "80"), "tcp 80", `{"protocol":"tcp","ports":"80"}`},
		{ruleOf("tcp", "80,81,82-90"), "tcp 80-90", `{"protocol":"tcp","ports":"80-90"}`},
		{ruleOf("udp", "1-2,5", only4), "udp 1-2,5 over ipv4", `{"protocol":"udp","ports":"1-2,5","family":"ipv4"}`},
		{ruleOf("tcp", "80", sources("10.0.0.0/8")), "tcp 80 from 10.0.0.0/8", `{"protocol":"tcp","ports":"80","sources":["10.0.0.0/8"]}`},
		{ruleOf("tcp", "80", sources("10.0.0.0/8"), only4), "tcp 80 from 10.0.0.0/8", `{"protocol":"tcp","ports":"80","sources":["10.0.0.0/8"]}`},
		{ruleOf("tcp", "80", sources("10.0.0.0/8", "::/0"), only6), "tcp 80 from ::/0", `{"protocol":"tcp","ports":"80","sources":["::/0"]}`},
		{
			ruleOf("tcp", "80", interfaces("b", "a"), rate(3, "day"), comment("<&>")), "tcp 80 on a,b",
			`{"protocol":"tcp","ports":"80","interfaces":["a","b"],"rate":"3/day","comment":"<&>"}`,
		},
		{ruleOf("tcp", "80", sources(many...)), "tcp 80 from 40:cc1f5e0f7f5d84f739e6a2c66c8e9791", ""},
	} {
		l := lines(t, tt.rule)[0]
		if l.Key != tt.key || tt.text != "" && l.Text != tt.text {
			t.Errorf("%s\n%s\nnot\n%s\n%s", l.Key, l.Text, tt.key, tt.text)
		}
	}
}

func TestRefusals(t *testing.T) {
	for name, tt := range map[string]struct {
		rule owner.Rule
		says string
	}{
		"protocol":         {ruleOf("icmp", "80"), "tcp, udp, sctp or dccp"},
		"no family":        {ruleOf("tcp", "80", only4, only6), "leave family out"},
		"no such source":   {ruleOf("tcp", "80", sources("10.0.0.0/8"), only6), "name a source of that family"},
		"no ports":         {owner.Rule{Protocol: "tcp", IPv4: true}, "no port"},
		"ports overlap":    {ruleOf("tcp", "80-90,85"), "not in order"},
		"ports backwards":  {ruleOf("tcp", "90-80"), "not in order"},
		"unmasked":         {ruleOf("tcp", "80", sources("10.0.0.1/8")), "no network"},
		"mapped":           {ruleOf("tcp", "80", sources("::ffff:10.0.0.0/104")), "no network"},
		"source within":    {ruleOf("tcp", "80", sources("10.0.0.0/8", "10.1.0.0/16")), "leave it out"},
		"interface star":   {ruleOf("tcp", "80", interfaces("eth*")), "by its name alone"},
		"interface quote":  {ruleOf("tcp", "80", interfaces(`e"`)), "by its name alone"},
		"interface blank":  {ruleOf("tcp", "80", interfaces("")), "by its name alone"},
		"interface length": {ruleOf("tcp", "80", interfaces("abcdefghijklmnop")), "by its name alone"},
		"rate of none":     {ruleOf("tcp", "80", rate(0, "minute")), "10/minute"},
		"rate per week":    {ruleOf("tcp", "80", rate(1, "week")), "10/minute"},
		"comment in lines": {ruleOf("tcp", "80", comment("a\nb")), "in one line"},
		"comment no UTF-8": {ruleOf("tcp", "80", comment("a\xff")), "control characters"},
		"comment quotes":   {ruleOf("tcp", "80", comment(strings.Repeat(`"`, 90))), "fewer quotes"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := newEntry(tt.rule); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("says %v, and not %q", err, tt.says)
			}
		})
	}
}
