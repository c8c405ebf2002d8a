package gbnf

import "slices"

// repeat writes out a repetition of rule[last:], as handle_repetitions does:
//
//	S{m,n} → S … S (m times) S'(n-m), S'(x) ::= S S'(x-1) | , S'(1) ::= S |
//	S{m,}  → S … S (m times) S', S' ::= S S' |
func (p *parser) repeat(rule []Elem, last int, name string, nested bool) []Elem {
	at := p.pos
	least, most := p.times(nested)
	if last == len(rule) {
		p.fail(at, "there is nothing before it to repeat")
	}
	prev := slices.Clone(rule[last:])
	cost := 0
	for _, e := range prev {
		cost += int(e.cost)
	}
	if least == 0 {
		rule = rule[:last]
	}
	for range least - 1 {
		p.spend(at, cost)
		rule = append(rule, prev...)
	}
	optional, endless := most-least, most < 0
	if endless {
		optional = 1
	}
	tail := -1
	for i := range optional {
		p.spend(at, cost+4)
		id := p.newRule(name, at)
		body := slices.Clone(prev)
		if endless {
			tail = id
		}
		if endless || i > 0 {
			body = append(body, Elem{Op: Ref, Arg: int32(tail), cost: 1})
		}
		p.rules[id] = append(body, Elem{Op: Alt, cost: 1}, Elem{Op: End, cost: 1})
		tail = id
	}
	if optional > 0 {
		rule = append(rule, Elem{Op: Ref, Arg: int32(tail), cost: 1})
	}
	return rule
}

// times reads *, +, ? or {m,n}. most is -1 where there is no end.
func (p *parser) times(nested bool) (least, most int) {
	c := p.peek()
	p.pos++
	switch c {
	case '*':
		return 0, -1
	case '+':
		return 1, -1
	case '?':
		return 0, 1
	}
	p.space(nested)
	least = p.number()
	most = least
	p.space(nested)
	if p.peek() == ',' {
		p.pos++
		p.space(nested)
		most = -1
		if c := p.peek(); '0' <= c && c <= '9' {
			most = p.number()
			p.space(nested)
		}
	}
	if p.peek() != '}' {
		p.fail(p.pos, "'}' is expected")
	}
	if most >= 0 && most < least {
		p.fail(p.pos, "{%d,%d} ends before it begins", least, most) // in llama.cpp the difference wraps around
	}
	p.pos++
	return least, most
}

func (p *parser) number() int {
	at, n := p.pos, 0
	for c := p.peek(); '0' <= c && c <= '9'; c = p.peek() {
		if n = n*10 + int(c-'0'); n > MaxRepeat {
			p.fail(at, "more than %d repetitions", MaxRepeat)
		}
		p.pos++
	}
	if p.pos == at {
		p.fail(at, "a number is expected")
	}
	return n
}
