package grammar

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// regex is a pattern: one of several branches, each of which is found somewhere in a text unless it is anchored.
type regex struct{ branches []branch }

type branch struct {
	start, end bool // anchored
	e          expr
}

// regexParser reads the part of ECMA-262's regular expressions that is a finite automaton and means the same in Go.
type regexParser struct {
	src   string
	pos   int
	depth int
}

// maxRegexDepth is how deep groups nest, maxRegexRepeat the largest number in {m,n}.
const (
	maxRegexDepth  = 32
	maxRegexRepeat = 1000
)

// regexError is what a pattern is refused for.
type regexError string

func (p *regexParser) fail(format string, args ...any) {
	panic(regexError(fmt.Sprintf(format, args...)))
}

// parseRegex reads a pattern.
func parseRegex(src string) (re *regex, err error) {
	defer func() {
		switch e := recover().(type) {
		case nil:
		case regexError:
			re, err = nil, fmt.Errorf("the pattern is not supported: %s", string(e))
		default:
			panic(e)
		}
	}()
	p := &regexParser{src: src}
	re = &regex{}
	for {
		b := branch{start: p.eat("^")}
		b.e = p.sequence()
		b.end = p.eat("$")
		re.branches = append(re.branches, b)
		if !p.eat("|") {
			break
		}
	}
	if p.pos < len(p.src) {
		p.fail("%q at character %d is not expected", p.peek(), p.pos)
	}
	return re, nil
}

func (p *regexParser) eat(s string) bool {
	ok := strings.HasPrefix(p.src[p.pos:], s)
	if ok {
		p.pos += len(s)
	}
	return ok
}

// peek is the character at hand, 0 at the end.
func (p *regexParser) peek() rune {
	if p.pos >= len(p.src) {
		return 0
	}
	r, _ := utf8.DecodeRuneInString(p.src[p.pos:])
	return r
}

func (p *regexParser) next() rune {
	if p.pos >= len(p.src) {
		p.fail("it ends too early")
	}
	r, n := utf8.DecodeRuneInString(p.src[p.pos:])
	p.pos += n
	return r
}

// sequence reads up to '|', ')', '$' or the end.
func (p *regexParser) sequence() expr {
	var s seq
	for p.pos < len(p.src) && !strings.ContainsRune("|)$", p.peek()) {
		s = append(s, p.quantified())
	}
	return s
}

func (p *regexParser) quantified() expr {
	e := p.atom()
	least, most, ok := p.quantifier()
	if !ok {
		return e
	}
	p.eat("?") // lazy: it finds the same texts
	if strings.ContainsRune("*+?{", p.peek()) && p.peek() != 0 {
		p.fail("a quantifier of a quantifier")
	}
	return rep{e, least, most}
}

func (p *regexParser) quantifier() (least, most int, ok bool) {
	switch {
	case p.eat("*"):
		return 0, -1, true
	case p.eat("+"):
		return 1, -1, true
	case p.eat("?"):
		return 0, 1, true
	case p.eat("{"):
		least = p.number()
		most = least
		if p.eat(",") {
			most = -1
			if p.peek() != '}' {
				most = p.number()
			}
		}
		if !p.eat("}") || most >= 0 && most < least {
			p.fail("a quantifier that is not {m}, {m,} or {m,n}")
		}
		return least, most, true
	}
	return 0, 0, false
}

func (p *regexParser) number() int {
	n, start := 0, p.pos
	for c := p.peek(); '0' <= c && c <= '9'; c = p.peek() {
		if n = n*10 + int(c-'0'); n > maxRegexRepeat {
			p.fail("more than %d repetitions", maxRegexRepeat)
		}
		p.pos++
	}
	if p.pos == start || p.pos > start+1 && p.src[start] == '0' { // Go takes {00} for text
		p.fail("a quantifier that is not {m}, {m,} or {m,n}")
	}
	return n
}

