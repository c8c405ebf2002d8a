package reach_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/internal/lab/netns"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/reach"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/ruleset"
)

// ports are those on which the host listens, for TCP and for UDP, at all of its addresses.
var ports = []uint16{22, 80, 443, 8000, 8080, 9000}

// The addresses of both sides. Of the peer's, two are on the link and one is behind it.
var (
	hosts = []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}
	peers = []netip.Addr{
		netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("192.0.2.3"), netip.MustParseAddr("198.51.100.7"),
		netip.MustParseAddr("2001:db8::2"), netip.MustParseAddr("2001:db8::3"), netip.MustParseAddr("2001:db8:1::7"),
	}
)

// patience bounds what must happen, such as the arrival of a frame over a cable: that it does not is a failure of the test.
const patience = time.Minute

// lab is a host with listeners, and a peer that sends to them over a cable.
//
// What was sent and does not arrive was dropped, which no waiting is needed to tell: the peer sends from one thread on
// one CPU, whose queue the kernel works off in order. A frame that is sent next, of a protocol of its own, shows up at a tap on
// the host's interface, where nothing filters, only after whatever was sent before has gone through the host's filter.
type lab struct {
	t          testing.TB
	host, peer *netns.NS
	dumps      host.Dumps
	in         reach.Interface
	work       chan func()
	tap, raw   int
	frame      []byte
	tcp, udp   map[uint16]int
	seq        uint32
	srcPort    uint16
}

func newLab(t testing.TB) *lab {
	t.Helper()
	for _, p := range []string{"nft", "ip"} {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("needs %s: apt install nftables iproute2", p)
		}
	}
	l := &lab{t: t, tcp: map[uint16]int{}, udp: map[uint16]int{}, srcPort: 10000}
	l.host, l.peer = netns.Pair(t)
	h, err := host.Open(host.Options{Root: t.TempDir(), Programs: map[string]host.ProgramFunc{}, NetNS: l.host.FD()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	l.dumps = h.View().Netlink
	l.network()
	l.host.Do(l.listen)
	l.startPeer()
	return l
}

// network gives both sides the rest of their addresses, and takes away whatever else might decide or delay.
func (l *lab) network() {
	for _, a := range []string{"192.0.2.3/24", "198.51.100.7/32"} {
		l.peer.Run("ip", "addr", "add", a, "dev", "eth0")
	}
	for _, a := range []string{"2001:db8::3/64", "2001:db8:1::7/128"} {
		l.peer.Run("ip", "addr", "add", a, "dev", "eth0", "nodad")
	}
	l.host.Run("ip", "route", "add", "default", "via", "192.0.2.2")
	l.host.Run("ip", "-6", "route", "add", "default", "via", "2001:db8::2")
	hostMAC, index := l.link(l.host)
	peerMAC, _ := l.link(l.peer)
	l.in = reach.Interface{Name: "eth0", Index: index, Addrs: hosts}
	for _, a := range hosts {
		l.peer.Run("ip", "neigh", "replace", a.String(), "lladdr", hostMAC.String(), "nud", "permanent", "dev", "eth0")
	}
	for _, a := range []string{"192.0.2.2", "192.0.2.3", "2001:db8::2", "2001:db8::3"} {
		l.host.Run("ip", "neigh", "replace", a, "lladdr", peerMAC.String(), "nud", "permanent", "dev", "eth0")
	}
	l.frame = append(append(append([]byte{}, hostMAC...), peerMAC...), probeType>>8, probeType&0xff, 0, 0, 0, 0)
	l.host.Do(func() error {
		for name, v := range map[string]string{"ipv4/icmp_ratelimit": "0", "ipv6/icmp/ratelimit": "0", "ipv4/icmp_msgs_per_sec": "100000", "ipv4/icmp_msgs_burst": "100000"} {
			err := os.WriteFile("/proc/sys/net/"+name, []byte(v), 0o644)
			if err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, os.ErrPermission) {
				return err
			}
		}
		return nil
	})
}

// probeType is an EtherType for experiments (IEEE 802).
const probeType = 0x88b5

func (l *lab) link(n *netns.NS) (mac net.HardwareAddr, index int) {
	n.Do(func() error {
		i, err := net.InterfaceByName("eth0")
		if err == nil {
			mac, index = i.HardwareAddr, i.Index
		}
		return err
	})
	return mac, index
}

