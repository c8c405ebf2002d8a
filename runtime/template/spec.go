package template

import (
	"math"
	"strconv"
	"strings"
)

// spec says how a value is written: the flags of "%-5d", or what follows the colon of "{:>5d}".
type spec struct {
	fill      string
	align     byte // '<', '>', '^' or '=', which puts the fill between sign and digits
	sign      byte // '+', ' ' or 0
	alt       bool // "#"
	comma     byte // ',' or '_' between thousands, or 0
	width     int
	precision int // -1 is none
	kind      byte
	left      bool
}

// flag takes one of "#0- +".
func (f *spec) flag(c byte) {
	switch c {
	case '#':
		f.alt = true
	case '-':
		f.left, f.align, f.fill = true, '<', " "
	case '0':
		if !f.left {
			f.align, f.fill = '=', "0"
		}
	case '+':
		f.sign = '+'
	case ' ':
		if f.sign == 0 {
			f.sign = ' '
		}
	}
}

// padded brings a sign and what follows it to the width.
func (r *run) padded(f *spec, sign, s string) string {
	n := int64(f.width - runes(sign) - runes(s))
	if n <= 0 {
		return sign + s
	}
	switch f.align {
	case '<':
		return sign + s + r.fill(f.fill, n)
	case '^':
		return r.fill(f.fill, n/2) + sign + s + r.fill(f.fill, n-n/2)
	case '=':
		return sign + r.fill(f.fill, n) + s
	}
	return r.fill(f.fill, n) + sign + s
}

// plain writes a string: the precision is how much of it.
func (r *run) plain(f *spec, s string) string {
	r.handle(len(s))
	if f.precision >= 0 && runes(s) > f.precision {
		s = r.cut(s, 0, f.precision)
	}
	g := *f
	if g.align == '=' {
		g.align, g.fill = '>', " "
	}
	return r.padded(&g, "", s)
}

// signed is the sign that goes before a number.
func (f *spec) signed(negative bool) string {
	switch {
	case negative:
		return "-"
	case f.sign != 0:
		return string(f.sign)
	}
	return ""
}

// int writes an integer.
func (r *run) int(f *spec, n int64) string {
	base, prefix := 10, ""
	switch f.kind {
	case 'o':
		base, prefix = 8, "0o"
	case 'x', 'X':
		base, prefix = 16, "0"+string(f.kind)
	case 'b':
		base, prefix = 2, "0b"
	}
	s := strconv.FormatUint(magnitude(n), base)
	if f.kind == 'X' {
		s = strings.ToUpper(s)
	}
	if !f.alt {
		prefix = ""
	}
	g := *f
	if g.precision > len(s) {
		s = r.fill("0", int64(g.precision-len(s))) + s
	}
	return r.padded(&g, f.signed(n < 0)+prefix, group(s, f.comma))
}

// digits writes a decimal number that is given as its digits.
func (r *run) digits(f *spec, s string, negative bool) string {
	if f.precision > len(s) {
		s = r.fill("0", int64(f.precision-len(s))) + s
	}
	return r.padded(f, f.signed(negative), group(s, f.comma))
}

// group puts a separator between thousands.
func group(s string, sep byte) string {
	if sep == 0 {
		return s
	}
	whole, rest := s, ""
	if i := strings.IndexAny(s, ".e"); i >= 0 {
		whole, rest = s[:i], s[i:]
	}
	var b strings.Builder
	for i := range len(whole) {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(sep)
		}
		b.WriteByte(whole[i])
	}
	return b.String() + rest
}

// maxPrecision is more digits than any float has.
const maxPrecision = 1100

// float writes a float.
func (r *run) float(f *spec, x float64) string {
	g := *f
	sign := f.signed(math.Signbit(x) && !math.IsNaN(x))
	if math.IsNaN(x) || math.IsInf(x, 0) {
		s := strings.TrimLeft(floatText(x), "-")
		if f.kind == 'E' || f.kind == 'F' || f.kind == 'G' {
			s = strings.ToUpper(s)
		}
		if g.fill == "0" && g.align == '=' {
			g.fill = " " // Python pads what is no number with zeros only in str.format
			g.align = '>'
		}
		return r.padded(&g, sign, s)
	}
	if g.precision < 0 {
		g.precision = 6
	}
	if g.precision > maxPrecision {
		panic(&LimitError{LimitMemory})
	}
	r.build(maxPrecision)
	return r.padded(&g, sign, group(floatDigits(&g, math.Abs(x)), f.comma))
}

// floatDigits are the digits of a float that is finite and has no sign.
func floatDigits(f *spec, x float64) string {
	switch f.kind {
	case 'f', 'F':
		s := strconv.FormatFloat(x, 'f', f.precision, 64)
		if f.alt && f.precision == 0 {
			s += "."
		}
		return s
	case 'e', 'E':
		s := strconv.FormatFloat(x, 'e', f.precision, 64)
		if f.alt && f.precision == 0 {
			s = strings.Replace(s, "e", ".e", 1)
		}
		return ifUpper(f.kind == 'E', s)
	}
	return ifUpper(f.kind == 'G', general(x, f.precision, f.alt))
}

func ifUpper(yes bool, s string) string {
	if yes {
		return strings.ToUpper(s)
	}
	return s
}

// general is C's %g: so many digits, without the zeros at the end unless they are asked for.
func general(x float64, precision int, keep bool) string {
	precision = max(precision, 1)
	e := strconv.FormatFloat(x, 'e', precision-1, 64)
	exp, _ := strconv.Atoi(e[strings.IndexByte(e, 'e')+1:])
	if exp < -4 || exp >= precision {
		mantissa, power, _ := strings.Cut(e, "e")
		return trimZeros(mantissa, keep) + "e" + power
	}
	return trimZeros(strconv.FormatFloat(x, 'f', precision-1-exp, 64), keep)
}

func trimZeros(s string, keep bool) string {
	if keep {
		if !strings.Contains(s, ".") {
			s += "."
		}
		return s
	}
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}
