package nft

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/internal/lab/netns"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// Addresses of the two namespaces: what is sent to host4 and host6 comes in through eth0, to other4 through eth1.
const (
	host4, peer4, second4 = "192.0.2.1", "192.0.2.2", "192.0.2.3"
	host6, peer6, second6 = "2001:db8::1", "2001:db8::2", "2001:db8::3"
	other4, otherPeer4    = "198.51.100.1", "198.51.100.2"
)

// patience is how long something is waited for that is to happen.
const patience = 30 * time.Second

// traffic is a rig with a neighbour, who has two cables and two addresses on the first.
type traffic struct {
	*rig
	peer *netns.NS
}

func newTraffic(t *testing.T) *traffic {
	t.Helper()
	needNFT(t)
	host, peer := netns.Pair(t)
	netns.Cable(host, "eth1", peer, "eth1")
	host.Run("ip", "addr", "add", other4+"/24", "dev", "eth1")
	peer.Run("ip", "addr", "add", otherPeer4+"/24", "dev", "eth1")
	peer.Run("ip", "addr", "add", second4+"/24", "dev", "eth0")
	peer.Run("ip", "addr", "add", second6+"/64", "dev", "eth0", "nodad")
	return &traffic{rigIn(t, host), peer}
}

// probe counts what arrives at the hook before our table sees it, and what is left after it: of TCP, what begins a
// connection.
const probe = `table inet probe
delete table inet probe
table inet probe {
	counter arrives { }
	counter passes { }
	chain before { type filter hook input priority -10; %[1]s dport %[2]d %[3]s counter name arrives; }
	chain after { type filter hook input priority 10; %[1]s dport %[2]d %[3]s counter name passes; }
}
`

func (f *traffic) counts() (arrives, passes int) {
	f.t.Helper()
	var all struct {
		Nftables []struct {
			Counter struct {
				Name    string
				Packets int
			}
		}
	}
	if err := json.Unmarshal([]byte(f.ns.Run("nft", "-j", "list", "counters", "table", "inet", "probe")), &all); err != nil {
		f.t.Fatal(err)
	}
	for _, c := range all.Nftables {
		switch c.Counter.Name {
		case "arrives":
			arrives = c.Counter.Packets
		case "passes":
			passes = c.Counter.Packets
		}
	}
	return arrives, passes
}

// letIn sends a first packet to a port from an address, and reports whether it got past the table.
func (f *traffic) letIn(protocol, from, to string, port int) bool {
	f.t.Helper()
	first := ""
	if protocol == "tcp" {
		first = "tcp flags & (syn | ack) == syn"
	}
	f.nft(fmt.Sprintf(probe, protocol, port, first))
	ctx, cancel := context.WithTimeout(f.t.Context(), patience)
	defer cancel()
	sent := make(chan error, 1)
	go func() { sent <- f.send(ctx, protocol, from, to, port) }()
	for ctx.Err() == nil {
		if arrives, _ := f.counts(); arrives > 0 {
			_, passes := f.counts()
			cancel()
			<-sent
			return passes > 0
		}
	}
	f.t.Fatalf("%s %s → %s:%d never arrived: %v", protocol, from, to, port, <-sent)
	return false
}

func (f *traffic) send(ctx context.Context, protocol, from, to string, port int) error {
	switch protocol {
	case "tcp":
		c, err := f.dial(ctx, from, to, port)
		if err == nil {
			err = c.Close()
		}
		return err
	case "udp":
		var err error
		f.peer.Do(func() error {
			var c net.Conn
			d := net.Dialer{LocalAddr: &net.UDPAddr{IP: net.ParseIP(from)}}
			if c, err = d.Dial("udp", net.JoinHostPort(to, fmt.Sprint(port))); err != nil {
				return nil
			}
			_, err = c.Write([]byte("x"))
			err = errors.Join(err, c.Close())
			return nil
		})
		return err
	}
	return f.sendRaw(protocols()[protocol], from, to, port)
}

