package owner

import (
	"fmt"
	"net/netip"
	"strconv"
)

// Rule is what a block asks for, in one form: everything sorted, nothing twice.
type Rule struct {
	// Protocol is tcp, udp, sctp or dccp.
	Protocol string
	// Ports are in ascending order and do not overlap.
	Ports []Range
	// IPv4 and IPv6 say for which families; at least one is true.
	IPv4, IPv6 bool
	// Sources are from where; none means from anywhere. They are masked, in ascending order, and none lies within
	// another. A family without a source is let in from nowhere, unless there are no sources at all.
	Sources []netip.Prefix
	// Interfaces are through which packets come in; none means through any.
	Interfaces []string
	// Rate bounds how many new connections are let in; nil means any number.
	Rate *Rate
	// Comment is the user's own, in one line of at most MaxComment bytes.
	Comment string
}

// MaxComment is the longest comment in bytes, so that an owner that has room for 128 (nftables) can put a tag before it.
const MaxComment = 96

// Range is one port or several in a row.
type Range struct{ First, Last uint16 }

// String is 8000 or 8000-8010.
func (r Range) String() string {
	if r.First == r.Last {
		return strconv.Itoa(int(r.First))
	}
	return fmt.Sprintf("%d-%d", r.First, r.Last)
}

// Rate is so many new connections in each second, minute, hour or day.
type Rate struct {
	Count int
	// Per is second, minute, hour or day.
	Per string
}

// String is such as 10/minute.
func (r Rate) String() string { return fmt.Sprintf("%d/%s", r.Count, r.Per) }
