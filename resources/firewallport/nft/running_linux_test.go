package nft

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// others are tables that are not ours, near to ours in all they are.
const others = `
table inet agent1 { set s { type inet_service; flags interval; elements = { 80 comment "x", 90-99 }; }
	chain input { type filter hook input priority filter; policy accept; ct state established,related accept; tcp dport @s counter accept; }; }
table ip agent0 { chain input { type filter hook input priority filter; policy accept; tcp dport 1 drop comment "other family"; }; }
table inet firewalld { chain c { tcp dport 5 accept; }; }
`

func TestCreatedChangedRemovedRestored(t *testing.T) {
	r := newRig(t)
	r.nft(others)
	foreign := r.foreign()
	first := lines(t, ruleOf("tcp", "80"), ruleOf("tcp", "8000", sources("10.0.0.0/8"), comment("one")), ruleOf("tcp", "22", rate(3, "hour")))
	other := lines(t, ruleOf("tcp", "8000", sources("10.0.0.0/8", "2001:db8::/32"), comment("two")), ruleOf("udp", "53", interfaces("eth0")))

	r.set(nil, nil)
	if got := r.foreign(); got != foreign {
		t.Errorf("of nothing came\n%s", got)
	}
	r.set(nil, first)
	r.sound(first...)
	was := r.ours()
	r.set(nil, first)
	r.set(other, nil) // which are not there
	r.sound(first...)

	r.set(first[1:2], other)
	r.sound(first[0], first[2], other[0], other[1])
	changed := r.ours()
	if changed == was {
		t.Error("nothing changed")
	}
	r.set(other, first[1:2])
	if got := r.ours(); got != was {
		t.Errorf("restored, it is\n%s\nnot\n%s", got, was)
	}
	r.set(first[1:2], other)
	if got := r.ours(); got != changed {
		t.Errorf("changed again, it is\n%s\nnot\n%s", got, changed)
	}
	if got := r.foreign(); got != foreign {
		t.Errorf("tables of others were\n%s\nand are\n%s", foreign, got)
	}
	r.set(slices.Concat(first, other), nil)
	r.sound()
	if got := r.foreign(); got != foreign {
		t.Errorf("in the end there is\n%s", got)
	}
}

// One that comes with the key of one that is there takes its place.
func TestOneLineOfAKey(t *testing.T) {
	r := newRig(t)
	slow, fast := lines(t, ruleOf("tcp", "80", rate(1, "minute"))), lines(t, ruleOf("tcp", "80", rate(9, "minute"), comment("x")))
	r.set(nil, slow)
	r.set(nil, fast)
	r.sound(fast...)
	r.set(slow, nil) // which is not there
	r.sound(fast...)
}

// Any two sets of lines, whatever they have in common: from the one to the other and back.
func TestThereAndBack(t *testing.T) {
	r := newRig(t)
	rapid.Check(t, func(rt *rapid.T) {
		all := distinct(t, rapid.SliceOfN(anyRule(), 1, 8).Draw(rt, "rules"))
		cut, cut2 := rapid.IntRange(0, len(all)).Draw(rt, "a"), rapid.IntRange(0, len(all)).Draw(rt, "b")
		a, b := all[:cut], all[cut2:]
		r.set(slices.Collect(maps.Values(r.read().Running)), a)
		before := r.listing("ruleset")
		out := slices.DeleteFunc(slices.Clone(a), func(l owner.Line) bool { return slices.Contains(b, l) })
		in := slices.DeleteFunc(slices.Clone(b), func(l owner.Line) bool { return slices.Contains(a, l) })
		r.set(out, in)
		r.sound(b...)
		r.set(in, out)
		r.sound(a...)
		if got := r.listing("ruleset"); got != before || t.Failed() {
			rt.Fatalf("it was\n%s\nand is\n%s", before, got)
		}
	})
}

