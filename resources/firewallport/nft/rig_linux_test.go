package nft

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/internal/lab/netns"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// rig is a namespace whose packet filter is the test's own, and a host that has it.
type rig struct {
	t  testing.TB
	ns *netns.NS
	h  *host.Host
}

func newRig(t testing.TB) *rig {
	t.Helper()
	needNFT(t)
	return rigIn(t, netns.New(t))
}

func needNFT(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("nft"); err != nil {
		t.Skip("needs nft: apt install nftables")
	}
}

func rigIn(t testing.TB, ns *netns.NS) *rig {
	t.Helper()
	h, err := host.Open(host.Options{Root: t.TempDir(), Programs: map[string]host.ProgramFunc{}, NetNS: ns.FD()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return &rig{t, ns, h}
}

func (r *rig) read() *owner.State {
	r.t.Helper()
	s, err := Owner{}.Read(r.t.Context(), r.h.View())
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

func (r *rig) set(out, in []owner.Line) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	if err := (Owner{}).SetRunning(ctx, r.h, out, in); err != nil {
		r.t.Fatal(err)
	}
}

// sound fails the test unless exactly the lines are there, and nothing is wrong.
func (r *rig) sound(want ...owner.Line) {
	r.t.Helper()
	s := r.read()
	if s.RunningDamage != "" {
		r.t.Errorf("damage: %s", s.RunningDamage)
	}
	r.has(s, want...)
}

func (r *rig) has(s *owner.State, want ...owner.Line) {
	r.t.Helper()
	got := map[string]owner.Line{}
	for _, l := range want {
		got[l.Key] = l
	}
	if !equal(s.Running, got) {
		r.t.Errorf("running:\n%v\nnot\n%v", s.Running, got)
	}
}

// nft runs a script of nft(8) in the namespace.
func (r *rig) nft(script string) {
	r.t.Helper()
	if out, err := r.ns.Try([]byte(script), "nft", "-f", "-"); err != nil {
		r.t.Fatalf("nft: %v\n%s\n%s", err, out, script)
	}
}

// listing is what nft(8) says of all tables, or of those that what names, without handles.
func (r *rig) listing(what ...string) string {
	r.t.Helper()
	out := r.ns.Run(append([]string{"nft", "-j", "list"}, what...)...)
	var all struct{ Nftables []map[string]map[string]any }
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		r.t.Fatal(err)
	}
	var lines []string
	for _, one := range all.Nftables {
		for kind, attributes := range one {
			delete(attributes, "handle")
			b, err := json.Marshal(attributes)
			if err != nil {
				r.t.Fatal(err)
			}
			if kind != "metainfo" {
				lines = append(lines, kind+" "+string(b))
			}
		}
	}
	return strings.Join(lines, "\n")
}

func (r *rig) ours() string { r.t.Helper(); return r.listing("table", "inet", tableName) }

// foreign is a listing without our table.
func (r *rig) foreign() string {
	r.t.Helper()
	var out []string
	for l := range strings.SplitSeq(r.listing("ruleset"), "\n") {
		if !strings.Contains(l, `"family":"inet"`) || !strings.Contains(l, `"table":"agent0"`) && !strings.HasPrefix(l, `table {"family":"inet","name":"agent0"`) {
			out = append(out, l)
		}
	}
	return strings.Join(out, "\n")
}

// lines are those of rules.
func lines(t testing.TB, rules ...owner.Rule) []owner.Line {
	t.Helper()
	var out []owner.Line
	for _, r := range rules {
		ls, err := Owner{}.Lines(t.Context(), host.View{}, r)
		if err != nil {
			t.Fatal(err)
		}
		if len(ls) != 1 {
			t.Fatalf("%d lines", len(ls))
		}
		out = append(out, ls...)
	}
	return out
}

// ruleOf is a rule for both families, changed by more.
func ruleOf(protocol, port string, more ...func(*owner.Rule)) owner.Rule {
	r := owner.Rule{Protocol: protocol, IPv4: true, IPv6: true}
	for p := range strings.SplitSeq(port, ",") {
		rng, err := parseRange(p)
		if err != nil {
			panic(err)
		}
		r.Ports = append(r.Ports, rng)
	}
	for _, m := range more {
		m(&r)
	}
	return r
}

func sources(all ...string) func(*owner.Rule) {
	return func(r *owner.Rule) {
		for _, s := range all {
			r.Sources = append(r.Sources, netip.MustParsePrefix(s))
		}
	}
}

func interfaces(all ...string) func(*owner.Rule) {
	return func(r *owner.Rule) { r.Interfaces = all }
}

func rate(n int, per string) func(*owner.Rule) {
	return func(r *owner.Rule) { r.Rate = &owner.Rate{Count: n, Per: per} }
}

func comment(s string) func(*owner.Rule) { return func(r *owner.Rule) { r.Comment = s } }

func only4(r *owner.Rule) { r.IPv6 = false }
func only6(r *owner.Rule) { r.IPv4 = false }

// anyRule draws rules that are near to each other, so that they share conditions and ports, touch and overlap.
func anyRule() *rapid.Generator[owner.Rule] {
	return rapid.Custom(func(t *rapid.T) owner.Rule {
		r := owner.Rule{Protocol: rapid.SampledFrom([]string{"tcp", "tcp", "udp", "sctp", "dccp"}).Draw(t, "protocol")}
		families := rapid.SampledFrom([]int{3, 3, 1, 2}).Draw(t, "families")
		r.IPv4, r.IPv6 = families&1 != 0, families&2 != 0
		edge := rapid.SampledFrom([]int{0, 1, 79, 80, 81, 8000, 65534, 65535})
		last := -1
		for range rapid.IntRange(1, 3).Draw(t, "ranges") {
			first := max(last+1, edge.Draw(t, "first"))
			if first > 65535 {
				break
			}
			last = min(65535, first+rapid.SampledFrom([]int{0, 0, 1, 10, 65535}).Draw(t, "more"))
			r.Ports = append(r.Ports, owner.Range{First: uint16(first), Last: uint16(last)})
		}
		if rapid.Bool().Draw(t, "sources") {
			r.Sources = anySources(t, r)
		}
		r.Interfaces = slices.Compact(slices.Sorted(slices.Values(rapid.SliceOfN(
			rapid.SampledFrom([]string{"eth0", "eth1", "wlan-0.1", "abcdefghijklmno", "a$b", "x@y"}), 0, 3).Draw(t, "interfaces"))))
		if rapid.IntRange(0, 3).Draw(t, "rated") == 0 {
			r.Rate = &owner.Rate{
				Count: rapid.SampledFrom([]int{1, 3, 10, 1000000}).Draw(t, "count"),
				Per:   rapid.SampledFrom([]string{"second", "minute", "hour", "day"}).Draw(t, "per"),
			}
		}
		r.Comment = rapid.SampledFrom([]string{"", "API", `a "quoted" \ text`, `\`, "größer", "# no # comment; }", "$x @y %z", " ends ", strings.Repeat("x", 96)}).Draw(t, "comment")
		return r
	})
}

func anySources(t *rapid.T, r owner.Rule) []netip.Prefix {
	all := []string{
		"0.0.0.0/0", "0.0.0.0/1", "10.0.0.0/9", "10.128.0.0/9", "10.0.0.1/32", "192.0.2.0/24", "255.255.255.255/32",
		"::/0", "2001:db8::/33", "2001:db8:8000::/33", "2001:db8::1/128", "fe80::/10", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128",
	}
	var out []netip.Prefix
	for _, s := range rapid.SliceOfNDistinct(rapid.SampledFrom(all), 1, 5, rapid.ID[string]).Draw(t, "from") {
		p := netip.MustParsePrefix(s)
		inside := slices.ContainsFunc(out, func(o netip.Prefix) bool { return o.Overlaps(p) })
		if !inside && (p.Addr().Is4() && r.IPv4 || p.Addr().Is6() && r.IPv6) {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, netip.Prefix.Compare)
	return out
}

// distinct are the lines of rules, of each key one.
func distinct(t testing.TB, rules []owner.Rule) []owner.Line {
	t.Helper()
	var out []owner.Line
	seen := map[string]bool{}
	for _, l := range lines(t, rules...) {
		if !seen[l.Key] {
			seen[l.Key] = true
			out = append(out, l)
		}
	}
	return out
}

func texts(ls []owner.Line) string {
	var out []string
	for _, l := range ls {
		out = append(out, fmt.Sprintf("%s: %s", l.Key, l.Text))
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// entriesOf are lines as the package has them.
func entriesOf(t testing.TB, ls []owner.Line) []entry {
	t.Helper()
	out := make([]entry, len(ls))
	for i, l := range ls {
		e, err := parseEntry(l.Text)
		if err != nil {
			t.Fatal(err)
		}
		out[i] = e
	}
	return out
}