// listen opens the host's sockets, and the tap.
func (l *lab) listen() error {
	for _, p := range ports {
		for kind, m := range map[int]map[uint16]int{unix.SOCK_STREAM: l.tcp, unix.SOCK_DGRAM: l.udp} {
			fd, err := unix.Socket(unix.AF_INET6, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return err
			}
			l.t.Cleanup(func() { unix.Close(fd) })
			if err := errors.Join(unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0), unix.Bind(fd, &unix.SockaddrInet6{Port: int(p)})); err != nil {
				return err
			}
			if kind == unix.SOCK_STREAM {
				if err := unix.Listen(fd, 1024); err != nil {
					return err
				}
			}
			m[p] = fd
		}
	}
	var err error
	l.tap, err = packetSocket(unix.ETH_P_ALL, l.in.Index)
	if err != nil {
		return err
	}
	l.t.Cleanup(func() { unix.Close(l.tap) })
	return unix.SetsockoptTimeval(l.tap, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: int64(patience / time.Second)})
}

func packetSocket(proto, index int) (int, error) {
	big := proto<<8&0xff00 | proto>>8
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, big)
	if err != nil {
		return -1, err
	}
	return fd, unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: uint16(big), Ifindex: index})
}

// startPeer starts the thread from which everything is sent.
func (l *lab) startPeer() {
	_, index := l.link(l.peer)
	l.work = make(chan func())
	done, ready := make(chan struct{}), make(chan error)
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocks
		ready <- func() (err error) {
			if err = unix.Setns(l.peer.FD(), unix.CLONE_NEWNET); err != nil {
				return err
			}
			var may, one unix.CPUSet
			if err = unix.SchedGetaffinity(0, &may); err != nil {
				return err
			}
			for cpu := 0; one.Count() == 0; cpu++ {
				if may.IsSet(cpu) {
					one.Set(cpu)
				}
			}
			if err = unix.SchedSetaffinity(0, &one); err != nil {
				return err
			}
			l.raw, err = packetSocket(0, index)
			return err
		}()
		for f := range l.work {
			f()
		}
	}()
	if err := <-ready; err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		close(l.work)
		<-done
		unix.Close(l.raw)
	})
}

// load replaces the host's whole ruleset. Commands, if any, are run after that in the host.
func (l *lab) load(script string, commands ...[]string) {
	l.t.Helper()
	if out, err := l.host.Try([]byte("flush ruleset\n"+script), "nft", "-f", "-"); err != nil {
		l.t.Fatalf("nft: %v\n%s\n%s", err, out, script)
	}
	for _, c := range commands {
		l.host.Run(c...)
	}
}

func (l *lab) read() *ruleset.Ruleset {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r, err := ruleset.Read(ctx, l.dumps)
	if err != nil {
		l.t.Fatal(err)
	}
	return r
}

// fact is what really became of a packet.
type fact struct {
	arrived bool           // at a socket of the host
	at      netip.AddrPort // which
	refused bool           // the sender heard that it was
}

func (f fact) String() string {
	switch {
	case f.arrived:
		return fmt.Sprintf("arrived at %s", f.at)
	case f.refused:
		return "refused"
	}
	return "dropped"
}

// send sends the first packet of a connection, from a source port that it notes in p.
func (l *lab) send(p *reach.Packet) (f fact) {
	l.t.Helper()
	if l.srcPort++; l.srcPort > 60000 {
		l.srcPort = 10001
	}
	p.SrcPort = l.srcPort
	l.onPeer(func() (err error) {
		if f, err = l.sendOnPeer(*p); err != nil {
			err = fmt.Errorf("%+v: %w", *p, err)
		}
		return err
	})
	return f
}

// onPeer calls f on the thread from which everything is sent.
func (l *lab) onPeer(f func() error) {
	l.t.Helper()
	done := make(chan error)
	l.work <- func() { done <- f() }
	if err := <-done; err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) sendOnPeer(p reach.Packet) (f fact, err error) {
	kind, family := unix.SOCK_STREAM, unix.AF_INET
	if p.Protocol == "udp" {
		kind = unix.SOCK_DGRAM
	}
	if p.Dst.Is6() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return f, err
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, sockaddr(p.Src, p.SrcPort)); err != nil {
		return f, fmt.Errorf("bind: %w", err)
	}
	if err := unix.Connect(fd, sockaddr(p.Dst, p.DstPort)); err != nil && err != unix.EINPROGRESS {
		return f, fmt.Errorf("connect: %w", err)
	}
	if p.Protocol == "udp" {
		if _, err := unix.Write(fd, binary.BigEndian.AppendUint16(nil, p.SrcPort)); err != nil {
			return f, fmt.Errorf("write: %w", err)
		}
	} else if err := unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}); err != nil {
		return f, err
	}
	// There, back again, and there once more: the packet, its answer, and the answer to that.
	answered := false
	for i := range 3 {
		seen, err := l.probe(p)
		if err != nil {
			return f, err
		}
		if i == 0 && !seen.packet {
			return f, errors.New("the packet did not come to the host's interface")
		}
		answered = answered || seen.answer
	}
	code, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return f, err
	}
	f.refused = code != 0
	if p.Protocol == "udp" {
		f.at, f.arrived = l.datagram(p)
		return f, nil
	}
	f.at = l.accepted(p)
	if f.arrived = answered; answered {
		f.refused = false // if anything, what followed the first packet was
	} else if _, err := unix.Getpeername(fd); err == nil {
		return f, errors.New("there is a connection without an answer")
	}
	return f, nil
}

