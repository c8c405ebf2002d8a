package grammar

import (
	"math/big"
	"strings"
)

// How many digits a number has at most: generation has to end.
const (
	maxInteger  = 16
	maxFraction = 16
	maxExponent = 2
)

var (
	digit   = class{{'0', '9'}}
	nonzero = class{{'1', '9'}}
	minus1  = big.NewInt(-1)
	beyond  = new(big.Int).Exp(big.NewInt(10), big.NewInt(maxInteger), nil)
)

// wholePart is a whole number without a sign.
var wholePart = alt{lit("0"), seq{nonzero, rep{digit, 0, maxInteger - 1}}}

// integer is the whole numbers of a shape.
func (c *compiler) integer(s *shape) expr {
	if s.low == nil && s.high == nil {
		return seq{rep{lit("-"), 0, 1}, wholePart}
	}
	most := new(big.Int).Sub(beyond, big.NewInt(1))
	lo, hi := new(big.Int).Neg(most), most
	if s.low != nil {
		lo = larger(lo, ceil(s.low))
	}
	if s.high != nil {
		hi = new(big.Int).Neg(larger(new(big.Int).Neg(hi), new(big.Int).Neg(floor(s.high))))
	}
	var a alt
	if hi.Sign() >= 0 {
		a = append(a, wholeRange(larger(lo, new(big.Int)), hi))
	}
	if lo.Sign() < 0 {
		least := larger(new(big.Int).Neg(hi), big.NewInt(1)) // "-0" is not needed
		a = append(a, seq{lit("-"), wholeRange(least, new(big.Int).Neg(lo))})
	}
	return a
}

func larger(a, b *big.Int) *big.Int {
	if a.Cmp(b) >= 0 {
		return a
	}
	return b
}

// floor and ceil are the outermost whole numbers within a bound.
func floor(b *bound) *big.Int {
	q := new(big.Int).Div(b.at.Num(), b.at.Denom()) // rounds down, as denominators are positive
	if b.strict && b.at.IsInt() {
		q.Add(q, minus1)
	}
	return q
}

func ceil(b *bound) *big.Int {
	return new(big.Int).Neg(floor(&bound{new(big.Rat).Neg(b.at), b.strict}))
}

// wholeRange is the whole numbers from lo to hi, neither of them negative; nothing where lo > hi.
func wholeRange(lo, hi *big.Int) expr {
	var a alt
	for n := len(lo.String()); n <= len(hi.String()); n++ {
		from, to := lo.String(), hi.String()
		if n > len(from) {
			from = "1" + strings.Repeat("0", n-1)
		}
		if n < len(to) {
			to = strings.Repeat("9", n)
		}
		a = append(a, digitRange(from, to))
	}
	return a
}

// digitRange is the strings of digits from lo to hi, which are equally long.
func digitRange(lo, hi string) expr {
	n := len(lo)
	switch {
	case lo > hi:
		return never
	case lo == hi:
		return lit(lo)
	case strings.Trim(lo, "0") == "" && strings.Trim(hi, "9") == "":
		return rep{digit, n, n}
	case lo[0] == hi[0]:
		return seq{lit(lo[:1]), digitRange(lo[1:], hi[1:])}
	}
	first, last := rune(lo[0]), rune(hi[0])
	var a alt
	if strings.Trim(lo[1:], "0") != "" {
		a = append(a, seq{lit(lo[:1]), digitRange(lo[1:], strings.Repeat("9", n-1))})
		first++
	}
	var end expr
	if strings.Trim(hi[1:], "9") != "" {
		end = seq{lit(hi[:1]), digitRange(strings.Repeat("0", n-1), hi[1:])}
		last--
	}
	if first <= last {
		a = append(a, seq{class{{first, last}}, rep{digit, n - 1, n - 1}})
	}
	if end != nil {
		a = append(a, end)
	}
	return a
}

// number is the numbers of a shape.
func (c *compiler) number(s *shape) expr {
	if s.low == nil && s.high == nil {
		return seq{rep{lit("-"), 0, 1}, wholePart, rep{seq{lit("."), rep{digit, 1, maxFraction}}, 0, 1},
			rep{seq{class{{'E', 'E'}, {'e', 'e'}}, rep{class{{'+', '+'}, {'-', '-'}}, 0, 1}, rep{digit, 1, maxExponent}}, 0, 1}}
	}
	zero := &bound{at: new(big.Rat)}
	var a alt
	if s.high == nil || s.high.at.Sign() >= 0 {
		a = append(a, c.span(s, tighter(s.low, zero, 1), s.high))
	}
	if s.low == nil || s.low.at.Sign() < 0 {
		low, high := negative(s.high), negative(s.low)
		a = append(a, seq{lit("-"), c.span(s, tighter(low, zero, 1), high)})
	}
	return a
}

