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

// Outward are the interfaces through which others come: those of default routes and, where there is none, all that are up
// and lead outside.
func Outward(all []Interface) []Interface {
	pick := func(takes func(Interface) bool) (out []Interface) {
		for _, i := range all {
			if i.Up && !i.Loopback && takes(i) {
				out = append(out, i)
			}
		}
		return out
	}
	if ways := pick(func(i Interface) bool { return i.Default }); len(ways) > 0 {
		return ways
	}
	return pick(func(Interface) bool { return true })
}