// damages are what others may do to our table, what is said of it, and how many of its three lines are still whole.
func damages() []struct {
	name, script, says string
	left               int
} {
	return []struct {
		name, script, says string
		left               int
	}{
		{"a rule of others", "add rule inet agent0 input tcp dport 9 drop", "chain input has a rule that is not ours (handle ", 3},
		{"a rule before all", "insert rule inet agent0 input accept", "chain input has a rule that is not ours (handle ", 3},
		{"a rule twice", "add rule inet agent0 input tcp dport @guarded_tcp drop", "chain input has a rule that is not ours (handle ", 3},
		{"no rules", "flush chain inet agent0 input", "chain input lacks the rule: ct state established,related accept", 3},
		{"no limit", "flush chain inet agent0 rate_1", `the rule ID2 "" for udp 53 is not whole`, 2},
		{"a rule in the limit", "add rule inet agent0 rate_1 accept", "chain rate_1 has a rule that is not ours (handle ", 3},
		{"a chain of others", "add chain inet agent0 more", "chain more is not ours", 3},
		{"a base chain of others", "add chain inet agent0 out { type filter hook output priority 0; policy drop; }", "chain out is not ours", 3},
		{"a set of others", "add set inet agent0 more { type ipv4_addr; }", "set more is not ours", 3},
		{"a map of others", "add map inet agent0 more { type ipv4_addr : verdict; }", "set more is not ours", 3},
		{"a set that looks like ours", "add set inet agent0 tcp_9 { type inet_service; flags interval; }", "set tcp_9 is not ours", 3},
		{"an object of others", "add counter inet agent0 more", "object more is not ours", 3},
		{"an untagged port", "add element inet agent0 tcp_1 { 99 }", "set tcp_1 has an element that is not ours (99)", 3},
		{"a port that is tagged like ours", `add element inet agent0 tcp_1 { 99 comment "ID API" }`, `the rule ID "API" for tcp 99,8000,9000-9010 is not whole`, 2},
		{"a port less", "delete element inet agent0 tcp_1 { 9000-9010 }", `the rule ID "API" for tcp 8000 is not whole`, 2},
		{"no ports", "flush set inet agent0 tcp_1", "set tcp_1 is not ours", 2},
		{"a guard less", "delete element inet agent0 guarded_tcp { 8000 }", "set guarded_tcp lacks 8000", 3},
		{"a guard more", "add element inet agent0 guarded_tcp { 443 }", "set guarded_tcp has an element that is not ours (443)", 3},
		{"a source more", "add element inet agent0 sources4_1 { 172.16.0.0/12 }", `the rule ID "API" for tcp 8000,9000-9010 is not whole`, 2},
		{"a source less", "delete element inet agent0 sources4_1 { 192.168.0.0/16 }", `the rule ID "API" for tcp 8000,9000-9010 is not whole`, 2},
		{"the policy", "add chain inet agent0 input { policy drop; }", "chain input has the policy drop", 3},
		{"asleep", "add table inet agent0 { flags dormant; }", "table inet agent0 sleeps (dormant)", 3},
		{"emptied", "delete table inet agent0; add table inet agent0", "table inet agent0 has none of our rules", 0},
		{"another's", "delete table inet agent0; add table inet agent0; add chain inet agent0 x", "table inet agent0 has none of our rules", 0},
	}
}

func TestDamageIsFoundAndRepaired(t *testing.T) {
	r := newRig(t)
	ls := lines(t, ruleOf("tcp", "80"), ruleOf("tcp", "8000,9000-9010", sources("10.0.0.0/8", "192.168.0.0/16"), comment("API")), ruleOf("udp", "53", rate(1, "minute")))
	r.set(nil, ls)
	good := r.ours()
	tags := strings.NewReplacer("ID2", entriesOf(t, ls)[2].id, "ID", entriesOf(t, ls)[1].id)
	found := 0
	for _, d := range damages() {
		t.Run(d.name, func(t *testing.T) {
			r := *r
			r.t = t
			r.nft(tags.Replace(d.script))
			s := r.read()
			if says := tags.Replace(d.says); !strings.Contains(s.RunningDamage, says) {
				t.Errorf("says %q, and not %q", s.RunningDamage, says)
			}
			if len(s.Running) != d.left {
				t.Errorf("%d lines are whole:\n%v", len(s.Running), s.Running)
			}
			for _, l := range s.Running {
				if !slices.Contains(ls, l) {
					t.Errorf("a line came into being: %v", l)
				}
			}
			found++
			r.set(nil, ls) // whichever are missing
			r.sound(ls...)
			if got := r.ours(); got != good {
				t.Errorf("repaired, it is\n%s\nnot\n%s", got, good)
			}
			r.nft(tags.Replace(d.script))
			r.set(ls[:1], nil) // one goes, and the table is sound again
			if s := r.read(); s.RunningDamage != "" {
				t.Errorf("after a change there is damage: %s", s.RunningDamage)
			}
			r.set(nil, ls)
		})
	}
	t.Logf("%d damages, %d found", len(damages()), found)
	if found != len(damages()) {
		t.Errorf("%d damages, and %d found", len(damages()), found)
	}
}

