package firewalld_test

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/firewalld"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/firewalld/firewalldtest"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

var fw firewalld.Owner

type zones = map[string]*firewalldtest.Zone

// rig is a host with a firewalld of Go.
type rig struct {
	*firewalldtest.Daemon
	host *host.Host
	// changes are the calls that were made to change something.
	changes []string
	// limit, where not negative, is how many more changes may be made.
	limit int
}

func newRig(t *testing.T, z zones, netns int) *rig {
	t.Helper()
	r := &rig{Daemon: firewalldtest.New(z), limit: -1}
	h, err := host.Open(host.Options{
		Root: t.TempDir(), Facts: &host.Facts{Init: "systemd"}, Programs: map[string]host.ProgramFunc{},
		NetNS: netns, Bus: r.Call, Watch: r.watch,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	r.host = h
	return r
}

func (r *rig) watch(op host.Op) error {
	if r.limit == 0 {
		return errStopped
	}
	if r.limit > 0 {
		r.limit--
	}
	r.changes = append(r.changes, op.String())
	return nil
}

var errStopped = context.Canceled

// rule makes one of words: a protocol, ports such as 8000 or 8000-8010, sources, v4, v6, @interface, a rate.
func rule(words ...string) owner.Rule {
	r := owner.Rule{Protocol: "tcp", IPv4: true, IPv6: true}
	for _, w := range words {
		rate, per, isRate := strings.Cut(w, "/")
		switch {
		case slices.Contains([]string{"tcp", "udp", "sctp", "dccp"}, w):
			r.Protocol = w
		case w == "v4":
			r.IPv6 = false
		case w == "v6":
			r.IPv4 = false
		case w[0] == '@':
			r.Interfaces = append(r.Interfaces, w[1:])
		case strings.ContainsAny(w, ".:"):
			r.Sources = append(r.Sources, netip.MustParsePrefix(w))
		case isRate:
			r.Rate = &owner.Rate{Count: number(rate), Per: per}
		default:
			first, last, isRange := strings.Cut(w, "-")
			if !isRange {
				last = first
			}
			r.Ports = append(r.Ports, owner.Range{First: uint16(number(first)), Last: uint16(number(last))})
		}
	}
	return r
}

func number(s string) (n int) {
	for _, c := range s {
		n = n*10 + int(c-'0')
	}
	return n
}

func lines(t *testing.T, v host.View, r owner.Rule) []owner.Line {
	t.Helper()
	ls, err := fw.Lines(t.Context(), v, r)
	if err != nil {
		t.Fatal(err)
	}
	return ls
}

func texts(ls []owner.Line) []string {
	var out []string
	for _, l := range ls {
		out = append(out, l.Text)
	}
	return out
}

func read(t *testing.T, v host.View) *owner.State {
	t.Helper()
	s, err := fw.Read(t.Context(), v)
	if err != nil {
		t.Fatal(err)
	}
	if s.RunningDamage != "" || s.PersistentDamage != "" {
		t.Errorf("damage: %q, %q", s.RunningDamage, s.PersistentDamage)
	}
	return s
}

// set sets both states.
func set(t *testing.T, h *host.Host, out, in []owner.Line) {
	t.Helper()
	if !h.Offline {
		if err := fw.SetRunning(t.Context(), h, out, in); err != nil {
			t.Fatal(err)
		}
	}
	if err := fw.SetPersistent(t.Context(), h, out, in); err != nil {
		t.Fatal(err)
	}
}

// has fails the test unless a state has each line as it is.
func has(t *testing.T, what string, state map[string]owner.Line, ls []owner.Line) {
	t.Helper()
	for _, l := range ls {
		if got, ok := state[l.Key]; !ok || got != l {
			t.Errorf("%s: of %q there is %q; all: %q", what, l.Text, got.Text, slices.Sorted(maps.Keys(state)))
		}
	}
}

func same(t *testing.T, what string, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// rules are of every form that a block can have.
func rules() map[string]owner.Rule {
	return map[string]owner.Rule{
		"a port":              rule("8000"),
		"udp":                 rule("8000", "udp"),
		"sctp":                rule("8000", "sctp"),
		"dccp":                rule("8000", "dccp"),
		"two ports":           rule("8000", "8001"),
		"a range":             rule("8000-8010"),
		"a range and a port":  rule("8000-8010", "8011"),
		"all ports":           rule("1-65535"),
		"one family":          rule("8000", "v4"),
		"the other family":    rule("8000", "v6"),
		"a rate":              rule("8000", "10/minute"),
		"a rate in a second":  rule("8000", "5/second", "v4"),
		"a rate in an hour":   rule("8000-8001", "100/hour", "udp"),
		"a slow rate":         rule("8000", "2/day"),
		"a source":            rule("8000", "192.168.0.0/16"),
		"a host":              rule("8000", "192.168.1.2/32"),
		"a host of IPv6":      rule("8000", "2001:db8::7/128"),
		"everybody, in words": rule("8000", "0.0.0.0/0", "::/0"),
		"sources and a rate":  rule("8000-8010", "9000", "10.0.0.0/8", "2001:db8::/32", "7/minute"),
	}
}
