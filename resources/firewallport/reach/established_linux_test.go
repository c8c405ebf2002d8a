package reach_test

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/resources/firewallport/reach"
)

// What becomes of a connection that exists, when the ruleset is replaced under it.
func TestEstablishedAgainstPackets(t *testing.T) {
	const before = `table inet x { chain in { type filter hook input priority 0; policy accept; ct state established accept
		}; }`
	l := newLab(t)
	certain := 0
	for _, c := range []struct {
		nft  string
		want reach.Outcome
	}{
		{`table inet x { chain in { type filter hook input priority 0; policy drop; ct state established accept
			}; }`, accept},
		{`table inet x { chain in { type filter hook input priority 0; policy drop; ct state new accept
			}; }`, drop},
		{`table inet x { chain in { type filter hook input priority 0; policy drop; tcp flags syn accept
			ct mark 0 drop
			}; }`, drop},
		{`table inet x { chain in { type filter hook input priority 0; policy drop; tcp flags & (syn|ack) == ack ct direction original ct status seen-reply,confirmed accept
			}; }`, accept},
		{`table inet x { chain n { type nat hook prerouting priority 0; policy accept; tcp dport 8000 redirect to :80
			}
			chain in { type filter hook input priority 0; policy drop; tcp dport 8000 accept
			}; }`, accept},
		{`table inet x { chain in { type filter hook input priority 0; policy drop; ct state established ct mark 0 accept
			}; }`, unknown},
		{`table inet x { chain in { type filter hook input priority -300; policy drop; ct state established tcp dport != 8000 accept
			}; }`, drop},
	} {
		for _, src := range peers {
			l.load(before)
			p := reach.Packet{Protocol: "tcp", Src: src, Dst: hosts[0], DstPort: 8000, In: l.in}
			if src.Is6() {
				p.Dst = hosts[1]
			}
			arrived := l.replaceUnder(&p, c.nft)
			p.Established = true
			v := reach.New(l.read(), reach.Options{}).Evaluate(p)
			if v.Outcome != c.want {
				t.Errorf("from %s: %s, by %s, not %s\n%s", src, v.Outcome, v.By, c.want, c.nft)
			}
			if v.Outcome != unknown {
				certain++
				if arrived != (v.Outcome == accept) {
					t.Errorf("from %s: foretold %s, by %s; arrived: %v\n%s", src, v.Outcome, v.By, arrived, c.nft)
				}
			}
		}
	}
	t.Logf("%d verdicts about connections that existed", certain)
}

// replaceUnder connects, loads a ruleset, sends a byte, and reports whether it arrived.
func (l *lab) replaceUnder(p *reach.Packet, script string) (arrived bool) {
	l.t.Helper()
	l.srcPort++
	p.SrcPort = l.srcPort
	client, server := -1, -1
	l.onPeer(func() error {
		var err error
		family := unix.AF_INET
		if p.Dst.Is6() {
			family = unix.AF_INET6
		}
		if client, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		if err := unix.Bind(client, sockaddr(p.Src, p.SrcPort)); err != nil {
			return err
		}
		if err := unix.Connect(client, sockaddr(p.Dst, p.DstPort)); err != nil {
			return fmt.Errorf("connect: %w", err)
		}
		// Behind the last part of the handshake.
		if _, err = l.probe(*p); err != nil {
			return err
		}
		server, _, err = unix.Accept4(l.tcp[p.DstPort], unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
		return err
	})
	defer unix.Close(client)
	defer unix.Close(server)
	l.load(script)
	l.onPeer(func() error {
		if _, err := unix.Write(client, []byte{1}); err != nil {
			return err
		}
		s, err := l.probe(*p)
		if err == nil && !s.packet {
			err = fmt.Errorf("the packet did not come to the host's interface")
		}
		n, _ := unix.Read(server, make([]byte, 8))
		arrived = n == 1
		return err
	})
	return arrived
}