// sendRaw sends a packet with a header of ports and nothing more, as a kernel does not know every protocol.
func (f *traffic) sendRaw(protocol byte, from, to string, port int) (err error) {
	packet := make([]byte, 24)
	binary.BigEndian.PutUint16(packet, 40000)
	binary.BigEndian.PutUint16(packet[2:], uint16(port))
	f.peer.Do(func() error {
		var fd int
		if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(protocol)); err != nil {
			return nil
		}
		defer unix.Close(fd)
		err = errors.Join(
			unix.Bind(fd, &unix.SockaddrInet4{Addr: netip.MustParseAddr(from).As4()}),
			unix.Sendto(fd, packet, 0, &unix.SockaddrInet4{Addr: netip.MustParseAddr(to).As4()}))
		return nil
	})
	return err
}

// dial connects from the neighbour. The connection is made outside of Do, which would end the test where there is none.
func (f *traffic) dial(ctx context.Context, from, to string, port int) (c net.Conn, err error) {
	f.peer.Do(func() error {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		c, err = d.DialContext(ctx, "tcp", net.JoinHostPort(to, fmt.Sprint(port)))
		return nil
	})
	return c, err
}

// serve echoes on a port of the host, and returns which.
func (f *traffic) serve(network, address string) int {
	f.t.Helper()
	var l net.Listener
	f.ns.Do(func() (err error) { l, err = net.Listen(network, address); return err })
	f.t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				io.Copy(c, c)
			}()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

// echoes reports whether what is sent over a connection comes back.
func echoes(t *testing.T, c net.Conn) error {
	t.Helper()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := c.Write([]byte("hello")); err != nil {
		return err
	}
	_, err := io.ReadFull(c, make([]byte, 5))
	return err
}

// trip is a packet and whether it is to be let in.
type trip struct {
	protocol, from, to string
	port               int
	in                 bool
}

func (f *traffic) check(trips ...trip) {
	f.t.Helper()
	for _, p := range trips {
		if got := f.letIn(p.protocol, p.from, p.to, p.port); got != p.in {
			f.t.Errorf("%s %s → %s:%d: let in is %v", p.protocol, p.from, p.to, p.port, got)
		}
	}
}

