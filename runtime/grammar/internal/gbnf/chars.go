package gbnf

import (
	"fmt"
	"slices"
	"unicode/utf8"
)

// maxRune is beyond what Unicode has: \U takes any 31 bits.
const maxRune = 0x7fffffff

// literal appends the code points of a "…".
func (p *parser) literal(rule []Elem) []Elem {
	open := p.pos
	p.pos++
	for p.peek() != '"' {
		if p.peek() == 0 {
			p.fail(open, "the text in quotes has no end")
		}
		p.spend(p.pos, 1)
		c := p.char()
		rule = append(rule, Elem{Op: Set, Arg: p.set([]Range{{c, c}}), cost: 1})
	}
	p.pos++
	return rule
}

// class reads a […]. One without characters is nothing at all in llama.cpp, which nobody means.
func (p *parser) class() Elem {
	open, cost := p.pos, 0
	p.pos++
	not := p.peek() == '^'
	if not {
		p.pos++
	}
	var set []Range
	for p.peek() != ']' {
		if p.peek() == 0 {
			p.fail(open, "the class has no end")
		}
		r := Range{}
		p.spend(p.pos, 1)
		cost++
		r.Lo = p.char()
		r.Hi = r.Lo
		if p.peek() == '-' && p.at(1) != ']' {
			p.pos++
			p.spend(p.pos, 1)
			cost++
			at := p.pos
			if r.Hi = p.char(); r.Hi < r.Lo {
				p.fail(at, "the range ends before it begins")
			}
		}
		set = append(set, r)
	}
	if len(set) == 0 {
		p.fail(open, "the class is empty")
	}
	p.pos++
	set = normal(set)
	if not {
		set = complement(set)
	}
	return Elem{Op: Set, Arg: p.set(set), cost: int32(cost)}
}

// char reads one character of a text or a class.
func (p *parser) char() rune {
	if p.peek() == 0 {
		p.fail(p.pos, "unexpected end")
	}
	if p.peek() != '\\' {
		r, n := utf8.DecodeRuneInString(p.src[p.pos:])
		p.pos += n
		return r
	}
	c := p.at(1)
	switch c {
	case 'x':
		return p.hex(2)
	case 'u':
		return p.hex(4)
	case 'U':
		return p.hex(8)
	case 't':
		c = '\t'
	case 'r':
		c = '\r'
	case 'n':
		c = '\n'
	case '\\', '"', '[', ']':
	default:
		p.fail(p.pos, "an escape that GBNF does not have")
	}
	p.pos += 2
	return rune(c)
}

func (p *parser) hex(n int) rune {
	at := p.pos
	p.pos += 2
	v := uint32(0)
	for range n {
		c := p.peek()
		switch {
		case '0' <= c && c <= '9':
			v = v<<4 + uint32(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			v = v<<4 + uint32(c|0x20-'a') + 10
		default:
			p.fail(at, "%d hexadecimal digits are expected", n)
		}
		p.pos++
	}
	if v > maxRune {
		p.fail(at, "there is no such code point")
	}
	return rune(v)
}

// set returns where a set lies in sets; equal ones are kept once.
func (p *parser) set(s []Range) int32 {
	key := fmt.Sprint(s)
	id, ok := p.setIDs[key]
	if !ok {
		id = len(p.sets)
		p.sets = append(p.sets, s)
		p.setIDs[key] = id
	}
	return int32(id)
}

// normal sorts ranges and joins those that touch.
func normal(s []Range) []Range {
	slices.SortFunc(s, func(a, b Range) int { return int(a.Lo) - int(b.Lo) })
	out := s[:0]
	for _, r := range s {
		if n := len(out); n > 0 && int64(r.Lo) <= int64(out[n-1].Hi)+1 {
			out[n-1].Hi = max(out[n-1].Hi, r.Hi)
		} else {
			out = append(out, r)
		}
	}
	return out
}

// complement is what a normal set leaves. It may be nothing.
func complement(s []Range) []Range {
	var out []Range
	next := int64(0)
	for _, r := range s {
		if int64(r.Lo) > next {
			out = append(out, Range{rune(next), r.Lo - 1})
		}
		next = int64(r.Hi) + 1
	}
	if next <= maxRune {
		out = append(out, Range{rune(next), maxRune})
	}
	return out
}

// Has reports whether a code point is in a set.
func Has(set []Range, c rune) bool {
	_, ok := slices.BinarySearchFunc(set, c, func(r Range, c rune) int {
		switch {
		case c < r.Lo:
			return 1
		case c > r.Hi:
			return -1
		}
		return 0
	})
	return ok
}