// A chain's hook and priority cannot be changed: with others, it is another chain.
func TestOtherBaseIsFound(t *testing.T) {
	ls := lines(t, ruleOf("tcp", "8000", sources("10.0.0.0/8")))
	text := script(entriesOf(t, ls))
	const ours = "type filter hook input priority filter; policy accept;"
	for base, says := range map[string]string{
		"type filter hook input priority filter + 1; policy accept;": "chain input has the priority 1",
		"type filter hook prerouting priority filter;":               "chain input is at another hook",
		"type route hook output priority filter;":                    "chain input is at another hook",
		"": "chain input is not called for packets that come in",
	} {
		r := newRig(t)
		r.nft(strings.Replace(text, ours, base, 1))
		if got := r.read().RunningDamage; got != says {
			t.Errorf("of %q says %q, not %q", base, got, says)
		}
		r.set(nil, ls)
		r.sound(ls...)
	}
}

// Whoever looks while the table is replaced sees all of it or all of the one before.
func TestNeverHalfATable(t *testing.T) {
	r := newRig(t)
	a := lines(t, ruleOf("tcp", "8000-8010", sources("10.0.0.0/8")), ruleOf("tcp", "80"), ruleOf("tcp", "22", rate(3, "hour")))
	b := lines(t, ruleOf("udp", "53", interfaces("eth0")), ruleOf("tcp", "8000-8020", sources("2001:db8::/32")))
	r.set(nil, a)
	tables := map[string]bool{r.ours(): true}
	r.set(a, b)
	tables[r.ours()] = true
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() {
		for out, in := b, a; ; out, in = in, out {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			if err := (Owner{}).SetRunning(ctx, r.h, out, in); err != nil {
				done <- err
				return
			}
		}
	}()
	for range 50 {
		if got := r.ours(); !tables[got] {
			t.Fatalf("halfway there is\n%s", got)
		}
		if s := r.read(); s.RunningDamage != "" || !slices.Contains([]int{len(a), len(b)}, len(s.Running)) {
			t.Fatalf("halfway %d lines are read, and %q", len(s.Running), s.RunningDamage)
		}
	}
	close(stop)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A plan may be large.
func TestManyPortsAndSourcesInOneBatch(t *testing.T) {
	r := newRig(t)
	ls := many(t, 5000, 10000)
	r.set(nil, ls)
	r.sound(ls...)
	was := r.ours()
	r.nft(script(entriesOf(t, ls)))
	r.sound(ls...)
	if r.ours() != was {
		t.Error("the script makes another table")
	}
	r.set(ls, nil)
	r.sound()
}

// many are n blocks of a port each that share three sources, and one block with that many sources of both families.
func many(t testing.TB, n, from int) []owner.Line {
	t.Helper()
	var rules []owner.Rule
	for i := range n {
		rules = append(rules, ruleOf("tcp", fmt.Sprint(1000+2*i), sources("10.0.0.0/8", "192.168.0.0/16", "2001:db8::/32"), comment(fmt.Sprint("service ", i))))
	}
	all := make([]string, from)
	for i := range all {
		all[i] = fmt.Sprintf("11.%d.%d.%d/32", i/2/(128*128), i/2/128%128, i/2%128*2)
		if i%2 == 1 {
			all[i] = fmt.Sprintf("2001:db8:%x::/48", i)
		}
	}
	rules = append(rules, ruleOf("tcp", "443", sources(all...)))
	return lines(t, rules...)
}
