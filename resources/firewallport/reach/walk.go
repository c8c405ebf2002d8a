package reach

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/resources/firewallport/ruleset"
)

// Priorities at which the kernel's own hooks are called (enum nf_ip_hook_priorities of linux/netfilter_ipv4.h; the same
// for IPv6). All nat chains of a hook are called from one of them, whatever their own priorities, which order them among
// themselves.
const (
	priorityConntrack = -200
	priorityDstNAT    = -100
	prioritySrcNAT    = 100
)

// Hooks of linux/netfilter.h and linux/netfilter/nf_tables.h.
const (
	hookPrerouting    = 0
	hookInput         = 1
	hookInetIngress   = 5
	hookNetdevIngress = 0
)

// add puts the base chains of a table where they are called.
func (e *Evaluator) add(t *table) {
	if t.src.Dormant {
		return
	}
	for _, c := range t.chains {
		b := c.src.Base
		if b == nil {
			continue
		}
		switch t.src.Family {
		case ruleset.Netdev:
			if b.Hook == hookNetdevIngress {
				e.ingress = append(e.ingress, c)
			}
		case ruleset.Inet, ruleset.IPv4, ruleset.IPv6:
			switch {
			case b.Hook == hookPrerouting:
				e.prerouting = append(e.prerouting, c)
			case b.Hook == hookInput:
				e.input = append(e.input, c)
			case b.Hook == hookInetIngress && t.src.Family == ruleset.Inet:
				e.ingress = append(e.ingress, c)
			}
		}
	}
}

// sortChains puts base chains in the order in which they are called: by priority, and of the same priority the one that
// was made last first (nf_hook_entries_grow of the kernel's net/netfilter/core.c). Which of two tables was made last
// follows from their handles; that of a table that was added has none, and comes last.
func sortChains(list []*chain) {
	slices.SortStableFunc(list, func(a, b *chain) int {
		added := func(c *chain) int {
			if c.table.src.Handle == 0 {
				return 1
			}
			return 0
		}
		return cmp.Or(
			cmp.Compare(a.src.Base.Priority, b.src.Base.Priority),
			cmp.Compare(added(a), added(b)),
			-cmp.Compare(a.table.src.Handle, b.table.src.Handle),
			-cmp.Compare(a.src.Handle, b.src.Handle),
		)
	})
}

// run is the evaluation of one packet.
type run struct {
	e       *Evaluator
	p       Packet
	lay     layout
	hook    string // ingress, prerouting or input
	scratch exec
	regs    registers
	steps   int
	ended   int
	ends    []ending
	start   path
	asked   map[memoKey]found
}

// ending is what became of a packet that did not get through.
type ending struct {
	fate fate
	by   *ref
	path path
}

func newRun(e *Evaluator, p Packet) *run {
	r := &run{e: e, p: p}
	r.p.Src, r.p.Dst = p.Src.Unmap().WithZone(""), p.Dst.Unmap().WithZone("")
	st := &r.start.st
	st.mark, st.markFresh = word{}, true
	st.pktType = knownWord(0) // PACKET_HOST
	if !p.Established {
		st.ctMark = knownWord(0)
	}
	r.lay = newFrame(r.p, st)
	r.scratch = exec{r: r, regs: &r.regs}
	return r
}

// end keeps what became of a path. One end of each sort is enough.
func (r *run) end(f fate, rl *rule, p path) {
	r.ended++
	for _, e := range r.ends {
		if e.fate == f && (e.path.limited == nil) == (p.limited == nil) && (e.path.assumed == nil) == (p.assumed == nil) {
			return
		}
	}
	at := &ref{chain: rl.chain, rule: rl, does: f.outcome().String()}
	if f == undecided {
		at.does = rl.does
	}
	r.ends = append(r.ends, ending{f, at, p})
}

// walk sends the packet through all base chains and returns the paths on which it arrives.
func (r *run) walk() []path {
	paths := []path{r.start}
	r.hook = "ingress"
	for _, c := range r.e.ingress {
		paths = r.ingress(c, paths)
	}
	r.hook = "prerouting"
	paths = r.stages(r.e.prerouting, paths, priorityDstNAT, func(s *state) *bool { return &s.dstDone })
	paths = r.route(paths)
	r.hook = "input"
	return r.stages(r.e.input, paths, prioritySrcNAT, func(s *state) *bool { return &s.srcDone })
}

// ingress calls a chain for one or more devices, if the packet comes in by one of them.
func (r *run) ingress(c *chain, paths []path) []path {
	if r.p.In.Name == "" {
		// It may or may not: both ways.
		on := slices.Clone(paths)
		at := &ref{chain: c, why: "the interface is not known"}
		for i := range on {
			on[i].unsure = at
		}
		return merge(append(r.base(c, on), on...))
	}
	for _, d := range c.src.Base.Devices {
		prefix, wild := strings.CutSuffix(d, "*")
		if d == r.p.In.Name || wild && strings.HasPrefix(r.p.In.Name, prefix) {
			return r.base(c, paths)
		}
	}
	return paths
}

