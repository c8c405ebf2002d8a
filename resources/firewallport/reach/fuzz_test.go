package reach

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/agent0-converge/agent0-converge/resources/firewallport/ruleset"
)

// FuzzEvaluate hands any expression with any attributes to the evaluator, after one that loads registers, with a set that is
// anything, too.
func FuzzEvaluate(f *testing.F) {
	names := []string{"match", "target", "something"}
	for n := range decoders() {
		names = append(names, n)
	}
	slices.Sort(names)
	for i := range names {
		f.Add(uint8(i), []byte{8, 0, 1, 0, 0, 0, 0, 1}, []byte{192, 0, 2, 1}, uint32(4), uint32(0), false)
		f.Add(uint8(i), []byte{6, 0, 1, 0, 's', 0, 0, 0, 8, 0, 2, 0, 0, 0, 0, 1}, []byte{192, 0, 2, 1}, uint32(8), uint32(4), true)
	}
	f.Fuzz(func(t *testing.T, which uint8, data, key []byte, length, flags uint32, v6 bool) {
		table := &ruleset.Table{Family: ruleset.Inet, Name: "t", Sets: map[string]*ruleset.Set{}}
		table.Sets["s"] = &ruleset.Set{
			Table: table, Name: "s", KeyLen: length % 256, DataLen: length >> 8 % 256, Flags: flags, FieldLens: []uint32{length % 7, length % 5},
			Elements: []ruleset.Element{{Key: key, Value: key}, {Key: key, KeyEnd: data, IntervalEnd: true}, {CatchAll: true}},
		}
		c := &ruleset.Chain{Table: table, Name: "c", Base: &ruleset.Base{Type: "filter", Hook: hookInput}}
		load := []byte{8, 0, 1, 0, 0, 0, 0, 1, 8, 0, 2, 0, 0, 0, 0, 1, 8, 0, 3, 0, 0, 0, 0, 8, 8, 0, 4, 0, 0, 0, 0, 16}
		name := names[int(which)%len(names)]
		for i := range 3 {
			c.Rules = append(c.Rules, &ruleset.Rule{Chain: c, Number: i + 1, Exprs: []ruleset.Expr{{Name: "payload", Data: load}, {Name: name, Data: data}, {Name: name, Data: data}}})
		}
		table.Chains = []*ruleset.Chain{c}
		e := New(&ruleset.Ruleset{Tables: []*ruleset.Table{table}}, Options{})
		p := Packet{Protocol: "tcp", Src: netip.MustParseAddr("192.0.2.2"), Dst: netip.MustParseAddr("192.0.2.1"), DstPort: 22}
		if v6 {
			p.Src, p.Dst = netip.MustParseAddr("2001:db8::2"), netip.MustParseAddr("2001:db8::1")
		}
		if v := e.Evaluate(p); v.Outcome != Accept && v.By == nil && v.Unsure == nil {
			t.Errorf("%s by nobody", v.Outcome)
		}
		e.Sources()
	})
}
