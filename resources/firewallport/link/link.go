// Package link reads which network interfaces a host has, with which addresses, and which of them lead outside.
package link

import "net/netip"

// Interface is one network interface.
type Interface struct {
	Index int
	Name  string
	// Type is the hardware's, by the numbers of linux/if_arp.h: 1 is Ethernet, 772 the loopback.
	Type uint16
	// Group is 0 unless somebody put it into one.
	Group uint32
	// Up says that it is switched on, Loopback that it leads nowhere but here.
	Up, Loopback bool
	// Addresses are its own, with the length of the network they are in.
	Addresses []netip.Prefix
	// Default says that a default route goes through it.
	Default bool
}