// stages calls the chains of a hook by priority, with connection tracking and address translation in their places. What done
// returns says of a path that its address was translated.
func (r *run) stages(chains []*chain, paths []path, natPriority int32, done func(*state) *bool) []path {
	var nats []*chain
	for _, c := range chains {
		if r.sees(c) && c.src.Base.Type == "nat" {
			nats = append(nats, c)
		}
	}
	tracked, translated := false, false
	upTo := func(priority int32) {
		if !tracked && priority >= priorityConntrack {
			tracked = true
			r.track(paths)
		}
		if !translated && priority >= natPriority {
			translated = true
			paths = r.nat(nats, paths, done)
		}
	}
	for _, c := range chains {
		if !r.sees(c) || c.src.Base.Type == "nat" {
			continue
		}
		upTo(c.src.Base.Priority)
		paths = r.base(c, paths)
	}
	upTo(natPriority)
	return paths
}

// sees reports whether a chain is called for packets of this IP version.
func (r *run) sees(c *chain) bool {
	switch c.table.src.Family {
	case ruleset.IPv4:
		return r.lay.v4
	case ruleset.IPv6:
		return !r.lay.v4
	}
	return true
}

// track is connection tracking's look at the packet.
func (r *run) track(paths []path) {
	for i := range paths {
		if paths[i].st.track == trackNone {
			paths[i].st.track = trackTracked
		}
	}
}

// nat calls the chains that translate: for the first packet of a connection that is tracked, until one of them did.
func (r *run) nat(chains []*chain, paths []path, done func(*state) *bool) []path {
	var out, cur []path
	for _, p := range paths {
		if p.st.track == trackTracked && !r.p.Established {
			cur = append(cur, p)
		} else {
			out = append(out, p)
		}
	}
	for _, c := range chains {
		var rest []path
		for _, p := range r.base(c, cur) {
			if *done(&p.st) {
				out = append(out, p)
			} else {
				rest = append(rest, p)
			}
		}
		cur = rest
	}
	for i := range cur {
		*done(&cur[i].st) = true
	}
	return merge(append(out, cur...))
}

// base calls a base chain, and returns the paths that it lets through.
func (r *run) base(c *chain, paths []path) []path {
	if len(paths) == 0 {
		return nil
	}
	by := make([]*ref, len(paths))
	for i := range paths {
		by[i] = paths[i].by
	}
	f := r.through(c, paths, 0)
	out := f.accepted
	for _, p := range f.fall {
		policy := &ref{chain: c, does: "accept"}
		if c.src.Base.Drop {
			policy.does = "drop"
			r.ended++
			r.ends = append(r.ends, ending{drop, policy, p})
			continue
		}
		if p.by == nil || p.by.rule == nil {
			p.by = policy
		}
		out = append(out, p)
	}
	return merge(out)
}

// route asks whether the packet, to whatever address by now, is still for this host.
func (r *run) route(paths []path) []path {
	var out []path
	for _, p := range paths {
		switch r.isLocal(&p.st) {
		case yes:
			out = append(out, p)
		case no:
			r.leave(p)
		default:
			at := ref{why: "the address that it is sent on to is not known"}
			if p.by != nil {
				at.chain, at.rule, at.does = p.by.chain, p.by.rule, p.by.does
			}
			p.unsure = &at
			r.leave(p)
			out = append(out, p)
		}
	}
	return out
}

func (r *run) leave(p path) {
	at := ref{}
	if p.by != nil {
		at = *p.by
	}
	at.does = Redirected.String()
	r.ended++
	r.ends = append(r.ends, ending{elsewhere, &at, p})
}

// isLocal asks whether the packet's present address is one of this host.
func (r *run) isLocal(s *state) tri {
	if s.home {
		return yes
	}
	to := s.frame(r.dstAt())
	if !to.certain() {
		return maybe
	}
	a, _ := netip.AddrFromSlice(to.val)
	switch {
	case a == r.p.Dst, slices.Contains(r.p.In.Addrs, a), slices.Contains(r.e.local, a):
		return yes
	case a.IsLoopback():
		return maybe // only with route_localnet
	}
	return no
}

// dstAt and srcAt are where the frame has the addresses.
func (r *run) dstAt() (from, to int) {
	if r.lay.v4 {
		return r.lay.network + 16, r.lay.network + 20
	}
	return r.lay.network + 24, r.lay.network + 40
}

func (r *run) srcAt() (from, to int) {
	if r.lay.v4 {
		return r.lay.network + 12, r.lay.network + 16
	}
	return r.lay.network + 8, r.lay.network + 24
}
