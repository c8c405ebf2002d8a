package template

import (
	"strconv"
	"strings"
)

func (p *parser) primary() (expr, error) {
	t := p.next()
	switch t.kind {
	case tokName:
		return p.named(t.text), nil
	case tokString:
		parts := []string{t.text}
		for p.cur().kind == tokString {
			parts = append(parts, p.next().text)
		}
		return &constExpr{strings.Join(parts, "")}, nil
	case tokInteger:
		n, err := strconv.ParseInt(t.text, 0, 64)
		if err != nil && strings.Trim(t.text, "0") != "" {
			return nil, p.fail("the number %s is too large", shorten(t.text))
		}
		return &constExpr{n}, nil
	case tokFloat:
		f, _ := strconv.ParseFloat(t.text, 64) // what is too large is infinite, as in Python
		return &constExpr{f}, nil
	case tokOp:
		if e, err := p.bracket(t.text); e != nil || err != nil {
			return e, err
		}
	}
	if t.kind != tokEnd {
		p.at--
	}
	return nil, p.unexpected()
}

// bracket parses what is in brackets, of which the first has been read; nil is none.
func (p *parser) bracket(open string) (expr, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	switch open {
	case "(":
		if p.skip(tokOp, ")") {
			return &tupleExpr{}, nil
		}
		e, err := p.tuple(true)
		if err != nil {
			return nil, err
		}
		return e, p.expect(tokOp, ")")
	case "[":
		var items []expr
		err := p.listed("]", func() error {
			e, err := p.expression(true)
			items = append(items, e)
			return err
		})
		return &listExpr{items}, err
	case "{":
		d := &dictExpr{}
		err := p.listed("}", func() error {
			k, err := p.expression(true)
			if err != nil {
				return err
			}
			if err = p.expect(tokOp, ":"); err != nil {
				return err
			}
			v, err := p.expression(true)
			d.keys, d.values = append(d.keys, k), append(d.values, v)
			return err
		})
		return d, err
	}
	return nil, nil
}

// listed parses items with commas between them, and perhaps one at the end, up to and with the bracket end.
func (p *parser) listed(end string, item func() error) error {
	for first := true; !p.cur().is(tokOp, end); first = false {
		if !first {
			if err := p.expect(tokOp, ","); err != nil {
				return err
			}
			if p.cur().is(tokOp, end) {
				break
			}
		}
		if err := item(); err != nil {
			return err
		}
	}
	p.at++
	return nil
}

func (p *parser) named(name string) expr {
	switch name {
	case "true", "True":
		return &constExpr{true}
	case "false", "False":
		return &constExpr{false}
	case "none", "None":
		return &constExpr{nil}
	}
	for _, m := range p.macros {
		m.varargs = m.varargs || name == "varargs"
		m.kwargs = m.kwargs || name == "kwargs"
		m.caller = m.caller || name == "caller"
	}
	return &nameExpr{name}
}