func (p *regexParser) atom() expr {
	c := p.next()
	switch c {
	case '(':
		return p.group()
	case '[':
		return p.set()
	case '.':
		return minus(class{{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}})
	case '\\':
		return p.escape(false)
	case '^':
		p.fail("'^' that is not at the start")
	case '*', '+', '?', '{', '}', ']':
		p.fail("%q that means nothing here", c)
	}
	return class{{c, c}}
}

func (p *regexParser) group() expr {
	if p.depth++; p.depth > maxRegexDepth {
		p.fail("groups nest more than %d deep", maxRegexDepth)
	}
	if p.eat("?") && !p.eat(":") {
		p.fail("a group that begins with \"(?\": lookaround, names and flags")
	}
	a := alt{p.sequence()}
	for p.eat("|") {
		a = append(a, p.sequence())
	}
	if p.peek() == '$' {
		p.fail("'$' that is not at the end")
	}
	if !p.eat(")") {
		p.fail("a group that has no end")
	}
	p.depth--
	return a
}

// set reads a class after its '['. In one that is negated, an escape takes all that somebody may take it for.
func (p *regexParser) set() class {
	not := p.eat("^")
	var sets []class
	for !p.eat("]") {
		lo, single := p.member(not)
		if p.peek() == '-' && !strings.HasPrefix(p.src[p.pos:], "-]") {
			p.pos++
			hi, alsoSingle := p.member(not)
			if !single || !alsoSingle || hi[0].lo < lo[0].lo {
				p.fail("a range in a class that is not from a character to a later one")
			}
			lo = class{{lo[0].lo, hi[0].lo}}
		}
		sets = append(sets, lo)
	}
	if not {
		return minus(union(sets...))
	}
	if len(sets) == 0 {
		p.fail("an empty class")
	}
	return intersect(union(sets...), anyRune)
}

// member reads one member of a class, and reports whether it is a single character.
func (p *regexParser) member(widest bool) (class, bool) {
	c := p.next()
	if c == '[' {
		p.fail("'[' in a class: write \\[")
	}
	if c != '\\' {
		return class{{c, c}}, true
	}
	if p.peek() == 'b' {
		p.fail("\\b in a class")
	}
	s := p.escape(widest)
	return s, len(s) == 1 && s[0].lo == s[0].hi
}

var (
	digits  = class{{'0', '9'}}
	word    = class{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}
	spaces  = class{{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}} // what Go takes \s for
	ecmaGap = class{{'\t', '\r'}, {' ', ' '}, {0xa0, 0xa0}, {0x1680, 0x1680}, {0x2000, 0x200a}, {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000}, {0xfeff, 0xfeff}}
)

// escape reads what comes after a '\'. Where readings differ it is what all take it for, or with widest what any does.
func (p *regexParser) escape(widest bool) class {
	c := p.next()
	gap := spaces
	if widest {
		gap = ecmaGap
	}
	switch c {
	case 'd':
		return digits
	case 'D':
		return minus(digits)
	case 'w':
		return word
	case 'W':
		return minus(word)
	case 's':
		return gap
	case 'S':
		if widest {
			return minus(spaces)
		}
		return minus(ecmaGap)
	case 'x':
		return p.code(2)
	case 'u':
		return p.code(4)
	}
	if i := strings.IndexRune("tnrfv", c); i >= 0 {
		c = rune("\t\n\r\f\v"[i])
	} else if !strings.ContainsRune(`^$\.*+?()[]{}|/-"'#%&,:;<=>@_!~`+"` ", c) {
		p.fail("the escape \\%c", c)
	}
	return class{{c, c}}
}

func (p *regexParser) code(n int) class {
	c := rune(0)
	for range n {
		i := strings.IndexRune("0123456789abcdef", p.next()|0x20)
		if i < 0 {
			p.fail("an escape that does not have %d hexadecimal digits", n)
		}
		c = c<<4 + rune(i)
	}
	if !has(anyRune, c) {
		p.fail("an escape that is half a surrogate pair")
	}
	return class{{c, c}}
}