// Each attribute decides about real packets, as the table says and as the script does.
func TestAttributesOnTraffic(t *testing.T) {
	f := newTraffic(t)
	for _, tt := range []struct {
		name  string
		rules []owner.Rule
		trips []trip
	}{
		{"nothing", nil, []trip{{"tcp", peer4, host4, 8000, true}}},
		{"a port without a condition", []owner.Rule{ruleOf("tcp", "8000")}, []trip{
			{"tcp", peer4, host4, 8000, true}, {"tcp", peer6, host6, 8000, true}, {"tcp", peer4, host4, 8001, true},
		}},
		{"sources of IPv4", []owner.Rule{ruleOf("tcp", "8000", sources(peer4+"/32", "198.51.100.0/25"))}, []trip{
			{"tcp", peer4, host4, 8000, true}, {"tcp", second4, host4, 8000, false}, {"tcp", otherPeer4, other4, 8000, true},
			{"tcp", peer6, host6, 8000, false}, {"udp", second4, host4, 8000, true}, {"tcp", second4, host4, 7999, true}, {"tcp", second4, host4, 8001, true},
		}},
		{"sources of IPv6", []owner.Rule{ruleOf("tcp", "8000", sources("2001:db8::2/127"))}, []trip{
			{"tcp", peer6, host6, 8000, true}, {"tcp", second6, host6, 8000, true}, {"tcp", peer4, host4, 8000, false},
		}},
		{"sources of both", []owner.Rule{ruleOf("udp", "53", sources(peer4+"/32", second6+"/128"))}, []trip{
			{"udp", peer4, host4, 53, true}, {"udp", second4, host4, 53, false}, {"udp", second6, host6, 53, true}, {"udp", peer6, host6, 53, false},
		}},
		{"one family", []owner.Rule{ruleOf("tcp", "8000", only4), ruleOf("tcp", "8001", only6)}, []trip{
			{"tcp", peer4, host4, 8000, true}, {"tcp", peer6, host6, 8000, false}, {"tcp", peer4, host4, 8001, false}, {"tcp", peer6, host6, 8001, true},
		}},
		{"an interface", []owner.Rule{ruleOf("tcp", "8000", interfaces("eth1"))}, []trip{
			{"tcp", peer4, host4, 8000, false}, {"tcp", peer6, host6, 8000, false}, {"tcp", otherPeer4, other4, 8000, true},
		}},
		{"two interfaces and a source", []owner.Rule{ruleOf("tcp", "8000", interfaces("eth0", "eth1"), sources(peer4+"/32"))}, []trip{
			{"tcp", peer4, host4, 8000, true}, {"tcp", second4, host4, 8000, false}, {"tcp", otherPeer4, other4, 8000, false},
		}},
		{"ranges", []owner.Rule{ruleOf("tcp", "8000-8010,9000", sources(peer4+"/32"))}, []trip{
			{"tcp", second4, host4, 7999, true}, {"tcp", second4, host4, 8000, false}, {"tcp", second4, host4, 8010, false},
			{"tcp", second4, host4, 8011, true}, {"tcp", second4, host4, 9000, false}, {"tcp", peer4, host4, 8005, true}, {"tcp", peer4, host4, 9000, true},
		}},
		{"the last ports", []owner.Rule{ruleOf("tcp", "65535", sources(peer4+"/32")), ruleOf("udp", "65000-65535", sources(peer4+"/32"))}, []trip{
			{"tcp", second4, host4, 65534, true}, {"tcp", second4, host4, 65535, false}, {"tcp", peer4, host4, 65535, true},
			{"udp", second4, host4, 64999, true}, {"udp", second4, host4, 65535, false}, {"udp", peer4, host4, 65535, true},
		}},
		{"SCTP and DCCP", []owner.Rule{ruleOf("sctp", "8000", sources(peer4+"/32")), ruleOf("dccp", "8001", sources(peer4+"/32"))}, []trip{
			{"sctp", peer4, host4, 8000, true}, {"sctp", second4, host4, 8000, false}, {"dccp", second4, host4, 8000, true},
			{"dccp", peer4, host4, 8001, true}, {"dccp", second4, host4, 8001, false}, {"tcp", second4, host4, 8000, true},
		}},
		{"a union", []owner.Rule{ruleOf("tcp", "8000", sources(peer4+"/32")), ruleOf("tcp", "7000-9000", interfaces("eth1")), ruleOf("tcp", "8000", sources(second6+"/128"))}, []trip{
			{"tcp", peer4, host4, 8000, true}, {"tcp", second4, host4, 8000, false}, {"tcp", otherPeer4, other4, 8000, true},
			{"tcp", second6, host6, 8000, true}, {"tcp", peer6, host6, 8000, false}, {"tcp", peer4, host4, 7000, false},
		}},
		{"overlaps with the same condition", []owner.Rule{ruleOf("tcp", "8000-8010", only4), ruleOf("tcp", "8005-8020", only4), ruleOf("tcp", "8006", only4)}, []trip{
			{"tcp", peer4, host4, 8003, true}, {"tcp", peer4, host4, 8006, true}, {"tcp", peer4, host4, 8020, true}, {"tcp", peer6, host6, 8020, false},
		}},
		{"a condition and none", []owner.Rule{ruleOf("tcp", "8000", sources(peer4+"/32")), ruleOf("tcp", "8000-8001")}, []trip{
			{"tcp", second4, host4, 8000, true}, {"tcp", peer6, host6, 8000, true},
		}},
		{"a rate", []owner.Rule{ruleOf("tcp", "8000", rate(3, "day"))}, []trip{
			{"tcp", peer4, host4, 8000, true}, {"tcp", peer6, host6, 8000, true}, {"tcp", peer4, host4, 8000, true},
			{"tcp", peer4, host4, 8000, false}, {"tcp", peer6, host6, 8000, false}, {"tcp", peer4, host4, 8001, true},
		}},
		{"a rate for some", []owner.Rule{ruleOf("udp", "53", rate(1, "day"), sources(peer4+"/32")), ruleOf("udp", "53", sources(second4+"/32"))}, []trip{
			{"udp", second4, host4, 53, true}, {"udp", peer4, host4, 53, true}, {"udp", peer4, host4, 53, false},
			{"udp", second4, host4, 53, true}, {"udp", peer6, host6, 53, false},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &traffic{&rig{t, f.ns, f.h}, f.peer}
			before := f.read().Running
			f.set(slices.Collect(maps.Values(before)), lines(t, tt.rules...))
			f.check(tt.trips...)
			if len(tt.rules) > 0 {
				f.nft(script(entriesOf(t, lines(t, tt.rules...))))
				f.check(tt.trips...)
			}
		})
	}
}

