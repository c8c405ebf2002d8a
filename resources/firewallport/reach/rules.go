package reach

const (
	// maxDepth bounds how deep chains call each other; the kernel allows 16 jumps, and any number of goto.
	maxDepth = 256
	// maxSteps bounds how many rules are evaluated for one packet, each for each way that it may go.
	maxSteps = 4 << 20
)

// result is what an expression comes to: one fate, or several that are all possible.
type result struct {
	fate   fate
	target *chain // of jump and gotoChain
	why    string // of undecided
	alts   []alt
}

// alt is one of several.
type alt struct {
	fate   fate
	target *chain
	kind   kind
	why    string
	// apply, where not nil, does what this one does to registers and state.
	apply func(x *exec)
}

// op is an expression that was decoded.
type op interface{ run(x *exec) result }

// exec is a rule on its way through its expressions.
type exec struct {
	r    *run
	rule *rule
	path path
	regs *registers
}

// step is a way out of a rule.
type step struct {
	path   path
	fate   fate
	target *chain
}

// through runs a rule from one of its expressions on, and appends all the ways out of it.
func (x *exec) through(from int, out []step) []step {
	for i := from; i < len(x.rule.ops); i++ {
		res := x.rule.ops[i].run(x)
		if len(res.alts) > 0 {
			return x.fork(i, res.alts, out)
		}
		if res.fate == next {
			continue
		}
		if res.fate == undecided {
			x.path.unsure = &ref{chain: x.rule.chain, rule: x.rule, does: x.rule.does, why: res.why}
		}
		return append(out, step{x.path, res.fate, res.target})
	}
	return append(out, step{x.path, brk, nil})
}

func (x *exec) fork(at int, alts []alt, out []step) []step {
	for _, a := range alts {
		regs := *x.regs
		y := &exec{r: x.r, rule: x.rule, path: x.path, regs: &regs}
		y.path.tag(a.kind, x.rule, a.why)
		if a.apply != nil {
			a.apply(y)
		}
		if a.fate == next {
			out = y.through(at+1, out)
		} else {
			out = append(out, step{y.path, a.fate, a.target})
		}
	}
	return out
}

// flow is what comes out of a chain: paths that reached its end or returned, and those that it accepted. What it did not let through
// is kept by the run.
type flow struct{ fall, accepted []path }

// through sends paths through a chain.
func (r *run) through(c *chain, in []path, depth int) flow {
	var f flow
	if c.accepts {
		for _, p := range in {
			p.by = &ref{chain: c, does: "accept"}
			f.accepted = append(f.accepted, p)
		}
		return f
	}
	cur := append([]path(nil), in...)
	var steps []step
	for _, rl := range c.rules {
		if len(cur) == 0 {
			return f
		}
		if r.steps += len(cur); r.steps > maxSteps || depth > maxDepth {
			for i := range cur {
				cur[i].unsure = &ref{chain: c, rule: rl, does: rl.does, why: "there are more rules than are followed"}
				r.end(undecided, rl, cur[i])
			}
			return f
		}
		before, ended := cur[0], r.ended+len(f.accepted)+len(f.fall)
		alone := len(cur) == 1
		steps = steps[:0]
		for i := range cur {
			x := &r.scratch
			x.rule, x.path = rl, cur[i]
			steps = x.through(0, steps)
		}
		cur = merge(r.take(rl, steps, &f, cur[:0], depth))
		// A match that is not known and makes no difference is forgotten.
		if alone && len(cur) == 1 && ended == r.ended+len(f.accepted)+len(f.fall) {
			cur[0].tagsOf(&before)
		}
	}
	f.fall = append(f.fall, cur...)
	f.fall, f.accepted = merge(f.fall), merge(f.accepted)
	return f
}

// take sorts the ways out of a rule, follows jumps, and returns the paths that go on to the next rule.
func (r *run) take(rl *rule, steps []step, f *flow, on []path, depth int) []path {
	var calls []*call
	for _, s := range steps {
		switch s.fate {
		case next, brk:
			on = append(on, s.path)
		case accept:
			s.path.by = &ref{chain: rl.chain, rule: rl, does: "accept"}
			f.accepted = append(f.accepted, s.path)
		case ret:
			f.fall = append(f.fall, s.path)
		case jump, gotoChain:
			calls = addCall(calls, s)
		default:
			r.end(s.fate, rl, s.path)
		}
	}
	if len(f.accepted) > maxPaths {
		f.accepted = merge(f.accepted)
	}
	for _, c := range calls {
		sub := r.through(c.target, merge(c.paths), depth+1)
		f.accepted = append(f.accepted, sub.accepted...)
		if c.fate == jump {
			on = append(on, sub.fall...)
		} else {
			f.fall = append(f.fall, sub.fall...)
		}
	}
	return on
}

// call is a chain that some paths go to.
type call struct {
	target *chain
	fate   fate
	paths  []path
}

func addCall(calls []*call, s step) []*call {
	for _, c := range calls {
		if c.target == s.target && c.fate == s.fate {
			c.paths = append(c.paths, s.path)
			return calls
		}
	}
	return append(calls, &call{s.target, s.fate, []path{s.path}})
}
