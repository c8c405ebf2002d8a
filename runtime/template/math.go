package template

import (
	"math"
	"math/bits"
	"strings"
)

// calculate does one operator on two values, as Python does.
func (r *run) calculate(op string, a, b value) (value, error) {
	r.spend(1)
	if v, ok, err := r.calculateItems(op, a, b); ok || err != nil {
		return v, err
	}
	x, xOK := integer(a)
	y, yOK := integer(b)
	if xOK && yOK {
		return integers(op, x, y)
	}
	f, fOK := float(a)
	g, gOK := float(b)
	if fOK && gOK {
		return floats(op, f, g)
	}
	for _, v := range []value{a, b} {
		if _, ok := v.(bigInt); ok {
			return nil, &LimitError{LimitInteger}
		}
	}
	return nil, mismatch(op, a, b)
}

// calculateItems does what operators do with strings, lists and tuples.
func (r *run) calculateItems(op string, a, b value) (value, bool, error) {
	if _, ok := text(a); ok && op == "%" {
		v, err := r.percent(a, b)
		return v, true, err
	}
	if op == "*" {
		if n, ok := integer(b); ok {
			if v, ok := r.repeat(a, n); ok {
				return v, true, nil
			}
		}
		if n, ok := integer(a); ok {
			if v, ok := r.repeat(b, n); ok {
				return v, true, nil
			}
		}
	}
	if op != "+" {
		return nil, false, nil
	}
	if s, ok := text(a); ok {
		if t, ok := text(b); ok {
			return r.join2(a, b, s, t), true, nil
		}
	}
	switch x := a.(type) {
	case *list:
		if y, ok := b.(*list); ok {
			return &list{r.joinItems(x.items, y.items)}, true, nil
		}
	case *tuple:
		if y, ok := b.(*tuple); ok {
			return &tuple{r.joinItems(x.items, y.items)}, true, nil
		}
	}
	return nil, false, nil
}

// join2 puts two strings together; what is markup has the other escaped.
func (r *run) join2(a, b value, s, t string) value {
	_, aSafe := a.(markup)
	_, bSafe := b.(markup)
	if aSafe != bSafe {
		if aSafe {
			t = r.escaped(t)
		} else {
			s = r.escaped(s)
		}
	}
	r.build(len(s) + len(t))
	if aSafe || bSafe {
		return markup(s + t)
	}
	return s + t
}

func (r *run) joinItems(a, b []value) []value {
	r.buildMany(len(a)+len(b), slot)
	return append(append(make([]value, 0, len(a)+len(b)), a...), b...)
}

// repeat is v n times over.
func (r *run) repeat(v value, n int64) (value, bool) {
	n = max(n, 0)
	times := func(size int) int {
		if size > 0 && n > int64(r.memory/size) {
			panic(&LimitError{LimitMemory})
		}
		r.build(int(n) * size)
		return int(n)
	}
	switch v := v.(type) {
	case string:
		return strings.Repeat(v, r.count(n, len(v), times)), true
	case markup:
		return markup(strings.Repeat(string(v), r.count(n, len(v), times))), true
	case *list:
		return &list{r.repeatItems(v.items, r.count(n, len(v.items)*slot, times))}, true
	case *tuple:
		return &tuple{r.repeatItems(v.items, r.count(n, len(v.items)*slot, times))}, true
	}
	return nil, false
}

// count is how often something of that size is repeated: what has no size is so once as often as it likes.
func (r *run) count(n int64, size int, times func(int) int) int {
	if size == 0 {
		return 0
	}
	return times(size)
}

func (r *run) repeatItems(items []value, n int) []value {
	out := make([]value, 0, len(items)*n)
	for range n {
		out = append(out, items...)
	}
	return out
}

func integers(op string, x, y int64) (value, error) {
	var v int64
	ok := true
	switch op {
	case "+":
		v = x + y
		ok = (v > x) == (y > 0)
	case "-":
		v = x - y
		ok = (v < x) == (y > 0)
	case "*":
		v, ok = multiply(x, y)
	case "/":
		if y == 0 {
			return nil, fail("division by zero")
		}
		return float64(x) / float64(y), nil
	case "//", "%":
		if y == 0 {
			return nil, fail("division by zero")
		}
		if x == math.MinInt64 && y == -1 {
			if op == "%" {
				return int64(0), nil
			}
			return nil, &LimitError{LimitInteger}
		}
		q, m := x/y, x%y
		if m != 0 && (m < 0) != (y < 0) {
			q, m = q-1, m+y
		}
		v = q
		if op == "%" {
			v = m
		}
	case "**":
		return power(x, y)
	}
	if !ok {
		return nil, &LimitError{LimitInteger}
	}
	return v, nil
}

func multiply(x, y int64) (int64, bool) {
	hi, lo := bits.Mul64(magnitude(x), magnitude(y))
	negative := (x < 0) != (y < 0)
	if hi != 0 || lo > 1<<63 || lo == 1<<63 && !negative {
		return 0, false
	}
	if negative {
		return -int64(lo), true
	}
	return int64(lo), true
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

func power(x, y int64) (value, error) {
	if y < 0 {
		return floats("**", float64(x), float64(y))
	}
	v := int64(1)
	for ok := true; y > 0; y >>= 1 {
		if y&1 == 1 {
			if v, ok = multiply(v, x); !ok {
				return nil, &LimitError{LimitInteger}
			}
		}
		if y > 1 {
			if x, ok = multiply(x, x); !ok {
				return nil, &LimitError{LimitInteger}
			}
		}
	}
	return v, nil
}

func floats(op string, f, g float64) (value, error) {
	switch op {
	case "+":
		return f + g, nil
	case "-":
		return f - g, nil
	case "*":
		return f * g, nil
	case "**":
		v := math.Pow(f, g)
		if math.IsInf(v, 0) && !math.IsInf(f, 0) && !math.IsInf(g, 0) || math.IsNaN(v) && !math.IsNaN(f) && !math.IsNaN(g) {
			return nil, fail("cannot raise %v to the power of %v", f, g)
		}
		return v, nil
	}
	if g == 0 {
		return nil, fail("division by zero")
	}
	switch op {
	case "/":
		return f / g, nil
	case "%":
		return floorMod(f, g), nil
	}
	m := math.Mod(f, g)
	q := (f - m) / g
	if m != 0 && (m < 0) != (g < 0) {
		q--
	}
	if q == 0 {
		return math.Copysign(0, f/g), nil
	}
	whole := math.Floor(q)
	if q-whole > 0.5 {
		whole++
	}
	return whole, nil
}

// floorMod is what is left of a division, with the sign of the divisor.
func floorMod(f, g float64) float64 {
	m := math.Mod(f, g)
	switch {
	case m == 0:
		return math.Copysign(0, g)
	case (m < 0) != (g < 0):
		return m + g
	}
	return m
}
