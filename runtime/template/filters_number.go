package template

import (
	"math"
	"strconv"
	"strings"
)

func filterAbs(_ *run, v value, a *args) (value, error) {
	if _, err := a.bind("abs", 0); err != nil {
		return nil, err
	}
	if n, ok := integer(v); ok {
		if n < 0 {
			return integers("-", 0, n)
		}
		return n, nil
	}
	switch v := v.(type) {
	case float64:
		return math.Abs(v), nil
	case bigInt:
		return bigInt(strings.TrimPrefix(string(v), "-")), nil
	}
	return nil, typeMistake("take the absolute value of", v)
}

// parseInt is Python's int(text, base); false is a ValueError.
func parseInt(s string, base int) (value, bool, error) {
	s = trimRight(trimLeft(s))
	digits := strings.TrimLeft(s, "+-")
	if len(s)-len(digits) > 1 || digits == "" || digits[0] == '_' || digits[len(digits)-1] == '_' || strings.Contains(digits, "__") {
		return nil, false, nil
	}
	negative := s[0] == '-'
	digits = strings.ReplaceAll(strings.ToLower(digits), "_", "")
	for prefix, b := range map[string]int{"0x": 16, "0o": 8, "0b": 2} {
		if rest, ok := strings.CutPrefix(digits, prefix); ok && (base == b || base == 0) {
			digits, base = rest, b
			break
		}
	}
	if base == 0 {
		if len(digits) > 1 && digits[0] == '0' && strings.Trim(digits, "0") != "" {
			return nil, false, nil
		}
		base = 10
	}
	n, err := strconv.ParseUint(digits, base, 64)
	if err != nil {
		if e, ok := err.(*strconv.NumError); ok && e.Err == strconv.ErrRange {
			return nil, false, &LimitError{LimitInteger}
		}
		return nil, false, nil
	}
	if n > 1<<63 || n == 1<<63 && !negative {
		return nil, false, &LimitError{LimitInteger}
	}
	if negative {
		return -int64(n), true, nil
	}
	return int64(n), true, nil
}

