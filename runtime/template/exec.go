package template

import "slices"

// execAll executes statements until one leaves a loop turn.
func (r *run) execAll(body []node, s *scope) (flow, error) {
	for _, n := range body {
		r.spend(1)
		f, err := n.exec(r, s)
		if err != nil || f != onward {
			return f, err
		}
	}
	return onward, nil
}

func (n *textNode) exec(r *run, _ *scope) (flow, error) {
	r.print(n.text)
	return onward, nil
}

func (n *outputNode) exec(r *run, s *scope) (flow, error) {
	r.line = n.line
	for _, e := range n.of {
		v, err := e.eval(r, s)
		if err != nil {
			return onward, err
		}
		text, err := r.str(v)
		if err != nil {
			return onward, err
		}
		r.print(text)
	}
	return onward, nil
}

func (n *ifNode) exec(r *run, s *scope) (flow, error) {
	for _, b := range n.branches {
		r.line = n.line
		v, err := b.cond.eval(r, s)
		if err != nil {
			return onward, err
		}
		if truth(v) {
			return r.execAll(b.body, s)
		}
	}
	return r.execAll(n.orElse, s)
}

func (n *setNode) exec(r *run, s *scope) (flow, error) {
	r.line = n.line
	v, err := n.to.eval(r, s)
	if err != nil {
		return onward, err
	}
	return onward, r.assignTo(s, n.target, v)
}

func (n *setBlock) exec(r *run, s *scope) (flow, error) {
	r.line = n.line
	v, f, err := r.filtered(n.body, n.filters, s)
	if err != nil || f != onward {
		return f, err
	}
	return onward, r.assignTo(s, n.target, v)
}

func (n *filterBlock) exec(r *run, s *scope) (flow, error) {
	r.line = n.line
	v, f, err := r.filtered(n.body, n.filters, s)
	if err != nil || f != onward {
		return f, err
	}
	out, ok := text(v)
	if !ok {
		return onward, typeMistake("print the filtered", v)
	}
	r.print(out)
	return onward, nil
}

// filtered is what a body prints, through filters.
func (r *run) filtered(body []node, filters []step, s *scope) (value, flow, error) {
	in := r.inner(s)
	text, f, err := r.capture(func() (flow, error) { return r.execAll(body, in) })
	if err != nil || f != onward {
		return nil, f, err
	}
	v, err := r.take(filters, in, text)
	return v, onward, err
}

func (n *withNode) exec(r *run, s *scope) (flow, error) {
	r.line = n.line
	in := r.inner(s)
	for i, t := range n.targets {
		v, err := n.values[i].eval(r, s)
		if err != nil {
			return onward, err
		}
		if err := r.assignTo(in, t, v); err != nil {
			return onward, err
		}
	}
	return r.execAll(n.body, in)
}

func (n *scopeNode) exec(r *run, s *scope) (flow, error) { return r.execAll(n.body, r.inner(s)) }

func (n *flowNode) exec(*run, *scope) (flow, error) { return n.flow, nil }

func (n *macroNode) exec(r *run, s *scope) (flow, error) {
	r.line = n.line
	r.assign(s, n.name, n.macro.bind(s))
	return onward, nil
}

func (n *callBlock) exec(r *run, s *scope) (flow, error) {
	r.line = n.line
	last := len(n.call.steps) - 1
	v, err := n.call.base.eval(r, s)
	if err == nil {
		v, err = r.take(n.call.steps[:last], s, v)
	}
	if err != nil {
		return onward, err
	}
	a, err := n.call.steps[last].(*callStep).args.eval(r, s)
	if err != nil {
		return onward, err
	}
	a.names, a.named = append(a.names, "caller"), append(a.named, n.caller.bind(s))
	if v, err = r.call(v, a); err != nil {
		return onward, err
	}
	text, err := r.str(v)
	r.print(text)
	return onward, err
}

// bind makes a function of a macro, with the names that are around it.
func (m *macroDef) bind(s *scope) *function {
	return &function{name: m.name, call: func(r *run, a *args) (value, error) { return r.macro(m, s, a) }}
}

// macro calls a macro: what it prints is its value.
func (r *run) macro(m *macroDef, s *scope, a *args) (value, error) {
	r.enter()
	defer r.leave()
	r.tick()
	in := r.inner(s)
	bound, err := r.parameters(m, in, a)
	if err != nil {
		return nil, err
	}
	for i, p := range m.params {
		if !bound[i] {
			r.assign(in, p.name, undefined{"parameter '" + shorten(p.name) + "' was not provided"})
		}
	}
	for i, p := range m.params {
		if bound[i] || p.or == nil {
			continue
		}
		v, err := p.or.eval(r, in) // it may name the parameters before it
		if err != nil {
			return nil, err
		}
		r.assign(in, p.name, v)
	}
	line := r.line
	text, _, err := r.capture(func() (flow, error) { return r.execAll(m.body, in) })
	if err == nil {
		r.line = line
	}
	return text, err
}

// parameters gives a macro what it is called with, and the special names that its body uses. It says which parameters have got
// a value.
func (r *run) parameters(m *macroDef, in *scope, a *args) ([]bool, error) {
	bound := make([]bool, len(m.params))
	for i, v := range a.pos {
		if i < len(m.params) {
			bound[i] = true
			r.assign(in, m.params[i].name, v)
		} else if !m.varargs {
			return nil, fail("macro '%s' takes not more than %d arguments", shorten(m.name), len(m.params))
		}
	}
	more := newDict()
	var caller value = undefined{"no caller defined"}
	for i, name := range a.names {
		at := slices.IndexFunc(m.params, func(p param) bool { return p.name == name })
		r.spend(len(m.params))
		switch {
		case at >= 0 && !bound[at]:
			bound[at] = true
			r.assign(in, name, a.named[i])
		case name == "caller" && m.caller:
			caller = a.named[i]
		case m.kwargs:
			if err := r.set(more, name, a.named[i]); err != nil {
				return nil, err
			}
		default:
			return nil, fail("macro '%s' takes no argument '%s'", shorten(m.name), shorten(name))
		}
	}
	r.special(m, in, a, caller, more)
	return bound, nil
}

// special sets the names that a macro has without saying so.
func (r *run) special(m *macroDef, in *scope, a *args, caller value, more *dict) {
	if m.caller && !slices.ContainsFunc(m.params, func(p param) bool { return p.name == "caller" }) {
		r.assign(in, "caller", caller)
	}
	if m.kwargs {
		r.assign(in, "kwargs", more)
	}
	if m.varargs {
		rest := a.pos[min(len(m.params), len(a.pos)):]
		r.buildMany(len(rest), slot)
		r.assign(in, "varargs", &tuple{rest})
	}
}