func negative(b *bound) *bound {
	if b == nil {
		return nil
	}
	return &bound{new(big.Rat).Neg(b.at), b.strict}
}

// span is the numbers from low to high, neither of them negative; high may be nil.
func (c *compiler) span(s *shape, low, high *bound) expr {
	if high == nil {
		high = &bound{new(big.Rat).SetInt(beyond), true}
	}
	if high.at.Cmp(new(big.Rat).SetInt(beyond)) >= 0 {
		high = &bound{new(big.Rat).SetInt(beyond), true}
	}
	if d := low.at.Cmp(high.at); d > 0 || d == 0 && (low.strict || high.strict) {
		return never
	}
	li, lf := c.split(s, low)
	hi, hf := c.split(s, high)
	if li.Cmp(hi) == 0 {
		return seq{lit(li.String()), fraction(between(lf, hf, low.strict, high.strict, maxFraction))}
	}
	one := big.NewInt(1)
	a := alt{seq{lit(li.String()), fraction(above(lf, low.strict, maxFraction))}}
	a = append(a, seq{wholeRange(new(big.Int).Add(li, one), new(big.Int).Sub(hi, one)), fraction(anyDigits(maxFraction))})
	if hi.Cmp(beyond) < 0 {
		a = append(a, seq{lit(hi.String()), fraction(below(hf, high.strict, maxFraction))})
	}
	return a
}

// split is a bound's whole part and the digits after its point, without zeros at the end.
func (c *compiler) split(s *shape, b *bound) (*big.Int, string) {
	text := b.at.FloatString(maxFraction)
	if back, _ := new(big.Rat).SetString(text); back.Cmp(b.at) != 0 {
		n := c.order[s.nodes[0]-1]
		panic(&Error{Pointer: n.v.pointer(), Reason: "a bound of the numbers has more digits than are supported"})
	}
	whole, frac, _ := strings.Cut(text, ".")
	i, _ := new(big.Int).SetString(whole, 10)
	return i, strings.TrimRight(frac, "0")
}

// tail is what the digits after a point may be: some, or none where none is so.
type tail struct {
	some expr // never where only none is possible
	none bool
}

// fraction puts the point before digits.
func fraction(t tail) expr {
	a := alt{seq{lit("."), t.some}}
	if t.none {
		a = append(a, seq(nil))
	}
	return a
}

// or is digits or none, without a point.
func (t tail) or() expr {
	if t.none {
		return alt{t.some, seq(nil)}
	}
	return t.some
}

func anyDigits(room int) tail {
	if room == 0 {
		return tail{never, true}
	}
	return tail{rep{digit, 1, room}, true}
}

// digitsFrom is one digit of a range and then any, as long as there is room; nothing where lo > hi.
func digitsFrom(lo, hi byte, room int) expr {
	if lo > hi || room == 0 {
		return never
	}
	return seq{class{{rune(lo), rune(hi)}}, rep{digit, 0, room - 1}}
}

// then is the digit d and what comes after it.
func then(d byte, t tail) expr { return seq{lit(string(d)), t.or()} }

// above is the digits of what is more than 0.f, or also that itself.
func above(f string, strict bool, room int) tail {
	if f == "" {
		if !strict {
			return anyDigits(room)
		}
		if room == 0 {
			return tail{never, false}
		}
		return tail{alt{digitsFrom('1', '9', room), then('0', above("", true, room-1))}, false}
	}
	return tail{alt{digitsFrom(f[0]+1, '9', room), then(f[0], above(f[1:], strict, room-1))}, false}
}

// below is the digits of what is less than 0.f, or also that itself.
func below(f string, strict bool, room int) tail {
	if f == "" {
		if strict {
			return tail{never, false}
		}
		if room == 0 {
			return tail{never, true}
		}
		return tail{rep{lit("0"), 1, room}, true}
	}
	return tail{alt{digitsFrom('0', f[0]-1, room), then(f[0], below(f[1:], strict, room-1))}, true}
}

// between is the digits of what is above 0.f and below 0.g.
func between(f, g string, strictF, strictG bool, room int) tail {
	if g == "" { // then so is f
		if strictF || strictG {
			return tail{never, false}
		}
		return below("", false, room)
	}
	if f == g && (strictF || strictG) || room == 0 {
		return tail{never, false}
	}
	d, rest := byte('0'), ""
	if f != "" {
		d, rest = f[0], f[1:]
	}
	none := f == "" && !strictF
	if d == g[0] {
		return tail{then(d, between(rest, g[1:], strictF, strictG, room-1)), none}
	}
	return tail{alt{
		then(d, above(rest, strictF, room-1)),
		digitsFrom(d+1, g[0]-1, room),
		then(g[0], below(g[1:], strictG, room-1)),
	}, none}
}
