package reach

import (
	"cmp"
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
	e.tracked.note(t.src)
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
// follows from their handles; that of a table that was added has none, and is called first.
func sortChains(list []*chain) {
	slices.SortStableFunc(list, func(a, b *chain) int {
		known := func(c *chain) int {
			if c.table.src.Handle == 0 {
				return 0
			}
			return 1
		}
		return cmp.Or(
			cmp.Compare(a.src.Base.Priority, b.src.Base.Priority),
			cmp.Compare(known(a), known(b)),
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
	below   bool   // at a device below the interface
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
	paths = r.ingress(paths)
	r.hook = "prerouting"
	paths = r.stages(r.e.prerouting, paths, priorityDstNAT, func(s *state) *bool { return &s.dstDone })
	paths = r.route(paths)
	r.hook = "input"
	return r.stages(r.e.input, paths, prioritySrcNAT, func(s *state) *bool { return &s.srcDone })
}

// ingress calls the chains of each device that the packet comes through, from the lowest up.
func (r *run) ingress(paths []path) []path {
	r.hook = "ingress"
	in := r.p.In
	for _, d := range in.Below {
		r.p.In, r.below = Interface{Name: d, Type: in.Type, Group: in.Group}, true
		paths = r.device(paths)
	}
	r.p.In, r.below = in, false
	return r.device(paths)
}

// device calls the chains of one device.
func (r *run) device(paths []path) []path {
	for _, c := range r.e.ingress {
		if r.p.In.Name == "" {
			paths = r.perhaps(c, paths)
			continue
		}
		for _, d := range c.src.Base.Devices {
			prefix, wild := strings.CutSuffix(d, "*")
			if d == r.p.In.Name || wild && strings.HasPrefix(r.p.In.Name, prefix) {
				paths = r.base(c, paths)
				break
			}
		}
	}
	return paths
}

// perhaps calls a chain, and does not: the packet may come in by its device, or by another.
func (r *run) perhaps(c *chain, paths []path) []path {
	on := slices.Clone(paths)
	at := &ref{chain: c, why: "the interface is not known"}
	for i := range on {
		on[i].unsure = at
	}
	return merge(append(r.base(c, on), on...))
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
	if len(chains) > 0 && !r.p.Established && !(r.lay.v4 && r.e.tracked.v4 || !r.lay.v4 && r.e.tracked.v6) {
		// Nothing in nf_tables needs connections to be tracked; something else, such as iptables-legacy, still may.
		at := &ref{chain: chains[0], why: "nothing else has connections tracked, so that chains of this type are not called"}
		out = slices.Clone(paths)
		paths = slices.Clone(paths)
		for i := range paths {
			if paths[i].assumed == nil {
				paths[i].assumed = at
			}
		}
	}
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
