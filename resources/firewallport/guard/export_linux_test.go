package guard

import (
	"context"
	"net/netip"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// Operator is from where the process of /proc/self in a tree was started.
func Operator(t host.Tree) (remotes []netip.AddrPort, err error) {
	all, err := operator(t)
	for _, s := range all {
		remotes = append(remotes, s.Remote)
	}
	return remotes, err
}

// SSHPorts is where sshd listens.
func SSHPorts(ctx context.Context, v host.View) ([]uint16, error) {
	at, err := look(ctx, v)
	return at.ports, err
}

// Back is what takes a swap back.
func Back(was map[string]owner.Line, out, in []owner.Line) (backOut, backIn []owner.Line) {
	b := Swap{out, in}.back(was)
	return b.Out, b.In
}

// ListenStreams are the ports of a socket's files.
func ListenStreams(t host.Tree, files ...string) []uint16 { return listenStreams(t, files) }
