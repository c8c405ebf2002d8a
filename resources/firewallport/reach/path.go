package reach

import "slices"

// fate is what an expression, or a rule, does with a packet.
type fate uint8

const (
	next fate = iota // the next expression
	brk              // the next rule
	accept
	drop
	reject
	elsewhere // it leaves for another host
	undecided // what cannot be known decides, such as a program
	jump
	gotoChain
	ret
)

// outcome is what an end is called in a verdict.
func (f fate) outcome() Outcome {
	switch f {
	case accept:
		return Accept
	case drop:
		return Drop
	case reject:
		return Reject
	case elsewhere:
		return Redirected
	}
	return Unknown
}

// kind says why there is more than one way.
type kind uint8

const (
	normal  kind = iota // the way that is taken if all is as usual
	unsure              // one of several, and none is the usual one
	limited             // taken beyond a rate, a quota or a number
	assumed             // taken if something is not as it nearly always is
)

// ref is a rule, or the policy of a chain, and what there is to say about it.
type ref struct {
	chain *chain
	rule  *rule // nil for the policy
	does  string
	why   string
}

// path is one way that a packet may go, with what it took to get there.
type path struct {
	st                       state
	unsure, limited, assumed *ref
	by                       *ref
}

// usual reports whether no limit was exceeded and nothing is otherwise than assumed.
func (p *path) usual() bool { return p.limited == nil && p.assumed == nil }

// tag notes that the path was taken for a reason.
func (p *path) tag(k kind, r *rule, why string) {
	if k == normal {
		return
	}
	at := &ref{chain: r.chain, rule: r, does: r.does, why: why}
	switch k {
	case unsure:
		p.unsure = at
	case limited:
		if p.limited == nil {
			p.limited = at
		}
	case assumed:
		if p.assumed == nil {
			p.assumed = at
		}
	}
}

// tagsOf takes over the tags of another path.
func (p *path) tagsOf(o *path) { p.unsure, p.limited, p.assumed = o.unsure, o.limited, o.assumed }

// maxPaths bounds how many ways are followed at once. Beyond it they are joined: where they differ, nothing is known.
const maxPaths = 64

// merge leaves one path of those that are in the same state: the most usual one.
func merge(paths []path) []path {
	if len(paths) < 2 {
		return paths
	}
	out := paths[:0]
	for _, p := range paths {
		if i := slices.IndexFunc(out, func(o path) bool { return o.st == p.st }); i < 0 {
			out = append(out, p)
		} else if p.usual() && !out[i].usual() {
			out[i] = p
		}
	}
	if len(out) <= maxPaths {
		return out
	}
	joined := out[:0]
	for _, p := range out {
		i := slices.IndexFunc(joined, func(o path) bool { return o.st.sameFlow(&p.st) && o.usual() == p.usual() })
		if i < 0 {
			joined = append(joined, p)
			continue
		}
		joined[i].st.join(&p.st)
	}
	return joined
}
