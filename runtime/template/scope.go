package template

import (
	"time"
)

// run is one rendering.
type run struct {
	budget
	now  time.Time
	line int    // of the statement at work
	out  []byte // what has been printed, into the innermost capture
	// captures is how many of them are within each other.
	captures int
}

// scope has the names that are set in one loop turn, macro or block. Whatever is set is gone with it.
type scope struct {
	vars   map[string]value
	parent *scope
}

func newScope(parent *scope) *scope { return &scope{map[string]value{}, parent} }

// inner begins a scope within another, and pays for it.
func (r *run) inner(s *scope) *scope {
	r.build(object)
	return newScope(s)
}

// lookup is what a name stands for.
func (r *run) lookup(s *scope, name string) value {
	for ; s != nil; s = s.parent {
		r.spend(1)
		if v, ok := s.vars[name]; ok {
			return v
		}
	}
	if f := globalNamed(name); f != nil {
		return &function{name: name, call: f}
	}
	return undefined{"'" + shorten(name) + "' is undefined"}
}

// assign sets a name.
func (r *run) assign(s *scope, name string, v value) {
	if _, ok := s.vars[name]; !ok {
		r.build(entry)
	}
	s.vars[name] = v
}

// assignTo sets all names of a target.
func (r *run) assignTo(s *scope, t target, v value) error {
	switch {
	case t.parts != nil:
		return r.unpack(s, t.parts, v)
	case t.attr == "":
		r.assign(s, t.name, v)
		return nil
	}
	to := r.lookup(s, t.name)
	ns, ok := to.(*namespace)
	if !ok {
		return fail("cannot assign an attribute of '%s': it is no namespace", shorten(t.name))
	}
	return r.set(ns.d, t.attr, v)
}

func (r *run) unpack(s *scope, parts []target, v value) error {
	next, err := r.iterate(v)
	if err != nil {
		return typeMistake("unpack", v)
	}
	for _, part := range parts {
		item, ok, err := next()
		if err != nil {
			return err
		}
		if !ok {
			return fail("not enough values to unpack: %d are expected", len(parts))
		}
		if err := r.assignTo(s, part, item); err != nil {
			return err
		}
	}
	if _, more, err := next(); more || err != nil {
		return fail("too many values to unpack: %d are expected", len(parts))
	}
	return nil
}

// print writes to the innermost capture.
func (r *run) print(s string) {
	if len(s) > r.output-len(r.out) {
		panic(&LimitError{LimitOutput})
	}
	if r.captures > 0 {
		r.build(len(s))
	} else {
		r.handle(len(s))
	}
	r.out = append(r.out, s...)
}

// capture returns what f prints.
func (r *run) capture(f func() (flow, error)) (string, flow, error) {
	outer := r.out
	r.out = nil
	r.captures++
	end, err := f()
	r.captures--
	r.build(len(r.out))
	text := string(r.out)
	r.out = outer
	return text, end, err
}
