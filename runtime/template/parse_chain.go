package template

import "strconv"

// chain parses the attributes, items, calls, filters and tests after base.
func (p *parser) chain(base expr, withFilters bool) (expr, error) {
	var steps []step
	for {
		s, err := p.postfix()
		if err != nil {
			return nil, err
		}
		if s == nil && withFilters {
			// After a filter or a test only these and calls go on.
			return p.filterChain(base, steps)
		}
		if s == nil {
			return newChain(base, steps), nil
		}
		steps = append(steps, s)
	}
}

func newChain(base expr, steps []step) expr {
	if steps == nil {
		return base
	}
	return &chain{base, steps}
}

func (p *parser) filterChain(base expr, steps []step) (expr, error) {
	for {
		var s step
		var err error
		switch t := p.cur(); {
		case t.is(tokOp, "|"):
			p.at++
			s, err = p.filter()
		case t.is(tokName, "is"):
			p.at++
			s, err = p.test()
		case t.is(tokOp, "("):
			s, err = p.call()
		default:
			return newChain(base, steps), nil
		}
		if err != nil {
			return nil, err
		}
		steps = append(steps, s)
	}
}

// postfix parses one attribute, item or call; nil is none.
func (p *parser) postfix() (step, error) {
	switch {
	case p.cur().is(tokOp, "("):
		return p.call()
	case p.skip(tokOp, "."):
		t := p.next()
		switch t.kind {
		case tokName:
			return &attrStep{t.text}, nil
		case tokInteger:
			n, err := strconv.ParseInt(t.text, 0, 64)
			if err != nil {
				return nil, p.fail("the number %s is too large", shorten(t.text))
			}
			return &itemStep{&constExpr{n}}, nil
		}
		return nil, p.fail("an attribute is expected, not %s", t.describe())
	case p.skip(tokOp, "["):
		return p.subscript()
	}
	return nil, nil
}

func (p *parser) subscript() (step, error) {
	var keys []expr
	for !p.cur().is(tokOp, "]") {
		if len(keys) > 0 {
			if err := p.expect(tokOp, ","); err != nil {
				return nil, err
			}
		}
		k, err := p.key()
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	p.at++
	if len(keys) == 1 {
		return &itemStep{keys[0]}, nil
	}
	return &itemStep{&tupleExpr{keys}}, nil
}

// key parses what stands in square brackets: an expression or a slice.
func (p *parser) key() (expr, error) {
	var parts [3]expr
	var err error
	if !p.cur().is(tokOp, ":") {
		if parts[0], err = p.expression(true); err != nil || !p.cur().is(tokOp, ":") {
			return parts[0], err
		}
	}
	for i := 1; i < len(parts) && p.skip(tokOp, ":"); i++ {
		if t := p.cur(); t.is(tokOp, ":") || t.is(tokOp, "]") || t.is(tokOp, ",") {
			continue
		}
		if parts[i], err = p.expression(true); err != nil {
			return nil, err
		}
	}
	return &sliceExpr{parts[0], parts[1], parts[2]}, nil
}

func (p *parser) call() (step, error) {
	a, err := p.callArgs()
	return &callStep{a}, err
}

func (p *parser) callArgs() (callArgs, error) {
	var a callArgs
	if err := p.expect(tokOp, "("); err != nil {
		return a, err
	}
	err := p.listed(")", func() error { return p.argument(&a) })
	return a, err
}

func (p *parser) argument(a *callArgs) error {
	var err error
	order := func(ok bool) error {
		if !ok {
			return p.fail("the arguments of a call are out of order")
		}
		return nil
	}
	switch {
	case p.skip(tokOp, "*"):
		if err = order(a.star == nil && a.double == nil); err == nil {
			a.star, err = p.expression(true)
		}
	case p.skip(tokOp, "**"):
		if err = order(a.double == nil); err == nil {
			a.double, err = p.expression(true)
		}
	case p.cur().kind == tokName && p.look().is(tokOp, "="):
		name := p.next().text
		p.at++
		if len(a.names) > maxDepth {
			return p.fail("a call has too many named arguments")
		}
		for _, n := range a.names {
			if n == name {
				return p.fail("the argument '%s' is given twice", shorten(name))
			}
		}
		var e expr
		if err = order(a.double == nil); err == nil {
			e, err = p.expression(true)
		}
		a.names, a.named = append(a.names, name), append(a.named, e)
	default:
		var e expr
		if err = order(a.star == nil && a.double == nil && a.named == nil); err == nil {
			e, err = p.expression(true)
		}
		a.pos = append(a.pos, e)
	}
	return err
}

// dotted parses the name of a filter or a test.
func (p *parser) dotted() (string, error) {
	name, err := p.expectName()
	for err == nil && p.skip(tokOp, ".") {
		var more string
		more, err = p.expectName()
		name += "." + more
	}
	return name, err
}

// filters parses any number of filters.
func (p *parser) filters() ([]step, error) {
	var out []step
	for p.skip(tokOp, "|") {
		s, err := p.filter()
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// filter parses a filter after its "|".
func (p *parser) filter() (step, error) {
	name, err := p.dotted()
	if err != nil {
		return nil, err
	}
	do := filterNamed(name)
	if do == nil {
		return nil, p.fail("there is no filter '%s'", shorten(name))
	}
	s := &filterStep{name: name, do: do}
	if p.cur().is(tokOp, "(") {
		s.args, err = p.callArgs()
	}
	return s, err
}

// test parses a test after its "is".
func (p *parser) test() (step, error) {
	s := &testStep{not: p.skip(tokName, "not")}
	var err error
	if s.name, err = p.dotted(); err != nil {
		return nil, err
	}
	if s.do = testNamed(s.name); s.do == nil {
		return nil, p.fail("there is no test '%s'", shorten(s.name))
	}
	switch t := p.cur(); {
	case t.is(tokOp, "("):
		s.args, err = p.callArgs()
	case p.testArgument(t):
		s.args.pos = make([]expr, 1)
		s.args.pos[0], err = p.bareArgument()
	}
	return s, err
}

// testArgument reports whether t begins an argument that a test has without brackets.
func (p *parser) testArgument(t token) bool {
	switch t.kind {
	case tokName:
		return t.text != "else" && t.text != "or" && t.text != "and"
	case tokString, tokInteger, tokFloat:
		return true
	}
	return t.is(tokOp, "[") || t.is(tokOp, "{")
}

func (p *parser) bareArgument() (expr, error) {
	if p.cur().is(tokName, "is") {
		return nil, p.fail("tests cannot follow each other")
	}
	e, err := p.primary()
	if err != nil {
		return nil, err
	}
	return p.chain(e, false)
}
