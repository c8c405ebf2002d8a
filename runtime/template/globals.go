package template

// globalNamed is a function that every template sees, or nil.
func globalNamed(name string) func(r *run, a *args) (value, error) {
	switch name {
	case "range":
		return globalRange
	case "dict":
		return globalDict
	case "namespace":
		return globalNamespace
	case "raise_exception":
		return globalRaise
	case "strftime_now":
		return globalStrftime
	case "joiner":
		return globalJoiner
	case "cycler":
		return globalCycler
	}
	return nil
}

func globalRange(r *run, a *args) (value, error) {
	in, err := a.bind("range", 1, "-start", "-stop", "-step")
	if err != nil {
		return nil, err
	}
	var n [3]int64
	for i, or := range []int64{0, 0, 1} {
		if n[i], err = intOr(in[i], or); err != nil {
			return nil, err
		}
	}
	from, to, step := n[0], n[1], n[2]
	if !given(in[1]) {
		from, to = 0, n[0]
	}
	if step == 0 {
		return nil, fail("range() arg 3 must not be zero")
	}
	count := uint64(0)
	switch {
	case step > 0 && from < to:
		count = (uint64(to)-uint64(from)-1)/uint64(step) + 1
	case step < 0 && from > to:
		count = (uint64(from)-uint64(to)-1)/magnitude(step) + 1
	}
	if count > maxRange {
		return nil, &LimitError{LimitRange}
	}
	r.build(object)
	return &span{from, to, step, int64(count)}, nil
}

// mapping makes a mapping of another, or of pairs, and of named arguments.
func (r *run) mapping(a *args) (*dict, error) {
	d := newDict()
	r.build(object)
	if len(a.pos) > 1 {
		return nil, fail("at most 1 argument is expected, not %d", len(a.pos))
	}
	if len(a.pos) == 1 {
		if err := r.fillDict(d, a.pos[0]); err != nil {
			return nil, err
		}
	}
	for i, name := range a.names {
		if err := r.set(d, name, a.named[i]); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func (r *run) fillDict(d *dict, from value) error {
	if other, ok := from.(*dict); ok {
		for i, k := range other.keys {
			if err := r.set(d, k, other.values[i]); err != nil {
				return err
			}
		}
		return nil
	}
	next, err := r.iterate(from)
	if _, none := from.(undefined); none || err != nil {
		return typeMistake("make a mapping of", from)
	}
	for {
		item, ok, err := next()
		if err != nil || !ok {
			return err
		}
		pair, err := r.items(item)
		if err != nil {
			return err
		}
		if len(pair) != 2 {
			return fail("a mapping is made of pairs")
		}
		if err := r.set(d, pair[0], pair[1]); err != nil {
			return err
		}
	}
}

func globalDict(r *run, a *args) (value, error) {
	d, err := r.mapping(a)
	return d, err
}

func globalNamespace(r *run, a *args) (value, error) {
	d, err := r.mapping(a)
	return &namespace{d}, err
}

func globalRaise(r *run, a *args) (value, error) {
	in, err := a.bind("raise_exception", 1, "message")
	if err != nil {
		return nil, err
	}
	s, err := r.str(in[0])
	if err != nil {
		return nil, err
	}
	return nil, &RaisedError{s}
}

func globalStrftime(r *run, a *args) (value, error) {
	in, err := a.bind("strftime_now", 1, "format")
	if err != nil {
		return nil, err
	}
	s, err := textOr(in[0], "")
	if err != nil {
		return nil, err
	}
	r.read(len(s))
	r.build(24 * len(s)) // the longest directive is %c
	return strftime(r.now, s), nil
}

// globalJoiner makes a function that returns nothing the first time, and then its separator.
func globalJoiner(r *run, a *args) (value, error) {
	in, err := a.bind("joiner", 0, "sep")
	if err != nil {
		return nil, err
	}
	sep, err := textOr(in[0], ", ")
	if err != nil {
		return nil, err
	}
	used := false
	r.build(object)
	return &function{name: "joiner", call: func(_ *run, a *args) (value, error) {
		_, err := a.bind("joiner", 0)
		if !used {
			used = true
			return "", err
		}
		return sep, err
	}}, nil
}

// cycle is what cycler() makes: items one after the other, again and again.
type cycle struct {
	items []value
	at    int
}

func globalCycler(r *run, a *args) (value, error) {
	if len(a.pos) == 0 || len(a.named) > 0 {
		return nil, fail("at least one item has to be provided")
	}
	r.build(object)
	return &function{name: "cycler", cycle: &cycle{items: a.pos}, call: func(*run, *args) (value, error) {
		return nil, fail("'Cycler' object is not callable")
	}}, nil
}

func (c *cycle) member(name string) (value, bool, error) {
	switch name {
	case "current":
		return c.items[c.at], true, nil
	case "next":
		return method(name, func(_ *run, a *args) (value, error) {
			_, err := a.bind(name, 0)
			v := c.items[c.at]
			c.at = (c.at + 1) % len(c.items)
			return v, err
		})
	case "reset":
		return method(name, func(_ *run, a *args) (value, error) {
			_, err := a.bind(name, 0)
			c.at = 0
			return nil, err
		})
	}
	return nil, false, nil
}
