package template

import "fmt"

func (p *parser) fail(format string, a ...any) error {
	return &SyntaxError{p.cur().line, fmt.Sprintf(format, a...)}
}

func (p *parser) parseIf(line int) (node, error) {
	n := &ifNode{line: line}
	for {
		cond, err := p.tuple(false)
		if err != nil {
			return nil, err
		}
		body, end, err := p.block("endif", "elif", "else")
		if err != nil {
			return nil, err
		}
		n.branches = append(n.branches, branch{cond, body})
		switch end {
		case "elif":
			continue
		case "else":
			n.orElse, _, err = p.block("endif")
		}
		return n, err
	}
}

func (p *parser) parseFor(line int) (node, error) {
	n := &forNode{line: line}
	var err error
	if n.target, err = p.target("in"); err != nil {
		return nil, err
	}
	if err = p.expect(tokName, "in"); err != nil {
		return nil, err
	}
	if n.over, err = p.tuple(false); err != nil {
		return nil, err
	}
	if p.skip(tokName, "if") {
		if n.cond, err = p.expression(true); err != nil {
			return nil, err
		}
	}
	if p.cur().is(tokName, "recursive") {
		return nil, p.fail("recursive loops are not supported")
	}
	p.loops++
	body, end, err := p.block("endfor", "else")
	p.loops--
	if err != nil {
		return nil, err
	}
	n.body = body
	if end == "else" {
		n.orElse, _, err = p.block("endfor")
	}
	return n, err
}

func (p *parser) parseSet(line int) (node, error) {
	var to target
	var err error
	if p.look().is(tokOp, ".") && p.cur().kind == tokName {
		to.name = p.next().text
		p.at++
		to.attr, err = p.expectName()
	} else {
		to, err = p.target("")
	}
	if err != nil {
		return nil, err
	}
	if p.skip(tokOp, "=") {
		e, err := p.tuple(true)
		return &setNode{line, to, e}, err
	}
	filters, err := p.filters()
	if err != nil {
		return nil, err
	}
	body, _, err := p.block("endset")
	return &setBlock{line, to, filters, body}, err
}

// target parses what is assigned to: a name, or several in brackets or with commas, up to the name end.
func (p *parser) target(end string) (target, error) {
	if err := p.enter(); err != nil {
		return target{}, err
	}
	defer p.leave()
	var parts []target
	comma := false
	for {
		t, err := p.oneTarget()
		if err != nil {
			return target{}, err
		}
		parts = append(parts, t)
		if !p.skip(tokOp, ",") {
			break
		}
		comma = true
		if p.tupleEnds() || end != "" && p.cur().is(tokName, end) || p.cur().is(tokOp, "=") {
			break
		}
	}
	if comma {
		return target{parts: parts}, nil
	}
	return parts[0], nil
}

func (p *parser) oneTarget() (target, error) {
	switch t := p.cur(); {
	case t.kind == tokName:
		switch t.text {
		case "true", "false", "none", "True", "False", "None":
			return target{}, p.fail("cannot assign to %s", t.text)
		}
		p.at++
		return target{name: t.text}, nil
	case t.is(tokOp, "("):
		p.at++
		in, err := p.target("")
		if err != nil {
			return target{}, err
		}
		return in, p.expect(tokOp, ")")
	}
	return target{}, p.fail("cannot assign to %s", p.cur().describe())
}

// signature parses the parameters of a macro.
func (p *parser) signature() ([]param, error) {
	if err := p.expect(tokOp, "("); err != nil {
		return nil, err
	}
	var out []param
	for !p.cur().is(tokOp, ")") {
		if len(out) > 0 {
			if err := p.expect(tokOp, ","); err != nil {
				return nil, err
			}
		}
		name, err := p.expectName()
		if err != nil {
			return nil, err
		}
		if len(out) > maxDepth {
			return nil, p.fail("a macro has too many parameters")
		}
		next := param{name: name}
		if p.skip(tokOp, "=") {
			if next.or, err = p.expression(true); err != nil {
				return nil, err
			}
		} else if len(out) > 0 && out[len(out)-1].or != nil {
			return nil, p.fail("a parameter without a default follows one that has one")
		}
		for _, other := range out {
			if other.name == name {
				return nil, p.fail("there are two parameters '%s'", shorten(name))
			}
		}
		out = append(out, next)
	}
	p.at++
	return out, nil
}

// macroBody parses what a macro consists of, up to the tag end. Loops around it are not its own.
func (p *parser) macroBody(m *macroDef, end string) error {
	loops := p.loops
	p.loops = 0
	p.macros = append(p.macros, m)
	body, _, err := p.block(end)
	p.macros = p.macros[:len(p.macros)-1]
	p.loops = loops
	m.body = body
	return err
}

func (p *parser) parseMacro(line int) (node, error) {
	name, err := p.expectName()
	if err != nil {
		return nil, err
	}
	m := &macroDef{name: name}
	if m.params, err = p.signature(); err != nil {
		return nil, err
	}
	return &macroNode{line, name, m}, p.macroBody(m, "endmacro")
}

func (p *parser) parseCall(line int) (node, error) {
	m := &macroDef{name: "caller"}
	var err error
	if p.cur().is(tokOp, "(") {
		if m.params, err = p.signature(); err != nil {
			return nil, err
		}
	}
	e, err := p.expression(true)
	if err != nil {
		return nil, err
	}
	c, ok := e.(*chain)
	if ok {
		_, ok = c.steps[len(c.steps)-1].(*callStep)
	}
	if !ok {
		return nil, p.fail("a call is expected")
	}
	return &callBlock{line, m, c}, p.macroBody(m, "endcall")
}

func (p *parser) parseFilterBlock(line int) (node, error) {
	first, err := p.filter()
	if err != nil {
		return nil, err
	}
	rest, err := p.filters()
	if err != nil {
		return nil, err
	}
	body, _, err := p.block("endfilter")
	return &filterBlock{line, append([]step{first}, rest...), body}, err
}

func (p *parser) parseWith(line int) (node, error) {
	n := &withNode{line: line}
	for p.cur().kind != tokBlockEnd {
		if len(n.targets) > 0 {
			if err := p.expect(tokOp, ","); err != nil {
				return nil, err
			}
		}
		t, err := p.oneTarget()
		if err != nil {
			return nil, err
		}
		if err := p.expect(tokOp, "="); err != nil {
			return nil, err
		}
		v, err := p.expression(true)
		if err != nil {
			return nil, err
		}
		n.targets, n.values = append(n.targets, t), append(n.values, v)
	}
	body, _, err := p.block("endwith")
	n.body = body
	return n, err
}

func (p *parser) parsePrint(line int) (node, error) {
	n := &outputNode{line: line}
	for p.cur().kind != tokBlockEnd {
		if len(n.of) > 0 {
			if err := p.expect(tokOp, ","); err != nil {
				return nil, err
			}
		}
		e, err := p.expression(true)
		if err != nil {
			return nil, err
		}
		n.of = append(n.of, e)
	}
	return n, nil
}

// parseGeneration parses what was said by a model: for training, and here like any other text.
func (p *parser) parseGeneration() (node, error) {
	m := &macroDef{}
	err := p.macroBody(m, "endgeneration")
	return &scopeNode{m.body}, err
}

func (p *parser) parseFlow(tag string) (node, error) {
	if p.loops == 0 {
		return nil, p.fail("'%s' is in no loop", tag)
	}
	if tag == "break" {
		return &flowNode{toBreak}, nil
	}
	return &flowNode{toContinue}, nil
}
