package template

func (e *constExpr) eval(*run, *scope) (value, error) { return e.v, nil }

func (e *nameExpr) eval(r *run, s *scope) (value, error) { return r.lookup(s, e.name), nil }

// evalAll evaluates expressions into a slice of their own.
func (r *run) evalAll(of []expr, s *scope) ([]value, error) {
	r.buildMany(len(of), slot)
	out := make([]value, len(of))
	for i, e := range of {
		var err error
		if out[i], err = e.eval(r, s); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (e *listExpr) eval(r *run, s *scope) (value, error) {
	items, err := r.evalAll(e.items, s)
	return &list{items}, err
}

func (e *tupleExpr) eval(r *run, s *scope) (value, error) {
	items, err := r.evalAll(e.items, s)
	return &tuple{items}, err
}

func (e *dictExpr) eval(r *run, s *scope) (value, error) {
	r.build(object)
	d := newDict()
	for i, key := range e.keys {
		k, err := key.eval(r, s)
		if err != nil {
			return nil, err
		}
		v, err := e.values[i].eval(r, s)
		if err != nil {
			return nil, err
		}
		if err := r.set(d, k, v); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func (e *condExpr) eval(r *run, s *scope) (value, error) {
	r.spend(1)
	c, err := e.cond.eval(r, s)
	switch {
	case err != nil:
		return nil, err
	case truth(c):
		return e.then.eval(r, s)
	case e.orElse == nil:
		return undefined{"an inline if has no else, and its condition is not true"}, nil
	}
	return e.orElse.eval(r, s)
}

func (e *logicExpr) eval(r *run, s *scope) (value, error) {
	var v value
	for _, part := range e.parts {
		r.spend(1)
		var err error
		if v, err = part.eval(r, s); err != nil || truth(v) == e.or {
			return v, err
		}
	}
	return v, nil
}

func (e *notExpr) eval(r *run, s *scope) (value, error) {
	r.spend(1)
	v, err := e.of.eval(r, s)
	return !truth(v), err
}

func (e *signExpr) eval(r *run, s *scope) (value, error) {
	v, err := e.of.eval(r, s)
	if err != nil {
		return nil, err
	}
	if n, ok := integer(v); ok {
		if e.minus {
			return integers("-", 0, n)
		}
		return n, nil
	}
	switch f := v.(type) {
	case float64:
		if e.minus {
			return -f, nil
		}
		return f, nil
	case bigInt:
		return nil, &LimitError{LimitInteger}
	}
	return nil, typeMistake("put a sign before", v)
}

func (e *compareExpr) eval(r *run, s *scope) (value, error) {
	a, err := e.first.eval(r, s)
	if err != nil {
		return nil, err
	}
	for _, o := range e.rest {
		b, err := o.of.eval(r, s)
		if err != nil {
			return nil, err
		}
		ok, err := r.compare(o.op, a, b)
		if err != nil || !ok {
			return false, err
		}
		a = b
	}
	return true, nil
}

func (e *mathExpr) eval(r *run, s *scope) (value, error) {
	a, err := e.first.eval(r, s)
	if err != nil {
		return nil, err
	}
	for _, o := range e.rest {
		b, err := o.of.eval(r, s)
		if err != nil {
			return nil, err
		}
		if a, err = r.calculate(o.op, a, b); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (e *concatExpr) eval(r *run, s *scope) (value, error) {
	var parts []byte
	for _, part := range e.parts {
		v, err := part.eval(r, s)
		if err != nil {
			return nil, err
		}
		text, err := r.str(v)
		if err != nil {
			return nil, err
		}
		r.grow(&parts, text)
	}
	return string(parts), nil
}

func (e *sliceExpr) eval(*run, *scope) (value, error) {
	return nil, fail("a slice stands alone in its brackets")
}

func (c *chain) eval(r *run, s *scope) (value, error) {
	v, err := c.base.eval(r, s)
	if err != nil {
		return nil, err
	}
	return r.take(c.steps, s, v)
}

func (r *run) take(steps []step, s *scope, v value) (value, error) {
	for _, st := range steps {
		r.spend(1)
		var err error
		if v, err = st.take(r, s, v); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func (a *attrStep) take(r *run, _ *scope, v value) (value, error) { return r.attribute(v, a.name) }

func (i *itemStep) take(r *run, s *scope, v value) (value, error) {
	if cut, ok := i.key.(*sliceExpr); ok {
		parts := [3]value{}
		for n, e := range []expr{cut.from, cut.to, cut.step} {
			if e == nil {
				continue
			}
			var err error
			if parts[n], err = e.eval(r, s); err != nil {
				return nil, err
			}
		}
		return r.slice(v, parts)
	}
	k, err := i.key.eval(r, s)
	if err != nil {
		return nil, err
	}
	return r.item(v, k)
}

func (c *callStep) take(r *run, s *scope, v value) (value, error) {
	a, err := c.args.eval(r, s)
	if err != nil {
		return nil, err
	}
	return r.call(v, a)
}

func (f *filterStep) take(r *run, s *scope, v value) (value, error) {
	a, err := f.args.eval(r, s)
	if err != nil {
		return nil, err
	}
	return f.do(r, v, a)
}

func (t *testStep) take(r *run, s *scope, v value) (value, error) {
	a, err := t.args.eval(r, s)
	if err != nil {
		return nil, err
	}
	ok, err := t.do(r, v, a)
	return ok != t.not, err
}

// call calls a function.
func (r *run) call(v value, a *args) (value, error) {
	f, ok := v.(*function)
	if !ok {
		return nil, typeMistake("call", v)
	}
	r.tick()
	r.spend(1)
	return f.call(r, a)
}