// parseFloat is Python's float(text).
func parseFloat(s string) (float64, bool) {
	s = strings.ToLower(trimRight(trimLeft(s)))
	switch strings.TrimLeft(s, "+-") {
	case "inf", "infinity", "nan":
	default:
		if strings.ContainsAny(s, "xpin") || strings.Contains(s, "__") || strings.HasPrefix(s, "_") || strings.HasSuffix(s, "_") {
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
	return f, err == nil || math.IsInf(f, 0)
}

func filterInt(r *run, v value, a *args) (value, error) {
	in, err := a.bind("int", 0, "default", "base")
	if err != nil {
		return nil, err
	}
	base, err := intOr(in[1], 10)
	if err != nil || base < 0 || base > 36 || base == 1 {
		return nil, fail("int() base must be >= 2 and <= 36, or 0")
	}
	switch x := v.(type) {
	case undefined:
		return nil, fail("%s", x.why)
	case bigInt:
		return x, nil
	case float64:
		return toInt(x)
	}
	if n, ok := integer(v); ok {
		return n, nil
	}
	if s, ok := text(v); ok {
		r.read(len(s))
		n, ok, err := parseInt(s, int(base))
		if ok || err != nil {
			return n, err
		}
		if f, ok := parseFloat(s); ok {
			return toInt(f)
		}
	}
	if given(in[0]) {
		return in[0], nil
	}
	return int64(0), nil
}

func filterFloat(r *run, v value, a *args) (value, error) {
	in, err := a.bind("float", 0, "default")
	if err != nil {
		return nil, err
	}
	switch x := v.(type) {
	case undefined:
		return nil, fail("%s", x.why)
	case bigInt:
		f, _ := strconv.ParseFloat(string(x), 64)
		if math.IsInf(f, 0) {
			return nil, &LimitError{LimitInteger}
		}
		return f, nil
	}
	if f, ok := float(v); ok {
		return f, nil
	}
	if s, ok := text(v); ok {
		r.read(len(s))
		if f, ok := parseFloat(s); ok {
			return f, nil
		}
	}
	if given(in[0]) {
		return in[0], nil
	}
	return 0.0, nil
}

func filterRound(_ *run, v value, a *args) (value, error) {
	in, err := a.bind("round", 0, "precision", "method")
	if err != nil {
		return nil, err
	}
	precision, err := intOr(in[0], 0)
	if err != nil {
		return nil, err
	}
	how, err := textOr(in[1], "common")
	if err != nil {
		return nil, err
	}
	if precision > 300 || precision < -300 {
		return nil, fail("round() cannot do %d digits", precision)
	}
	f, ok := float(v)
	if !ok {
		return nil, typeMistake("round", v)
	}
	tens := math.Pow(10, float64(precision))
	switch how {
	case "common":
		if n, isInt := integer(v); isInt {
			return roundInt(n, precision)
		}
		return roundFloat(f, int(precision)), nil
	case "ceil", "floor":
		if f *= tens; math.IsInf(f, 0) || math.IsNaN(f) {
			return nil, fail("cannot round this number")
		}
		if how == "ceil" {
			f = math.Ceil(f)
		} else {
			f = math.Floor(f)
		}
		return (f + 0) / tens, nil // no -0: Python's ceil and floor are integers
	}
	return nil, fail("method must be common, ceil or floor")
}

// roundInt rounds to tens, hundreds and so on where precision is below 0; halves go to the even side.
func roundInt(n, precision int64) (value, error) {
	if precision >= 0 {
		return n, nil
	}
	if precision < -18 {
		return int64(0), nil
	}
	unit, _ := power(10, -precision)
	u := unit.(int64)
	q, m := n/u, n%u
	if m < 0 {
		q, m = q-1, m+u
	}
	if m > u-m || m == u-m && q%2 != 0 {
		q++
	}
	v, ok := multiply(q, u)
	if !ok {
		return nil, &LimitError{LimitInteger}
	}
	return v, nil
}

// roundFloat rounds what the float is exactly, halves to the even side.
func roundFloat(f float64, precision int) float64 {
	if precision >= 0 {
		v, _ := strconv.ParseFloat(strconv.FormatFloat(f, 'f', precision, 64), 64)
		return v
	}
	tens := math.Pow(10, float64(-precision))
	if v := math.RoundToEven(f/tens) * tens; v != 0 {
		return v
	}
	return math.Copysign(0, f)
}

func filterSum(r *run, v value, a *args) (value, error) {
	in, err := a.bind("sum", 0, "attribute", "start")
	if err != nil {
		return nil, err
	}
	var total value = int64(0)
	if given(in[1]) {
		total = in[1]
	}
	if _, ok := text(total); ok {
		return nil, fail("sum() can't sum strings")
	}
	next, err := r.iterate(v)
	if err != nil {
		return nil, typeMistake("sum", v)
	}
	for {
		item, ok, err := next()
		if err != nil || !ok {
			return total, err
		}
		if item, err = r.attributeOf(item, in[0]); err != nil {
			return nil, err
		}
		if total, err = r.calculate("+", total, item); err != nil {
			return nil, err
		}
	}
}

// extreme makes min and max: the first of the items that no other goes beyond.
func extreme(name string, side int) filter {
	return func(r *run, v value, a *args) (value, error) {
		in, err := a.bind(name, 0, "case_sensitive", "attribute")
		if err != nil {
			return nil, err
		}
		next, err := r.iterate(v)
		if err != nil {
			return nil, typeMistake("look through", v)
		}
		var best, bestKey value = undefined{"No aggregated item, sequence was empty."}, nil
		for first := true; ; first = false {
			item, ok, err := next()
			if err != nil || !ok {
				return best, err
			}
			key, err := r.attributeOf(item, in[1])
			if err != nil {
				return nil, err
			}
			if !given(in[0]) || !truth(in[0]) {
				key = r.folded(key)
			}
			c := side
			if !first {
				if c, err = r.order(map[int]string{-1: "<", 1: ">"}[side], key, bestKey); err != nil {
					return nil, err
				}
			}
			if c == side {
				best, bestKey = item, key
			}
		}
	}
}

// folded is a string in lower case, and anything else as it is.
func (r *run) folded(v value) value {
	if s, ok := text(v); ok {
		r.recase(s)
		return lower(s)
	}
	return v
}
