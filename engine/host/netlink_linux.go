package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

const (
	// socketBuffer is what a socket may hold of a batch or of its answers: each rule of a batch is
	// acknowledged, and with the default of 208 KiB a few thousand are too many (ENOBUFS, EMSGSIZE).
	socketBuffer = 32 << 20
	// dumpTries is how often a dump is begun again that a change interrupted.
	dumpTries = 32
)

// Dump asks for all objects of one kind and returns the messages of the answer. Family is a netlink family
// (NETLINK_ROUTE, NETLINK_NETFILTER, NETLINK_SOCK_DIAG), kind the type of a request that reads, payload what follows
// its header. What was changed meanwhile is read again, so that an answer is of one moment.
func (d Dumps) Dump(ctx context.Context, family int, kind uint16, payload []byte) ([]netlink.Message, error) {
	if !reads(family, kind) {
		return nil, fmt.Errorf("cannot ask netlink family %d for %#x: it is no request that only reads", family, kind)
	}
	conn, err := d.n.dial(family)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	for try := 0; ; try++ {
		if deadline, ok := ctx.Deadline(); ok {
			if err := conn.SetDeadline(deadline); err != nil {
				return nil, fmt.Errorf("cannot bound a netlink request: %w", err)
			}
		}
		out, err := conn.Execute(netlink.Message{
			Header: netlink.Header{Type: netlink.HeaderType(kind), Flags: netlink.Request | netlink.Dump},
			Data:   payload,
		})
		if err == nil && !interrupted(out) {
			return out, nil
		}
		if err != nil && !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.EAGAIN) {
			return nil, fmt.Errorf("cannot read from the kernel (netlink family %d, %#x): %w", family, kind, err)
		}
		if try == dumpTries {
			return nil, errors.New("cannot read from the kernel: it is being changed all the time")
		}
		if context.Cause(ctx) != nil {
			return nil, context.Cause(ctx)
		}
	}
}

// interrupted reports whether something changed while it was read.
func interrupted(ms []netlink.Message) bool {
	for _, m := range ms {
		if m.Header.Flags&netlink.DumpInterrupted != 0 {
			return true
		}
	}
	return false
}

// reads reports whether a request only reads: of rtnetlink every third of four types, of nf_tables those that get, of
// sock_diag the one that lists.
func reads(family int, kind uint16) bool {
	switch family {
	case unix.NETLINK_ROUTE:
		return kind >= unix.RTM_BASE && kind%4 == 2
	case unix.NETLINK_SOCK_DIAG:
		return kind == unix.SOCK_DIAG_BY_FAMILY
	case unix.NETLINK_NETFILTER:
		if kind>>8 != unix.NFNL_SUBSYS_NFTABLES {
			return false
		}
		switch kind & 0xff {
		case unix.NFT_MSG_GETTABLE, unix.NFT_MSG_GETCHAIN, unix.NFT_MSG_GETRULE, unix.NFT_MSG_GETSET,
			unix.NFT_MSG_GETSETELEM, unix.NFT_MSG_GETOBJ, unix.NFT_MSG_GETFLOWTABLE, unix.NFT_MSG_GETGEN:
			return true
		}
	}
	return false
}

func (n *Netlink) dial(family int) (*netlink.Conn, error) {
	if !n.running {
		return nil, &OfflineError{"netlink"}
	}
	conn, err := netlink.Dial(family, &netlink.Config{NetNS: n.netns})
	if err != nil {
		return nil, fmt.Errorf("cannot open a netlink socket: %w", err)
	}
	if err := raise(conn); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// raise gives a socket large buffers: the forced ones are root's, the others go as far as net.core allows.
func raise(conn *netlink.Conn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return fmt.Errorf("cannot reach a netlink socket: %w", err)
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		for _, o := range [][2]int{{unix.SO_RCVBUFFORCE, unix.SO_RCVBUF}, {unix.SO_SNDBUFFORCE, unix.SO_SNDBUF}} {
			err := unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, o[0], socketBuffer)
			if errors.Is(err, unix.EPERM) {
				err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, o[1], socketBuffer)
			}
			failed = errors.Join(failed, err)
		}
	})
	if err = errors.Join(err, failed); err != nil {
		return fmt.Errorf("cannot raise the buffers of a netlink socket: %w", err)
	}
	return nil
}

// Commit makes what fill adds to a batch one transaction of the packet filter: all of it or nothing. What names it
// for the watcher and the journal.
func (n *Netlink) Commit(what string, fill func(*nftables.Conn) error) error {
	if !n.running {
		return &OfflineError{"netlink"}
	}
	conn, err := nftables.New(nftables.WithNetNSFd(n.netns), nftables.WithSockOptions(raise))
	if err != nil {
		return fmt.Errorf("cannot open a netlink socket: %w", err)
	}
	if err := fill(conn); err != nil {
		return fmt.Errorf("cannot put %s together: %w", what, err)
	}
	start, told := time.Now(), false
	err = n.gate.do("netlink", what, func() error {
		told = true
		return conn.Flush()
	})
	if err != nil {
		err = fmt.Errorf("cannot %s: %w", what, err)
	}
	if told && n.ran != nil {
		n.ran(n.call(what, time.Since(start), err))
	}
	return err
}
