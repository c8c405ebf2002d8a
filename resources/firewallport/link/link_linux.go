package link

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// All returns the interfaces in the order of their numbers.
func All(ctx context.Context, d host.Dumps) ([]Interface, error) {
	found := map[int]*Interface{}
	for _, part := range []struct {
		what   string
		kind   uint16
		header int // struct ifinfomsg, ifaddrmsg and rtmsg of linux/rtnetlink.h
		add    func(map[int]*Interface, []byte, []netlink.Attribute) error
	}{
		{"interfaces", unix.RTM_GETLINK, unix.SizeofIfInfomsg, addLink},
		{"addresses", unix.RTM_GETADDR, unix.SizeofIfAddrmsg, addAddress},
		{"routes", unix.RTM_GETROUTE, unix.SizeofRtMsg, addRoute},
	} {
		ms, err := d.Dump(ctx, unix.NETLINK_ROUTE, part.kind, make([]byte, part.header))
		if err != nil {
			return nil, fmt.Errorf("cannot list the network's %s: %w", part.what, err)
		}
		for _, m := range ms {
			if len(m.Data) < part.header {
				return nil, fmt.Errorf("cannot list the network's %s: a message of %d bytes is too short", part.what, len(m.Data))
			}
			as, err := netlink.UnmarshalAttributes(m.Data[part.header:])
			if err == nil {
				err = part.add(found, m.Data, as)
			}
			if err != nil {
				return nil, fmt.Errorf("cannot list the network's %s: %w", part.what, err)
			}
		}
	}
	out := make([]Interface, 0, len(found))
	for _, i := range found {
		out = append(out, *i)
	}
	slices.SortFunc(out, func(a, b Interface) int { return cmp.Compare(a.Index, b.Index) })
	return out, nil
}

func addLink(found map[int]*Interface, head []byte, as []netlink.Attribute) error {
	flags := binary.NativeEndian.Uint32(head[8:])
	i := &Interface{
		Type: binary.NativeEndian.Uint16(head[2:]), Index: int(binary.NativeEndian.Uint32(head[4:])),
		Up: flags&unix.IFF_UP != 0, Loopback: flags&unix.IFF_LOOPBACK != 0,
	}
	for _, a := range as {
		switch a.Type {
		case unix.IFLA_IFNAME:
			i.Name = unix.ByteSliceToString(a.Data)
		case unix.IFLA_GROUP:
			if len(a.Data) == 4 {
				i.Group = binary.NativeEndian.Uint32(a.Data)
			}
		}
	}
	found[i.Index] = i
	return nil
}

// addAddress takes the own address of an interface: between two points, IFA_ADDRESS is the other's.
func addAddress(found map[int]*Interface, head []byte, as []netlink.Attribute) error {
	bits, i := int(head[1]), found[int(binary.NativeEndian.Uint32(head[4:]))]
	var own []byte
	for _, a := range as {
		if a.Type == unix.IFA_LOCAL || a.Type == unix.IFA_ADDRESS && own == nil {
			own = a.Data
		}
	}
	address, ok := netip.AddrFromSlice(own)
	if i == nil || !ok {
		return nil // of an interface that came meanwhile, or of another family of addresses
	}
	i.Addresses = append(i.Addresses, netip.PrefixFrom(address, bits))
	return nil
}

// addRoute marks the interfaces of default routes: those to a network of no bits in the main table.
func addRoute(found map[int]*Interface, head []byte, as []netlink.Attribute) error {
	if bits, table, sort := head[1], head[4], head[7]; bits != 0 || table != unix.RT_TABLE_MAIN || sort != unix.RTN_UNICAST {
		return nil
	}
	for _, a := range as {
		switch {
		case a.Type == unix.RTA_OIF && len(a.Data) == 4:
			if i := found[int(binary.NativeEndian.Uint32(a.Data))]; i != nil {
				i.Default = true
			}
		case a.Type == unix.RTA_MULTIPATH:
			markNextHops(found, a.Data)
		}
	}
	return nil
}

// markNextHops marks the interfaces of a route with several ways (struct rtnexthop of linux/rtnetlink.h).
func markNextHops(found map[int]*Interface, b []byte) {
	for len(b) >= unix.SizeofRtNexthop {
		length := int(binary.NativeEndian.Uint16(b))
		if i := found[int(binary.NativeEndian.Uint32(b[4:]))]; i != nil {
			i.Default = true
		}
		if length < unix.SizeofRtNexthop || length > len(b) {
			return
		}
		b = b[min((length+3)&^3, len(b)):]
	}
}
