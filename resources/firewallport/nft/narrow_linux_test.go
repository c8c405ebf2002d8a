package nft

import (
	"slices"
	"testing"

	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

func TestNarrows(t *testing.T) {
	rs := func(all ...owner.Rule) []owner.Rule { return all }
	some, more := sources("10.0.0.0/8"), sources("10.0.0.0/8", "192.168.0.0/16")
	for _, tt := range []struct {
		name    string
		out, in []owner.Rule
		want    bool
	}{
		{"nothing", nil, nil, false},
		{"a guard comes", nil, rs(ruleOf("tcp", "22", some)), true},
		{"a guard within a range comes", nil, rs(ruleOf("tcp", "1-1000", some)), true},
		{"a rate comes", nil, rs(ruleOf("tcp", "22", rate(10, "second"))), true},
		{"one family comes", nil, rs(ruleOf("tcp", "22", only4)), true},
		{"another port", nil, rs(ruleOf("tcp", "23-80", some), ruleOf("tcp", "1-21", some)), false},
		{"another protocol", nil, rs(ruleOf("udp", "22", some)), false},
		{"no condition comes", nil, rs(ruleOf("tcp", "22")), false},
		{"a guard and no condition come", nil, rs(ruleOf("tcp", "22", some), ruleOf("tcp", "1-100")), false},
		{"no condition takes the place of a guard", rs(ruleOf("tcp", "22", some)), rs(ruleOf("tcp", "22")), false},
		{"a guard takes the place of no condition", rs(ruleOf("tcp", "22")), rs(ruleOf("tcp", "22", some)), true},
		{"a line goes", rs(ruleOf("tcp", "22", some)), nil, true},
		{"no condition goes", rs(ruleOf("tcp", "22")), nil, true},
		{"more sources", rs(ruleOf("tcp", "22", some)), rs(ruleOf("tcp", "22", more)), false},
		{"fewer sources", rs(ruleOf("tcp", "22", more)), rs(ruleOf("tcp", "22", some)), true},
		{"a wider source", rs(ruleOf("tcp", "22", sources("10.1.0.0/16"))), rs(ruleOf("tcp", "22", some)), false},
		{"a narrower source", rs(ruleOf("tcp", "22", some)), rs(ruleOf("tcp", "22", sources("10.1.0.0/16"))), true},
		{"a source of the other family too", rs(ruleOf("tcp", "22", some)), rs(ruleOf("tcp", "22", sources("10.0.0.0/8", "::/0"))), false},
		{"the same network of the other family", rs(ruleOf("tcp", "22", sources("::/0"))), rs(ruleOf("tcp", "22", sources("0.0.0.0/0"))), true},
		{"any source of both families", rs(ruleOf("tcp", "22")), rs(ruleOf("tcp", "22", sources("0.0.0.0/0", "::/0"))), false},
		{"another comment", rs(ruleOf("tcp", "22", some, comment("a"))), rs(ruleOf("tcp", "22", some, comment("b"))), false},
		{"more ports", rs(ruleOf("tcp", "22", some)), rs(ruleOf("tcp", "22-23", some)), false},
		{"other ports", rs(ruleOf("tcp", "22", some)), rs(ruleOf("tcp", "23", some)), true},
		{"an interface", rs(ruleOf("tcp", "22", some)), rs(ruleOf("tcp", "22", some, interfaces("eth0"))), true},
		{"no interface", rs(ruleOf("tcp", "22", some, interfaces("eth0"))), rs(ruleOf("tcp", "22", some)), false},
		{"one interface more", rs(ruleOf("tcp", "22", interfaces("eth0"))), rs(ruleOf("tcp", "22", interfaces("eth0", "eth1"))), false},
		{"another interface", rs(ruleOf("tcp", "22", interfaces("eth0"))), rs(ruleOf("tcp", "22", interfaces("eth1"))), true},
		{"a higher rate", rs(ruleOf("tcp", "22", rate(3, "hour"))), rs(ruleOf("tcp", "22", rate(4, "hour"))), false},
		{"a lower rate", rs(ruleOf("tcp", "22", rate(3, "hour"))), rs(ruleOf("tcp", "22", rate(2, "hour"))), true},
		{"a rate of another unit", rs(ruleOf("tcp", "22", rate(3, "hour"))), rs(ruleOf("tcp", "22", rate(3, "minute"))), true},
		{"no rate", rs(ruleOf("tcp", "22", some, rate(3, "hour"))), rs(ruleOf("tcp", "22", some)), false},
		{"two lines, both covered", rs(ruleOf("tcp", "22", some), ruleOf("tcp", "1-90", sources("::/0"))), rs(ruleOf("tcp", "22", sources("10.0.0.0/8", "::/0"))), false},
		{"two lines, one covered", rs(ruleOf("tcp", "22", some), ruleOf("tcp", "1-90", sources("::/0"))), rs(ruleOf("tcp", "22", more)), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := (Owner{}).Narrows(lines(t, tt.out...), lines(t, tt.in...), 22); got != tt.want {
				t.Errorf("says %v", got)
			}
		})
	}
	if !(Owner{}).Narrows([]owner.Line{{Key: "x", Text: "y"}}, nil, 22) {
		t.Error("of a line that nobody can read it says that it kept nobody out")
	}
}

// Where it says that nobody is kept out, no packet that was let in is dropped after.
func TestNarrowsIsRight(t *testing.T) {
	f := newTraffic(t)
	rules := []owner.Rule{
		ruleOf("tcp", "22"), ruleOf("tcp", "22", sources("192.0.2.0/24")), ruleOf("tcp", "20-30", sources(peer4+"/32", "2001:db8::/64")),
		ruleOf("tcp", "22", interfaces("eth0")), ruleOf("tcp", "22", only6),
	}
	trips := [][2]string{{peer4, host4}, {second4, host4}, {peer6, host6}, {otherPeer4, other4}}
	passes := func(which int) (out []bool) {
		var some []owner.Rule
		for i, r := range rules {
			if which&(1<<i) != 0 {
				some = append(some, r)
			}
		}
		f.set(slices.Concat(lines(t, rules...)), nil)
		f.set(nil, lines(t, some...))
		for _, p := range trips {
			out = append(out, f.letIn("tcp", p[0], p[1], 22))
		}
		return out
	}
	seen := map[int][]bool{}
	for which := range 1 << len(rules) {
		seen[which] = passes(which)
	}
	checked, never := 0, 0
	for from := range seen {
		for to := range seen {
			var out, in []owner.Line
			for i, l := range lines(t, rules...) {
				was, is := from&(1<<i) != 0, to&(1<<i) != 0
				if was && !is {
					out = append(out, l)
				}
				if is && !was {
					in = append(in, l)
				}
			}
			checked++
			if (Owner{}).Narrows(out, in, 22) {
				continue
			}
			never++
			for i := range trips {
				if seen[from][i] && !seen[to][i] {
					t.Errorf("from %06b to %06b %v is kept out", from, to, trips[i])
				}
			}
		}
	}
	t.Logf("%d changes, %d of which keep nobody out", checked, never)
	if never < len(seen) {
		t.Error("it hardly ever says that nobody is kept out")
	}
}