func TestLoopbackAlwaysPasses(t *testing.T) {
	f := newTraffic(t)
	port := f.serve("tcp", ":0")
	f.set(nil, lines(t, ruleOf("tcp", fmt.Sprint(port), sources("203.0.113.0/24"), interfaces("eth7"))))
	for _, to := range []string{"127.0.0.1", "::1", host4, host6, other4} {
		f.ns.Do(func() error {
			c, err := net.DialTimeout("tcp", net.JoinHostPort(to, fmt.Sprint(port)), patience)
			if err != nil {
				t.Errorf("the host cannot reach itself at %s: %v", to, err)
				return nil
			}
			defer c.Close()
			return echoes(t, c)
		})
	}
	f.check(trip{"tcp", peer4, host4, port, false})
}

// A connection lives on when its source is taken away, also over many replacements of the table; a new one from there is
// kept out.
func TestEstablishedConnectionsLive(t *testing.T) {
	f := newTraffic(t)
	port := f.serve("tcp", ":0")
	narrow := lines(t, ruleOf("tcp", fmt.Sprint(port), sources("203.0.113.0/24")))
	wide := lines(t, ruleOf("tcp", fmt.Sprint(port), sources("192.0.2.0/24", "2001:db8::/64")))
	f.set(nil, wide)
	var all []net.Conn
	for _, pair := range [][2]string{{peer4, host4}, {peer6, host6}} {
		c, err := f.dial(t.Context(), pair[0], pair[1], port)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		all = append(all, c)
	}
	for range 3 {
		f.set(wide, narrow)
		for _, c := range all {
			if err := echoes(t, c); err != nil {
				t.Errorf("the connection of %s is dead: %v", c.LocalAddr(), err)
			}
		}
		f.check(trip{"tcp", peer4, host4, port, false}, trip{"tcp", peer6, host6, port, false})
		f.set(narrow, wide)
		f.check(trip{"tcp", peer4, host4, port, true}, trip{"tcp", peer6, host6, port, true})
	}
}

// A connection from before the first guard is one that nobody has tracked. It is known from when the host sends
// something over it.
func TestConnectionFromBeforeTheFirstGuard(t *testing.T) {
	f := newTraffic(t)
	var l net.Listener
	f.ns.Do(func() (err error) { l, err = net.Listen("tcp", ":0"); return err })
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	c, err := f.dial(t.Context(), peer4, host4, port)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	f.set(nil, lines(t, ruleOf("tcp", fmt.Sprint(port), sources("203.0.113.0/24"))))
	if _, err := s.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	go io.Copy(s, s)
	if err := echoes(t, c); err != nil {
		t.Errorf("the connection is dead: %v", err)
	}
	f.check(trip{"tcp", peer4, host4, port, false})
}

// What the table lets in, others may still drop, and what it says nothing of is theirs to decide.
func TestOthersDecideToo(t *testing.T) {
	f := newTraffic(t)
	f.nft("table inet other { chain input { type filter hook input priority 5; policy accept; tcp dport { 8000, 8001 } drop; }; }")
	f.set(nil, lines(t, ruleOf("tcp", "8000")))
	f.check(trip{"tcp", peer4, host4, 8000, false}, trip{"tcp", peer4, host4, 8001, false}, trip{"tcp", peer4, host4, 8002, true})
	if !strings.Contains(f.foreign(), `"other"`) {
		t.Error("the other table is gone")
	}
}
