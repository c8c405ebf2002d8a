package grammar

import (
	"slices"
	"unicode/utf8"
)

// runes is a range of code points, both ends within.
type runes struct{ lo, hi rune }

// expr is what a part of a text may be.
type expr interface{ isExpr() }

type (
	// lit is a text.
	lit string
	// class is one code point.
	class []runes
	// seq is one after another; none is the empty text.
	seq []expr
	// alt is one of several; none is what cannot be.
	alt []expr
	// rep is e so many times; most < 0 is without end.
	rep struct {
		e           expr
		least, most int
	}
	// ref is what a rule says.
	ref int
)

func (lit) isExpr()   {}
func (class) isExpr() {}
func (seq) isExpr()   {}
func (alt) isExpr()   {}
func (rep) isExpr()   {}
func (ref) isExpr()   {}

// never is what cannot be.
var never = alt(nil)

// rules are the rules of a grammar; the first is root.
type rules struct {
	list   []expr
	names  []string
	budget *budget
}

// budget is what a grammar may cost.
type budget struct {
	work   int
	limits Limits
}

// spend counts steps.
func (b *budget) spend(n int) {
	if b.work -= n; b.work < 0 {
		panic(&Error{Reason: "the schema takes too much work: it may take no more steps"})
	}
}

// reserve makes a rule that is defined later. hint begins its name.
func (r *rules) reserve(hint string) ref {
	r.budget.spend(1)
	if len(r.list) >= r.budget.limits.Rules {
		panic(&Error{Reason: "the schema needs too many rules"})
	}
	r.list = append(r.list, nil)
	r.names = append(r.names, hint)
	return ref(len(r.list) - 1)
}

// add makes a rule.
func (r *rules) add(hint string, e expr) ref {
	n := r.reserve(hint)
	r.list[n] = e
	return n
}

// maxShortest is how many characters the shortest text may have: no context holds more.
const maxShortest = 1 << 16

// prune takes away what can never become a text, or none that is not too long, so that nobody is led into it. It reports
// whether root is left.
func (r *rules) prune() bool {
	shortest := make([]int, len(r.list))
	for i := range shortest {
		shortest[i] = tooLong
	}
	for changed := true; changed; {
		changed = false
		for i, e := range slices.Backward(r.list) { // what a rule needs mostly comes after it
			r.budget.spend(1)
			if n := r.shortest(e, shortest); n < shortest[i] {
				shortest[i], changed = n, true
			}
		}
	}
	if shortest[0] == tooLong {
		return false
	}
	for i, e := range r.list {
		r.list[i] = r.without(e, shortest)
	}
	return true
}

const tooLong = maxShortest + 1

// shortest is how many characters the shortest text of e has, tooLong where there is none.
func (r *rules) shortest(e expr, known []int) int {
	n := 0
	switch e := e.(type) {
	case lit:
		n = utf8.RuneCountInString(string(e))
	case class:
		if n = 1; len(e) == 0 {
			n = tooLong
		}
	case seq:
		for _, x := range e {
			n = min(n+r.shortest(x, known), tooLong)
		}
	case alt:
		n = tooLong
		for _, x := range e {
			n = min(n, r.shortest(x, known))
		}
	case rep:
		if e.least > 0 {
			n = e.least * r.shortest(e.e, known)
		}
	case ref:
		n = known[e]
	}
	return min(n, tooLong)
}

func (r *rules) without(e expr, known []int) expr {
	if r.shortest(e, known) == tooLong {
		return never
	}
	switch e := e.(type) {
	case class:
		if len(e) == 1 && e[0].lo == e[0].hi {
			return lit(string(e[0].lo))
		}
	case seq:
		return flat(r, e, known)
	case alt:
		return flat(r, e, known)
	case rep:
		if e.most == 0 || r.shortest(e.e, known) == tooLong {
			return seq(nil)
		}
		e.e = r.without(e.e, known)
		return e
	}
	return e
}

// flat is what without makes of the parts of a sequence or of alternatives. What is of the same kind among them is taken apart.
func flat[E ~[]expr](r *rules, parts E, known []int) expr {
	var out E
	for _, x := range parts {
		x = r.without(x, known)
		if in, same := any(x).(E); same {
			out = append(out, in...)
		} else {
			out = append(out, x)
		}
	}
	if len(out) == 1 {
		return out[0]
	}
	return any(out).(expr)
}

// repeat is e from least to most times. Long ones are made of blocks, as llama.cpp makes a rule of each optional one:
// that takes two ways at once at most, and suits what is one character long.
func (r *rules) repeat(e ref, least, most int) expr {
	if most < 0 {
		return seq{r.exactly(e, least), rep{e, 0, -1}}
	}
	n := most - least
	if n <= repeatPlain {
		return seq{r.exactly(e, least), rep{e, 0, n}}
	}
	block := repeatPlain
	for (n+1)/block > block {
		block *= 2
	}
	b := r.add("block", rep{e, block, block})
	q, rest := (n+1)/block, (n+1)%block // n = q*block + rest - 1
	tail := alt{seq{rep{b, 0, q - 1}, rep{e, 0, block - 1}}}
	if rest > 0 {
		tail = append(tail, seq{rep{b, q, q}, rep{e, 0, rest - 1}})
	}
	return seq{r.exactly(e, least), tail}
}

// repeatPlain is up to how many repetitions are written as they are.
const repeatPlain = 64

func (r *rules) exactly(e ref, n int) expr {
	if n <= repeatPlain {
		return rep{e, n, n}
	}
	b := r.add("block", rep{e, repeatPlain, repeatPlain})
	return seq{r.exactly(b, n/repeatPlain), rep{e, n % repeatPlain, n % repeatPlain}}
}
