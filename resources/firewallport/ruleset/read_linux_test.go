package ruleset_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/internal/lab/netns"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/ruleset"
)

// open returns a namespace, and what reads its packet filter.
func open(t *testing.T) (*netns.NS, host.Dumps) {
	t.Helper()
	if _, err := exec.LookPath("nft"); err != nil {
		t.Skip("needs nft: apt install nftables")
	}
	ns := netns.New(t)
	h, err := host.Open(host.Options{Root: t.TempDir(), Programs: map[string]host.ProgramFunc{}, NetNS: ns.FD()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return ns, h.View().Netlink
}

func load(t *testing.T, ns *netns.NS, script string) {
	t.Helper()
	if out, err := ns.Try([]byte(script), "nft", "-f", "-"); err != nil {
		t.Fatalf("nft: %v\n%s", err, out)
	}
}

func read(t *testing.T, d host.Dumps) *ruleset.Ruleset {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := ruleset.Read(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const everything = `
table inet box { comment "a table"
	set ports { type inet_service; flags interval; auto-merge; comment "a set"; elements = { 22, 8000-8010 comment "an element", 65000-65535 } }
	set pairs { type ipv4_addr . inet_service; flags interval; elements = { 10.0.0.0/8 . 80, 192.0.2.1-192.0.2.9 . 443-444 } }
	set seen { type ipv4_addr; size 100; flags dynamic,timeout; timeout 1m; }
	map to { type inet_service : ipv4_addr; elements = { 80 : 192.0.2.7 } }
	map what { type ifname : verdict; elements = { "lo" : accept, "eth0" : jump more, * : drop } }
	quota plenty { over 10 mbytes }
	map counts { type ipv4_addr : quota; elements = { 192.0.2.3 : "plenty" } }
	chain more { tcp dport @ports counter accept comment "some ports"; return;
	}
	chain input { type filter hook input priority filter + 5; policy drop; comment "a chain"
		iifname vmap @what
		ct state vmap { established : accept, related : accept, invalid : drop }
		ip saddr . tcp dport @pairs goto more
		update @seen { ip saddr limit rate 3/minute }
	}
}
table netdev early { chain in { type filter hook ingress devices = { lo, veth0 } priority -500; policy accept; }; }
table ip sleeps { flags dormant; chain out { type nat hook postrouting priority srcnat; masquerade; }; }
table ip6 six { }
table arp a { chain i { type filter hook input priority 0; }; }
table bridge b { chain f { type filter hook forward priority 0; }; }
`

func TestReadsEverything(t *testing.T) {
	ns, d := open(t)
	ns.Run("ip", "link", "add", "veth0", "type", "veth", "peer", "name", "veth1")
	load(t, ns, everything)
	r := read(t, d)

	var tables []string
	for _, tb := range r.Tables {
		tables = append(tables, tb.Family.String()+" "+tb.Name)
	}
	slices.Sort(tables)
	if got := strings.Join(tables, ", "); got != "arp a, bridge b, inet box, ip sleeps, ip6 six, netdev early" {
		t.Errorf("tables %s", got)
	}
	box := r.Table(ruleset.Inet, "box")
	if box.Comment != "a table" || box.Dormant || !r.Table(ruleset.IPv4, "sleeps").Dormant {
		t.Errorf("box is %+v", box)
	}
	input := box.Chain("input")
	if b := input.Base; b == nil || b.Type != "filter" || b.Hook != unix.NF_INET_LOCAL_IN || b.Priority != 5 || !b.Drop {
		t.Errorf("input is %+v", input.Base)
	}
	if b := r.Table(ruleset.IPv4, "sleeps").Chain("out").Base; b.Type != "nat" || b.Hook != unix.NF_INET_POST_ROUTING || b.Priority != 100 || b.Drop {
		t.Errorf("postrouting is %+v", b)
	}
	early := r.Table(ruleset.Netdev, "early").Chain("in").Base
	slices.Sort(early.Devices)
	if !slices.Equal(early.Devices, []string{"lo", "veth0"}) || early.Priority != -500 {
		t.Errorf("ingress is %+v", early)
	}
	more := box.Chain("more")
	if more.Base != nil || len(more.Rules) != 2 || more.Rules[0].Comment != "some ports" || more.Rules[1].Number != 2 || more.Rules[0].Handle == 0 {
		t.Errorf("more is %+v", more)
	}
	var names []string
	for _, e := range more.Rules[0].Exprs {
		names = append(names, e.Name)
	}
	if got := strings.Join(names, " "); got != "meta cmp payload lookup counter immediate" {
		t.Errorf("expressions %s", got)
	}
	if len(input.Rules) != 4 {
		t.Errorf("input has %d rules", len(input.Rules))
	}
	checkSets(t, box)
}

func checkSets(t *testing.T, box *ruleset.Table) {
	t.Helper()
	ports := box.Sets["ports"]
	var starts, ends []uint16
	for _, e := range ports.Elements {
		if n := binary.BigEndian.Uint16(e.Key); e.IntervalEnd {
			ends = append(ends, n)
		} else {
			starts = append(starts, n)
		}
		if binary.BigEndian.Uint16(e.Key) == 8000 && e.Comment != "an element" {
			t.Errorf("8000 has the comment %q", e.Comment)
		}
	}
	slices.Sort(starts)
	slices.Sort(ends)
	// The last interval reaches the last port, so nothing ends it; 0 begins what is not in the set.
	if !slices.Equal(starts, []uint16{22, 8000, 65000}) || !slices.Equal(ends, []uint16{0, 23, 8011}) {
		t.Errorf("intervals begin at %d and end before %d", starts, ends)
	}
	if ports.Comment != "a set" || ports.KeyLen != 2 || ports.Flags&ruleset.SetInterval == 0 {
		t.Errorf("ports is %+v", ports)
	}
	pairs := box.Sets["pairs"]
	if !slices.Equal(pairs.FieldLens, []uint32{4, 2}) || pairs.Flags&ruleset.SetConcat == 0 || len(pairs.Elements) != 2 {
		t.Errorf("pairs is %+v", pairs)
	}
	for _, e := range pairs.Elements {
		if len(e.Key) != 8 || len(e.KeyEnd) != 8 {
			t.Errorf("a pair from %x to %x", e.Key, e.KeyEnd)
		}
	}
	if seen := box.Sets["seen"]; seen.Timeout != 60000 || seen.Size != 100 || seen.Flags&ruleset.SetEval == 0 {
		t.Errorf("seen is %+v", seen)
	}
	if to := box.Sets["to"].Elements; len(to) != 1 || !bytes.Equal(to[0].Value, []byte{192, 0, 2, 7}) {
		t.Errorf("to is %+v", to)
	}
	verdicts := map[string]string{}
	for _, e := range box.Sets["what"].Elements {
		name := strings.TrimRight(string(e.Key), "\x00")
		if e.CatchAll {
			name = "*"
		}
		verdicts[name] = fmt.Sprint(e.Verdict.Code, e.Verdict.Chain)
	}
	if got := fmt.Sprint(verdicts); got != "map[*:0 eth0:-3more lo:1]" {
		t.Errorf("the verdict map is %s", got)
	}
	if q := box.Objects; len(q) != 1 || q[0].Name != "plenty" || q[0].Type != unix.NFT_OBJECT_QUOTA {
		t.Errorf("objects %+v", q)
	}
	if c := box.Sets["counts"].Elements; len(c) != 1 || c[0].Object != "plenty" {
		t.Errorf("counts is %+v", c)
	}
}

func TestReadsManyElementsAndRules(t *testing.T) {
	ns, d := open(t)
	var s strings.Builder
	s.WriteString("table inet big {\nset many { type ipv4_addr; elements = {")
	for i := range 10000 {
		fmt.Fprintf(&s, " 10.%d.%d.1,", i/250, i%250)
	}
	s.WriteString(" 11.0.0.1 }\n}\nchain input { type filter hook input priority 0;\n")
	for i := range 5000 {
		fmt.Fprintf(&s, "tcp dport %d accept\n", i+1)
	}
	s.WriteString("}\n}\n")
	load(t, ns, s.String())
	big := read(t, d).Table(ruleset.Inet, "big")
	if n := len(big.Sets["many"].Elements); n != 10001 {
		t.Errorf("%d elements", n)
	}
	if n := len(big.Chain("input").Rules); n != 5000 {
		t.Errorf("%d rules", n)
	}
	if r := big.Chain("input").Rules[4999]; r.Number != 5000 {
		t.Errorf("the last is rule %d", r.Number)
	}
}

// What is read while somebody replaces a table is the table before or after, whole. Each state has as many rules as
// its set has elements.
func TestReadsOneMoment(t *testing.T) {
	ns, d := open(t)
	state := func(n int) []byte {
		var s strings.Builder
		s.WriteString("table inet x\ndelete table inet x\ntable inet x {\nset s { type inet_service; elements = { 1")
		for i := 1; i < n; i++ {
			fmt.Fprintf(&s, ", %d", i+1)
		}
		s.WriteString("}\n}\nchain c {\n" + strings.Repeat("tcp dport @s accept\n", n) + "}\n}\n")
		return []byte(s.String())
	}
	stop, done := make(chan struct{}), make(chan error)
	go func() {
		for n := 1; ; n = n%40 + 13 {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			if out, err := ns.Try(state(n), "nft", "-f", "-"); err != nil {
				done <- fmt.Errorf("nft: %w: %s", err, out)
				return
			}
		}
	}()
	states := map[int]bool{}
	for range 300 {
		r := read(t, d)
		if x := r.Table(ruleset.Inet, "x"); x != nil {
			if len(x.Chain("c").Rules) != len(x.Sets["s"].Elements) {
				t.Errorf("%d rules and %d elements", len(x.Chain("c").Rules), len(x.Sets["s"].Elements))
			}
			states[len(x.Chain("c").Rules)] = true
		}
	}
	close(stop)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	t.Logf("saw %d states", len(states))
}

func TestReadNeedsPrivilege(t *testing.T) {
	ns, _ := open(t)
	err := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocks: what it gives up ends with the thread
		err <- func() error {
			if err := unix.Setns(ns.FD(), unix.CLONE_NEWNET); err != nil {
				return err
			}
			h := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
			none := make([]unix.CapUserData, 2)
			if err := unix.Capset(&h, &none[0]); err != nil {
				return err
			}
			own, err := host.Open(host.Options{})
			if err != nil {
				return err
			}
			defer own.Close()
			_, err = ruleset.Read(context.Background(), own.View().Netlink)
			return err
		}()
	}()
	var denied *ruleset.PermissionError
	if err := <-err; !errors.As(err, &denied) {
		t.Errorf("without privilege: %v", err)
	}
}

func TestReadInAnImage(t *testing.T) {
	h, err := host.Open(host.Options{Root: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	var offline *host.OfflineError
	if _, err := ruleset.Read(t.Context(), h.View().Netlink); !errors.As(err, &offline) {
		t.Errorf("in an image: %v", err)
	}
}
