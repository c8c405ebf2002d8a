package template

// tuple parses an expression, or several with commas between them.
func (p *parser) tuple(withCond bool) (expr, error) {
	var items []expr
	comma := false
	for !p.tupleEnds() {
		e, err := p.expression(withCond)
		if err != nil {
			return nil, err
		}
		items = append(items, e)
		if !p.skip(tokOp, ",") {
			break
		}
		comma = true
	}
	switch {
	case comma:
		return &tupleExpr{items}, nil
	case len(items) == 1:
		return items[0], nil
	}
	return nil, p.fail("an expression is expected, not %s", p.cur().describe())
}

// tupleEnds reports whether a list with commas cannot go on.
func (p *parser) tupleEnds() bool {
	t := p.cur()
	return t.kind == tokVarEnd || t.kind == tokBlockEnd || t.is(tokOp, ")")
}

func (p *parser) expression(withCond bool) (expr, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	e, err := p.logic(true)
	if err != nil || !withCond {
		return e, err
	}
	for n := 0; p.skip(tokName, "if"); n++ {
		if n > maxDepth {
			return nil, p.fail("it nests too deep")
		}
		c := &condExpr{then: e}
		if c.cond, err = p.logic(true); err != nil {
			return nil, err
		}
		if p.skip(tokName, "else") {
			if c.orElse, err = p.expression(true); err != nil {
				return nil, err
			}
		}
		e = c
	}
	return e, nil
}

// logic parses what is joined by "or", or by "and".
func (p *parser) logic(or bool) (expr, error) {
	word, part := "and", p.not
	if or {
		word, part = "or", func() (expr, error) { return p.logic(false) }
	}
	first, err := part()
	if err != nil || !p.cur().is(tokName, word) {
		return first, err
	}
	l := &logicExpr{or: or, parts: []expr{first}}
	for p.skip(tokName, word) {
		e, err := part()
		if err != nil {
			return nil, err
		}
		l.parts = append(l.parts, e)
	}
	return l, nil
}

func (p *parser) not() (expr, error) {
	if !p.skip(tokName, "not") {
		return p.compare()
	}
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	e, err := p.not()
	return &notExpr{e}, err
}

// comparison takes an operator that compares and returns it, or "".
func (p *parser) comparison() string {
	switch t := p.cur(); {
	case t.kind == tokOp && (t.text == "==" || t.text == "!=" || t.text == "<" || t.text == "<=" || t.text == ">" || t.text == ">="):
		p.at++
		return t.text
	case t.is(tokName, "in"):
		p.at++
		return "in"
	case t.is(tokName, "not") && p.look().is(tokName, "in"):
		p.at += 2
		return "not in"
	}
	return ""
}

func (p *parser) compare() (expr, error) {
	first, err := p.sum()
	if err != nil {
		return nil, err
	}
	var rest []operand
	for op := p.comparison(); op != ""; op = p.comparison() {
		e, err := p.sum()
		if err != nil {
			return nil, err
		}
		rest = append(rest, operand{op, e})
	}
	if rest == nil {
		return first, nil
	}
	return &compareExpr{first, rest}, nil
}

// left parses what is joined by operators that go from left to right.
func (p *parser) left(part func() (expr, error), ops ...string) (expr, error) {
	first, err := part()
	if err != nil {
		return nil, err
	}
	var rest []operand
	for p.isOp(ops) {
		op := p.next().text
		e, err := part()
		if err != nil {
			return nil, err
		}
		rest = append(rest, operand{op, e})
	}
	if rest == nil {
		return first, nil
	}
	return &mathExpr{first, rest}, nil
}

func (p *parser) isOp(ops []string) bool {
	for _, op := range ops {
		if p.cur().is(tokOp, op) {
			return true
		}
	}
	return false
}

func (p *parser) sum() (expr, error) { return p.left(p.concat, "+", "-") }

func (p *parser) concat() (expr, error) {
	first, err := p.product()
	if err != nil || !p.cur().is(tokOp, "~") {
		return first, err
	}
	c := &concatExpr{[]expr{first}}
	for p.skip(tokOp, "~") {
		e, err := p.product()
		if err != nil {
			return nil, err
		}
		c.parts = append(c.parts, e)
	}
	return c, nil
}

func (p *parser) product() (expr, error) { return p.left(p.power, "*", "/", "//", "%") }

// power goes from left to right too, in Jinja2.
func (p *parser) power() (expr, error) {
	return p.left(func() (expr, error) { return p.unary(true) }, "**")
}

func (p *parser) unary(withFilters bool) (expr, error) {
	t := p.cur()
	if t.is(tokOp, "-") || t.is(tokOp, "+") {
		p.at++
		if err := p.enter(); err != nil {
			return nil, err
		}
		of, err := p.unary(false)
		p.leave()
		if err != nil {
			return nil, err
		}
		return p.chain(&signExpr{t.text == "-", of}, withFilters)
	}
	base, err := p.primary()
	if err != nil {
		return nil, err
	}
	return p.chain(base, withFilters)
}
