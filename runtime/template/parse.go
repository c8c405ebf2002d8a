package template

// parser makes statements of tokens, by the grammar of Jinja2's parser.
type parser struct {
	tokens []token
	at     int
	depth  int
	loops  int         // loops around, within the macro
	macros []*macroDef // macros around
}

func parse(src string) ([]node, error) {
	tokens, err := lex(src)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens}
	body, err := p.body()
	if err == nil && p.cur().kind != tokEnd {
		err = p.unexpected()
	}
	return body, err
}

func (p *parser) cur() token { return p.tokens[p.at] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != tokEnd {
		p.at++
	}
	return t
}

// look is the token after the current one.
func (p *parser) look() token { return p.tokens[min(p.at+1, len(p.tokens)-1)] }

// skip moves over a token if it is the current one.
func (p *parser) skip(kind tokenKind, text string) bool {
	if p.cur().is(kind, text) {
		p.at++
		return true
	}
	return false
}

func (p *parser) expect(kind tokenKind, text string) error {
	if p.skip(kind, text) {
		return nil
	}
	return p.fail("'%s' is expected, not %s", text, p.cur().describe())
}

func (p *parser) expectName() (string, error) {
	if t := p.cur(); t.kind == tokName {
		p.at++
		return t.text, nil
	}
	return "", p.fail("a name is expected, not %s", p.cur().describe())
}

func (p *parser) unexpected() error { return p.fail("unexpected %s", p.cur().describe()) }

// enter goes one level down in the template; leave comes back.
func (p *parser) enter() error {
	if p.depth++; p.depth > maxDepth {
		return p.fail("it nests deeper than %d", maxDepth)
	}
	return nil
}

func (p *parser) leave() { p.depth-- }

// body parses up to a tag that is one of ends, whose name is then the current token.
func (p *parser) body(ends ...string) ([]node, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	var out []node
	for {
		switch t := p.cur(); t.kind {
		case tokData:
			p.at++
			out = append(out, &textNode{t.text})
		case tokVarBegin:
			p.at++
			e, err := p.tuple(true)
			if err != nil {
				return nil, err
			}
			if p.next().kind != tokVarEnd {
				p.at--
				return nil, p.unexpected()
			}
			out = append(out, &outputNode{t.line, []expr{e}})
		case tokBlockBegin:
			p.at++
			if p.isOneOf(ends) {
				return out, nil
			}
			n, err := p.statement()
			if err != nil {
				return nil, err
			}
			out = append(out, n)
			if p.next().kind != tokBlockEnd {
				p.at--
				return nil, p.unexpected()
			}
		default:
			if t.kind == tokEnd && len(ends) > 0 {
				return nil, p.fail("'%s' is missing", ends[0])
			}
			return out, nil
		}
	}
}

func (p *parser) isOneOf(names []string) bool {
	for _, n := range names {
		if p.cur().is(tokName, n) {
			return true
		}
	}
	return false
}

// block parses the end of a tag, and the body up to and with the name of its last tag, one of ends.
func (p *parser) block(ends ...string) (body []node, end string, err error) {
	// Jinja2 lets a colon stand there, as in Python.
	p.skip(tokOp, ":")
	if p.cur().kind != tokBlockEnd {
		return nil, "", p.unexpected()
	}
	p.at++
	if body, err = p.body(ends...); err != nil {
		return nil, "", err
	}
	return body, p.next().text, nil
}

// statement parses a tag up to its end, with what belongs to it.
func (p *parser) statement() (node, error) {
	t := p.cur()
	if t.kind != tokName {
		return nil, p.fail("a tag is expected, not %s", t.describe())
	}
	p.at++
	switch t.text {
	case "if":
		return p.parseIf(t.line)
	case "for":
		return p.parseFor(t.line)
	case "set":
		return p.parseSet(t.line)
	case "macro":
		return p.parseMacro(t.line)
	case "call":
		return p.parseCall(t.line)
	case "filter":
		return p.parseFilterBlock(t.line)
	case "with":
		return p.parseWith(t.line)
	case "print":
		return p.parsePrint(t.line)
	case "generation":
		return p.parseGeneration()
	case "break", "continue":
		return p.parseFlow(t.text)
	case "include", "import", "from", "extends":
		p.at--
		return nil, p.fail("{%% %s %%} is not allowed: a chat template stands for itself", t.text)
	}
	p.at--
	return nil, p.fail("there is no tag '%s'", shorten(t.text))
}
