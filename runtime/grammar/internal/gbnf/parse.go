package gbnf

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// parser follows llama.cpp's step by step: src[pos:] is what it calls pos.
type parser struct {
	src    string
	pos    int
	limits Limits

	ids    map[string]int
	named  int
	rules  [][]Elem
	meta   []Rule
	sets   [][]Range
	setIDs map[string]int
	size   int
	depth  int
}

// Parse reads a grammar.
func Parse(src string, limits Limits) (g *Grammar, err error) {
	p := &parser{src: src, limits: limits, ids: map[string]int{}, setIDs: map[string]int{}}
	defer func() {
		switch e := recover().(type) {
		case nil:
		case *Error:
			g, err = nil, e
		default:
			panic(e)
		}
	}()
	p.text()
	p.space(true)
	for p.pos < len(p.src) {
		p.rule()
	}
	return p.grammar(), nil
}

// text checks the bytes: a NUL would end the text in C, and its decoder trusts that it is UTF-8.
func (p *parser) text() {
	if len(p.src) > p.limits.Bytes {
		p.fail(0, "the grammar has %d bytes, and may have %d", len(p.src), p.limits.Bytes)
	}
	if at := strings.IndexByte(p.src, 0); at >= 0 {
		p.fail(at, "a NUL byte")
	}
	if !utf8.ValidString(p.src) {
		for at, r := range p.src {
			if r == utf8.RuneError && !strings.HasPrefix(p.src[at:], "\uFFFD") {
				p.fail(at, "not UTF-8")
			}
		}
	}
}

func (p *parser) fail(at int, format string, args ...any) {
	panic(errorAt(p.src, at, fmt.Sprintf(format, args...)))
}

func errorAt(src string, at int, reason string) *Error {
	before := src[:min(at, len(src))]
	return &Error{Line: 1 + strings.Count(before, "\n"), Column: 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]), Reason: reason}
}

// peek is the byte at hand, 0 at the end.
func (p *parser) peek() byte { return p.at(0) }

func (p *parser) at(n int) byte {
	if p.pos+n < len(p.src) {
		return p.src[p.pos+n]
	}
	return 0
}

func (p *parser) space(newline bool) {
	for {
		switch c := p.peek(); {
		case c == '#':
			for c := p.peek(); c != 0 && c != '\r' && c != '\n'; c = p.peek() {
				p.pos++
			}
		case c == ' ' || c == '\t' || newline && (c == '\r' || c == '\n'):
			p.pos++
		default:
			return
		}
	}
}

func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '-' || '0' <= c && c <= '9'
}

func (p *parser) name() string {
	start := p.pos
	for isWord(p.peek()) {
		p.pos++
	}
	if p.pos == start {
		p.fail(start, "the name of a rule is expected: letters, digits and '-'")
	}
	return p.src[start:p.pos]
}

// id is the number of a named rule.
func (p *parser) id(name string, at int) int {
	id, ok := p.ids[name]
	if !ok {
		if p.named++; p.named > p.limits.Rules {
			p.fail(at, "more than %d rules", p.limits.Rules)
		}
		id = p.newRule(name, at)
		p.ids[name] = id
	}
	return id
}

func (p *parser) newRule(name string, at int) int {
	p.rules = append(p.rules, nil)
	p.meta = append(p.meta, Rule{Name: name, at: at})
	p.spend(at, 1)
	return len(p.rules) - 1
}

// spend counts elements before they are made.
func (p *parser) spend(at, n int) {
	if p.size += n; p.size > p.limits.Elements {
		p.fail(at, "written out, the grammar has more than %d elements: use smaller repetitions", p.limits.Elements)
	}
}

func (p *parser) rule() {
	at := p.pos
	name := p.name()
	p.space(false)
	id := p.id(name, at)
	if p.rules[id] != nil {
		p.fail(at, "the rule %s is defined twice", name)
	}
	if !strings.HasPrefix(p.src[p.pos:], "::=") {
		p.fail(p.pos, "::= is expected")
	}
	p.meta[id].at = at
	p.pos += 3
	p.space(true)
	p.alternates(name, id, false)
	switch c := p.peek(); {
	case c == '\r' && p.at(1) == '\n':
		p.pos += 2
	case c == '\r' || c == '\n':
		p.pos++
	case c != 0:
		p.fail(p.pos, "the end of the line is expected, not %q", rune(c))
	}
	p.space(true)
}

func (p *parser) alternates(name string, id int, nested bool) {
	rule := p.sequence(nil, name, nested)
	for p.peek() == '|' {
		p.spend(p.pos, 1)
		rule = append(rule, Elem{Op: Alt, cost: 1})
		p.pos++
		p.space(true)
		rule = p.sequence(rule, name, nested)
	}
	p.rules[id] = append(rule, Elem{Op: End, cost: 1})
}

// sequence appends one alternative to rule.
func (p *parser) sequence(rule []Elem, name string, nested bool) []Elem {
	last := len(rule)
	for {
		at := p.pos
		switch c := p.peek(); {
		case c == '"':
			last = len(rule)
			rule = p.literal(rule)
		case c == '[':
			last = len(rule)
			rule = append(rule, p.class())
		case c == '<' || c == '!':
			p.fail(at, "tokens are not supported: write their text")
		case isWord(c):
			id := p.id(p.name(), at)
			p.spend(at, 1)
			last = len(rule)
			rule = append(rule, Elem{Op: Ref, Arg: int32(id), cost: 1})
		case c == '(':
			id := p.group(name)
			last = len(rule)
			rule = append(rule, Elem{Op: Ref, Arg: int32(id), cost: 1})
		case c == '.':
			p.pos++
			p.spend(at, 1)
			last = len(rule)
			rule = append(rule, Elem{Op: Set, Arg: p.set([]Range{{0, maxRune}}), cost: 1})
		case c == '*' || c == '+' || c == '?' || c == '{':
			rule = p.repeat(rule, last, name, nested)
		default:
			return rule
		}
		p.space(nested)
	}
}

func (p *parser) group(name string) int {
	at := p.pos
	if p.depth++; p.depth > p.limits.Groups {
		p.fail(at, "parentheses nest more than %d deep", p.limits.Groups)
	}
	p.pos++
	p.space(true)
	p.spend(at, 1)
	id := p.newRule(name, at)
	p.alternates(name, id, true)
	if p.peek() != ')' {
		p.fail(p.pos, "')' is expected, for the '(' in line %d", 1+strings.Count(p.src[:at], "\n"))
	}
	p.pos++
	p.depth--
	return id
}

// grammar puts the rules in a row once all are there.
func (p *parser) grammar() *Grammar {
	root, ok := p.ids["root"]
	if !ok {
		p.fail(0, "there is no rule root")
	}
	g := &Grammar{Rules: p.meta, Sets: p.sets, Root: root, Size: p.size, src: p.src}
	for i, rule := range p.rules {
		if rule == nil {
			p.fail(p.meta[i].at, "the rule %s is not defined", p.meta[i].Name)
		}
		g.Rules[i].Start = len(g.Elems)
		g.Elems = append(g.Elems, rule...)
	}
	return g
}