func sockaddr(a netip.Addr, port uint16) unix.Sockaddr {
	if a.Is4() {
		return &unix.SockaddrInet4{Port: int(port), Addr: a.As4()}
	}
	return &unix.SockaddrInet6{Port: int(port), Addr: a.As16()}
}

// sighting is what came by at the tap before the probe: the packet itself, and the answer that TCP has for one that arrived.
type sighting struct{ packet, answer bool }

// probe sends a frame past every filter, and waits for it at the tap.
func (l *lab) probe(p reach.Packet) (s sighting, err error) {
	l.seq++
	binary.BigEndian.PutUint32(l.frame[14:], l.seq)
	if _, err := unix.Write(l.raw, l.frame); err != nil {
		return s, fmt.Errorf("cannot send a probe: %w", err)
	}
	b := make([]byte, 2048)
	for {
		n, _, err := unix.Recvfrom(l.tap, b, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return s, fmt.Errorf("the probe did not come: %w", err)
		}
		f := b[:n]
		ports := 34 // behind the headers of Ethernet and IPv4
		if p.Dst.Is6() {
			ports = 54
		}
		switch {
		case n >= 18 && binary.BigEndian.Uint16(f[12:]) == probeType && binary.BigEndian.Uint32(f[14:]) == l.seq:
			return s, nil
		case n < ports+14 && (p.Protocol == "tcp" || n < ports+4) || f[12] != map[bool]byte{true: 0x08, false: 0x86}[p.Dst.Is4()]:
			continue
		}
		from, to := binary.BigEndian.Uint16(f[ports:]), binary.BigEndian.Uint16(f[ports+2:])
		s.packet = s.packet || from == p.SrcPort && to == p.DstPort
		s.answer = s.answer || p.Protocol == "tcp" && to == p.SrcPort && f[ports+13]&0x17 == 0x12 // SYN and ACK
	}
}

// datagram looks for one at the host's sockets.
func (l *lab) datagram(p reach.Packet) (at netip.AddrPort, ok bool) {
	b := make([]byte, 16)
	for port, fd := range l.udp {
		for {
			n, _, err := unix.Recvfrom(fd, b, 0)
			if err != nil {
				break
			}
			if n == 2 && binary.BigEndian.Uint16(b) == p.SrcPort {
				at, ok = netip.AddrPortFrom(p.Dst, port), true
			}
		}
	}
	return at, ok
}

// accepted takes connections from the host's sockets, and says where that from p came to.
func (l *lab) accepted(p reach.Packet) (at netip.AddrPort) {
	for _, fd := range l.tcp {
		for {
			c, from, err := unix.Accept4(fd, unix.SOCK_CLOEXEC)
			if err != nil {
				break
			}
			to, err := unix.Getsockname(c)
			if f, ok := from.(*unix.SockaddrInet6); err == nil && ok && uint16(f.Port) == p.SrcPort {
				s := to.(*unix.SockaddrInet6)
				at = netip.AddrPortFrom(netip.AddrFrom16(s.Addr).Unmap(), uint16(s.Port))
			}
			unix.Close(c)
		}
	}
	return at
}

// disagrees says how a verdict differs from what really happened; empty means that it does not.
func disagrees(v reach.Verdict, f fact) string {
	want := ""
	switch v.Outcome {
	case reach.Unknown:
		return ""
	case reach.Accept:
		if !f.arrived {
			want = "arrival"
		} else if f.at.IsValid() && (v.To.Port() != 0 && v.To.Port() != f.at.Port() || v.To.Addr().IsValid() && v.To.Addr() != f.at.Addr()) {
			want = "arrival at " + v.To.String()
		}
	case reach.Drop, reach.Redirected:
		if f.arrived || f.refused && v.Unsure == nil {
			want = "silence"
		}
	case reach.Reject:
		if f.arrived || !f.refused {
			want = "a refusal"
		}
	}
	if want == "" {
		return ""
	}
	return fmt.Sprintf("foretold %s, by %s; it %s", want, v.By, f)
}

// packets are new connections from each of the peer's addresses to each port.
func (l *lab) packets() []reach.Packet {
	var out []reach.Packet
	for _, src := range peers {
		dst := hosts[0]
		if src.Is6() {
			dst = hosts[1]
		}
		for _, proto := range []string{"tcp", "udp"} {
			for _, port := range ports {
				out = append(out, reach.Packet{Protocol: proto, Src: src, Dst: dst, DstPort: port, In: l.in})
			}
		}
	}
	return out
}
