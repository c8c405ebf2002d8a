package guard

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// What sock_diag(7) is asked, and how it answers: linux/inet_diag.h and linux/sock_diag.h.
const (
	requestLen = 56 // struct inet_diag_req_v2
	messageLen = 72 // struct inet_diag_msg
	diagInfo   = 2  // INET_DIAG_INFO
	// lastAckAt is where tcpi_last_ack_recv lies in struct tcp_info (linux/tcp.h): milliseconds since the last
	// acknowledgement that was acceptable.
	lastAckAt = 56
)

// connections lists the TCP sockets of this host that listen, are established, or are about to be.
func connections(ctx context.Context, v host.View) ([]connection, error) {
	var all []connection
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		request := make([]byte, requestLen)
		request[0], request[1], request[2] = family, unix.IPPROTO_TCP, 1<<(diagInfo-1)
		binary.NativeEndian.PutUint32(request[4:], 1<<stateEstablished|1<<stateSynReceived|1<<stateNewReceived|1<<listening)
		asked := host.Monotonic()
		answer, err := v.Netlink.Dump(ctx, unix.NETLINK_SOCK_DIAG, unix.SOCK_DIAG_BY_FAMILY, request)
		if errors.Is(err, unix.ENOENT) {
			return nil, fmt.Errorf("cannot list the connections of this host, so who might be kept out is not known (modprobe tcp_diag): %w", err)
		}
		if err != nil {
			return nil, fmt.Errorf("cannot list the connections of this host: %w", err)
		}
		for _, m := range answer {
			c, err := decode(m.Data, asked)
			if err != nil {
				return nil, fmt.Errorf("cannot list the connections of this host: %w", err)
			}
			all = append(all, c)
		}
	}
	return all, nil
}

// decode reads a struct inet_diag_msg. An acknowledgement is told by its age at some time after asked, so taking it from
// that makes it seem earlier than it was, and never later.
func decode(b []byte, asked time.Duration) (connection, error) {
	if len(b) < messageLen {
		return connection{}, fmt.Errorf("a socket is told in %d bytes, not %d", len(b), messageLen)
	}
	c := connection{state: b[1], inode: binary.NativeEndian.Uint32(b[68:])}
	c.Local = netip.AddrPortFrom(address(b[0], b[8:24]), binary.BigEndian.Uint16(b[4:]))
	c.Remote = netip.AddrPortFrom(address(b[0], b[24:40]), binary.BigEndian.Uint16(b[6:]))
	attributes, err := netlink.NewAttributeDecoder(b[messageLen:])
	if err != nil {
		return c, err
	}
	for attributes.Next() {
		info := attributes.Bytes()
		if attributes.Type() == diagInfo && len(info) >= lastAckAt+4 {
			age := time.Duration(binary.NativeEndian.Uint32(info[lastAckAt:])) * time.Millisecond
			c.answer, c.answered = asked-age, true
		}
	}
	return c, attributes.Err()
}

// address is one of either family. One of IPv4 on a socket of IPv6 is one of IPv4.
func address(family uint8, b []byte) netip.Addr {
	if family == unix.AF_INET {
		return netip.AddrFrom4([4]byte(b[:4]))
	}
	return netip.AddrFrom16([16]byte(b)).Unmap()
}
