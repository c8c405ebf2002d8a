package template

// iterator gives one value after the other; false is the end.
type iterator func() (value, bool, error)

// iterate goes through v as Python's iter(v) does. An error says that v cannot be gone through.
func (r *run) iterate(v value) (iterator, error) {
	switch v := v.(type) {
	case *list:
		return r.overItems(v.items), nil
	case *tuple:
		return r.overItems(v.items), nil
	case *dict:
		return r.overItems(v.keys), nil
	case *view:
		return r.overItems(r.viewItems(v)), nil
	case undefined:
		return r.overItems(nil), nil
	case string:
		return r.overText(v, func(s string) value { return s }), nil
	case markup:
		return r.overText(string(v), func(s string) value { return markup(s) }), nil
	case *span:
		i := int64(0)
		return func() (value, bool, error) {
			r.spend(1)
			i++
			return v.start + (i-1)*v.step, i <= v.n, nil
		}, nil
	case *generator:
		return func() (value, bool, error) {
			r.tick()
			r.spend(1)
			return v.next()
		}, nil
	case *loop:
		return func() (value, bool, error) {
			ok, err := v.step(r)
			return &tuple{[]value{v.cur, v}}, ok, err
		}, nil
	}
	return nil, fail("'%s' cannot be gone through", typeName(v))
}

func (r *run) overItems(items []value) iterator {
	i := 0
	return func() (value, bool, error) {
		r.spend(1)
		if i >= len(items) {
			return nil, false, nil
		}
		i++
		return items[i-1], true, nil
	}
}

func (r *run) overText(s string, of func(string) value) iterator {
	return func() (value, bool, error) {
		r.build(slot)
		for i := range s {
			if i > 0 {
				c := s[:i]
				s = s[i:]
				return of(c), true, nil
			}
		}
		if s == "" {
			return nil, false, nil
		}
		c := s
		s = ""
		return of(c), true, nil
	}
}

// viewItems are the items of a view of a mapping.
func (r *run) viewItems(v *view) []value {
	switch v.what {
	case "keys":
		return v.d.keys
	case "values":
		return v.d.values
	}
	r.buildMany(len(v.d.keys), 4*slot)
	out := make([]value, len(v.d.keys))
	for i, k := range v.d.keys {
		out[i] = &tuple{[]value{k, v.d.values[i]}}
	}
	return out
}

// items are all values of v, in a slice of its own.
func (r *run) items(v value) ([]value, error) {
	next, err := r.iterate(v)
	if err != nil {
		return nil, typeMistake("go through", v)
	}
	var out []value
	for {
		item, ok, err := next()
		if err != nil || !ok {
			return out, err
		}
		r.build(slot)
		out = append(out, item)
	}
}

// loop is what a loop's body knows of it.
type loop struct {
	from   iterator
	ahead  []value // what was taken from it and not given yet
	cur    value
	before value // the item before, or undefined
	index0 int64
	total  int // -1 where it is not known
	seen   []value
}

// step goes to the next item.
func (l *loop) step(r *run) (bool, error) {
	if err := l.peek(); err != nil || len(l.ahead) == 0 {
		return false, err
	}
	if l.index0 >= 0 {
		l.before = l.cur
	}
	l.cur = l.ahead[0]
	l.ahead = l.ahead[1:]
	l.index0++
	r.tick()
	return true, nil
}

// peek takes one item ahead, if there is one.
func (l *loop) peek() error {
	if len(l.ahead) > 0 || l.from == nil {
		return nil
	}
	v, ok, err := l.from()
	if !ok || err != nil {
		l.from = nil
		return err
	}
	l.ahead = append(l.ahead, v)
	return nil
}

// length is how many items there are: what tells no length is taken to its end.
func (l *loop) length(r *run) (int, error) {
	if l.total >= 0 {
		return l.total, nil
	}
	for l.from != nil {
		v, ok, err := l.from()
		if err != nil {
			return 0, err
		}
		if !ok {
			l.from = nil
			break
		}
		r.build(slot)
		l.ahead = append(l.ahead, v)
	}
	l.total = int(l.index0) + 1 + len(l.ahead)
	return l.total, nil
}

func (n *forNode) exec(r *run, s *scope) (flow, error) {
	r.line = n.line
	over, err := n.over.eval(r, s)
	if err != nil {
		return onward, err
	}
	from, err := r.iterate(over)
	if err != nil {
		return onward, typeMistake("loop over", over)
	}
	l := &loop{from: from, index0: -1, total: -1, before: undefined{"there is no previous item"}}
	if n.cond != nil {
		l.from = n.only(r, s, from)
	} else if size, ok := r.length(over); ok {
		l.total = size
	}
	for {
		r.line = n.line
		ok, err := l.step(r)
		if err != nil {
			return onward, err
		}
		if !ok {
			break
		}
		in := r.inner(s)
		r.assign(in, "loop", l)
		if err := r.assignTo(in, n.target, l.cur); err != nil {
			return onward, err
		}
		f, err := r.execAll(n.body, in)
		if err != nil {
			return onward, err
		}
		if f == toBreak {
			break
		}
	}
	if l.index0 < 0 && n.orElse != nil {
		return r.execAll(n.orElse, r.inner(s))
	}
	return onward, nil
}

// only are the items that a loop's condition lets through.
func (n *forNode) only(r *run, s *scope, from iterator) iterator {
	return func() (value, bool, error) {
		for {
			r.tick()
			v, ok, err := from()
			if err != nil || !ok {
				return nil, false, err
			}
			in := r.inner(s)
			if err := r.assignTo(in, n.target, v); err != nil {
				return nil, false, err
			}
			keep, err := n.cond.eval(r, in)
			if err != nil {
				return nil, false, err
			}
			if truth(keep) {
				return v, true, nil
			}
		}
	}
}
