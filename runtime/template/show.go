package template

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// str is Python's str(v).
func (r *run) str(v value) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case markup:
		return string(v), nil
	case undefined:
		return "", nil
	case nil:
		return "None", nil
	case bool:
		if v {
			return "True", nil
		}
		return "False", nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case bigInt:
		return string(v), nil
	case float64:
		return floatText(v), nil
	}
	var b []byte
	if err := r.repr(&b, v); err != nil {
		return "", err
	}
	return string(b), nil
}

// grow appends to a text that is being made.
func (r *run) grow(b *[]byte, s string) {
	r.build(len(s))
	*b = append(*b, s...)
}

// repr appends Python's repr(v).
func (r *run) repr(b *[]byte, v value) error {
	r.enter()
	defer r.leave()
	switch v := v.(type) {
	case string:
		r.read(len(v))
		r.grow(b, quote(v))
		return nil
	case markup:
		r.read(len(v))
		r.grow(b, "Markup("+quote(string(v))+")")
		return nil
	case undefined:
		r.grow(b, "Undefined")
		return nil
	case *list:
		return r.reprItems(b, "[", v.items, "]")
	case *tuple:
		end := ")"
		if len(v.items) == 1 {
			end = ",)"
		}
		return r.reprItems(b, "(", v.items, end)
	case *dict:
		return r.reprDict(b, v)
	case *span:
		r.grow(b, v.String())
		return nil
	case *view:
		r.grow(b, "dict_"+v.what+"(")
		err := r.reprItems(b, "[", r.viewItems(v), "]")
		r.grow(b, ")")
		return err
	case *namespace:
		r.grow(b, "<Namespace ")
		err := r.reprDict(b, v.d)
		r.grow(b, ">")
		return err
	case *generator, *function, *loop:
		// Python says where it lies in memory.
		r.grow(b, "<"+typeName(v)+">")
		return nil
	}
	s, err := r.str(v)
	r.grow(b, s)
	return err
}

func (r *run) reprItems(b *[]byte, open string, items []value, end string) error {
	r.grow(b, open)
	for i, item := range items {
		if i > 0 {
			r.grow(b, ", ")
		}
		if err := r.repr(b, item); err != nil {
			return err
		}
	}
	r.grow(b, end)
	return nil
}

func (r *run) reprDict(b *[]byte, d *dict) error {
	r.grow(b, "{")
	for i, k := range d.keys {
		if i > 0 {
			r.grow(b, ", ")
		}
		if err := r.repr(b, k); err != nil {
			return err
		}
		r.grow(b, ": ")
		if err := r.repr(b, d.values[i]); err != nil {
			return err
		}
	}
	r.grow(b, "}")
	return nil
}

// quote is Python's repr of a string.
func quote(s string) string {
	q := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		q = '"'
	}
	var b strings.Builder
	b.WriteByte(q)
	for _, c := range s {
		switch {
		case c == rune(q) || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\t':
			b.WriteString(`\t`)
		case unicode.IsPrint(c):
			b.WriteRune(c)
		case c < 0x100:
			b.WriteString(hexCode(`\x`, c, 2))
		case c < 0x10000:
			b.WriteString(hexCode(`\u`, c, 4))
		default:
			b.WriteString(hexCode(`\U`, c, 8))
		}
	}
	b.WriteByte(q)
	return b.String()
}

// hexCode writes a character by its number.
func hexCode(prefix string, c rune, digits int) string {
	var b [10]byte
	n := copy(b[:], prefix)
	for i := digits - 1; i >= 0; i-- {
		b[n] = "0123456789abcdef"[c>>(4*i)&15]
		n++
	}
	return string(b[:n])
}

// floatText is Python's repr of a float: the shortest digits that say it, with an exponent below 1e-4 and from 1e16 on.
func floatText(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

func (s *span) String() string {
	if s.step == 1 {
		return fmt.Sprintf("range(%d, %d)", s.start, s.stop)
	}
	return fmt.Sprintf("range(%d, %d, %d)", s.start, s.stop, s.step)
}

// runes is how many characters s has.
func runes(s string) int { return utf8.RuneCountInString(s) }
