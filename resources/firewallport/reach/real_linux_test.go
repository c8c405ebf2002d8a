package reach_test

import (
	"testing"

	"github.com/agent0-converge/agent0-converge/resources/firewallport/reach"
)

// Every verdict about a ruleset is checked against a packet that is really sent.
func TestRulesetsAgainstPackets(t *testing.T) {
	l := newLab(t)
	if len(rulesets) < 25 {
		t.Fatalf("only %d rulesets", len(rulesets))
	}
	verdicts, certain := 0, 0
	for _, c := range rulesets {
		t.Run(c.name, func(t *testing.T) {
			l.t = t
			l.load(c.nft, c.run...)
			e := reach.New(l.read(), reach.Options{})
			seen := map[reach.Outcome]int{}
			for _, p := range l.packets() {
				blind := e.Evaluate(p)
				f := l.send(&p)
				v := e.Evaluate(p)
				for _, v := range []reach.Verdict{v, blind} {
					if d := disagrees(v, f); d != "" {
						t.Errorf("%s from %s:%d to %s:%d: %s", p.Protocol, p.Src, p.SrcPort, p.Dst, p.DstPort, d)
					}
				}
				verdicts++
				if seen[v.Outcome]++; v.Outcome != reach.Unknown {
					certain++
				} else if !c.unknown {
					t.Errorf("%s from %s to %s:%d: unknown: %s, %s; it %s", p.Protocol, p.Src, p.Dst, p.DstPort, v.By, v.Unsure, f)
				}
			}
			for _, o := range c.sees {
				if seen[o] == 0 {
					t.Errorf("no packet had the outcome %s: %v", o, seen)
				}
			}
		})
	}
	l.t = t
	t.Logf("%d rulesets, %d packets sent, %d verdicts certain", len(rulesets), verdicts, certain)
}
