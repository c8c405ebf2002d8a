package grammar

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// kind is the kind of a JSON value.
type kind uint8

const (
	isNull kind = iota
	isBool
	isNumber
	isString
	isArray
	isObject
)

// value is JSON as it was written: members keep their order, numbers their digits.
type value struct {
	kind  kind
	bool  bool
	text  string // of a string; of a number its digits
	keys  []string
	items []*value

	parent *value
	token  string // its name or number in parent

	byKey map[string]int // where a member is, of an object
	canon string         // see same
}

// get returns a member, nil where there is none.
func (v *value) get(key string) *value {
	if i, ok := v.byKey[key]; ok {
		return v.items[i]
	}
	return nil
}

// same is equal for values that JSON Schema takes for equal: numbers by what they are, objects in any order. Numbers have
// to be exact.
func (v *value) same() string {
	if v.canon != "" {
		return v.canon
	}
	var parts []string
	switch v.kind {
	case isNull:
		v.canon = "null"
	case isBool:
		v.canon = strconv.FormatBool(v.bool)
	case isNumber:
		v.canon = v.number().RatString()
	case isString:
		v.canon = strconv.Quote(v.text)
	case isArray:
		for _, item := range v.items {
			parts = append(parts, item.same())
		}
		v.canon = "[" + strings.Join(parts, ",") + "]"
	case isObject:
		for i, key := range v.keys {
			parts = append(parts, strconv.Quote(key)+":"+v.items[i].same())
		}
		slices.Sort(parts)
		v.canon = "{" + strings.Join(parts, ",") + "}"
	}
	return v.canon
}

// pointer is the JSON pointer of v.
func (v *value) pointer() string {
	var tokens []string
	for ; v != nil && v.parent != nil; v = v.parent {
		tokens = append(tokens, escapePointer(v.token))
	}
	if len(tokens) == 0 {
		return ""
	}
	slices.Reverse(tokens)
	return "/" + strings.Join(tokens, "/")
}

func escapePointer(s string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(s)
}

// reader reads JSON. It is not encoding/json because the order of members counts, a name may not come twice, and depth
// is bounded.
type reader struct {
	src   string
	pos   int
	depth int
}

func parseJSON(src []byte, depth int) *value {
	if !utf8.Valid(src) {
		panic(&Error{Reason: "the schema is not UTF-8"})
	}
	r := &reader{src: string(src), depth: depth}
	v := r.value(nil, "")
	if r.space(); r.pos < len(r.src) {
		r.fail("something comes after the schema")
	}
	return v
}

func (r *reader) fail(format string, args ...any) {
	panic(&Error{Reason: fmt.Sprintf("the schema is not JSON: at byte %d: ", r.pos) + fmt.Sprintf(format, args...)})
}

func (r *reader) space() {
	for r.pos < len(r.src) && strings.IndexByte(" \t\r\n", r.src[r.pos]) >= 0 {
		r.pos++
	}
}

func (r *reader) peek() byte {
	if r.pos < len(r.src) {
		return r.src[r.pos]
	}
	return 0
}

func (r *reader) value(parent *value, token string) *value {
	v := &value{parent: parent, token: token}
	r.space()
	switch c := r.peek(); {
	case c == '{' || c == '[':
		if r.depth--; r.depth < 0 {
			panic(&Error{Pointer: v.pointer(), Reason: "the schema nests too deep"})
		}
		r.many(v, c)
		r.depth++
	case c == '"':
		v.kind, v.text = isString, r.str()
	case c == '-' || '0' <= c && c <= '9':
		v.kind, v.text = isNumber, r.number()
	case r.word("true"):
		v.kind, v.bool = isBool, true
	case r.word("false"):
		v.kind = isBool
	case r.word("null"):
	default:
		r.fail("a value is expected")
	}
	return v
}

func (r *reader) word(w string) bool {
	ok := strings.HasPrefix(r.src[r.pos:], w)
	if ok {
		r.pos += len(w)
	}
	return ok
}

// many reads an array or an object.
func (r *reader) many(v *value, open byte) {
	end := byte(']')
	v.kind = isArray
	if open == '{' {
		v.kind, end = isObject, '}'
		v.byKey = map[string]int{}
	}
	r.pos++
	if r.space(); r.peek() == end {
		r.pos++
		return
	}
	for {
		token := strconv.Itoa(len(v.items))
		if r.space(); v.kind == isObject {
			if r.peek() != '"' {
				r.fail("a name is expected")
			}
			token = r.str()
			if _, twice := v.byKey[token]; twice {
				panic(&Error{Pointer: v.pointer(), Keyword: token, Reason: "the name is there twice"})
			}
			v.byKey[token] = len(v.items)
			if r.space(); r.peek() != ':' {
				r.fail("':' is expected")
			}
			r.pos++
			v.keys = append(v.keys, token)
		}
		v.items = append(v.items, r.value(v, token))
		r.space()
		c := r.peek()
		if c != ',' && c != end {
			r.fail("',' or '%c' is expected", end)
		}
		r.pos++
		if c == end {
			return
		}
	}
}

func (r *reader) number() string {
	start := r.pos
	digits := func() {
		if c := r.peek(); c < '0' || c > '9' {
			r.fail("a digit is expected")
		}
		for c := r.peek(); '0' <= c && c <= '9'; c = r.peek() {
			r.pos++
		}
	}
	if r.peek() == '-' {
		r.pos++
	}
	if r.peek() == '0' {
		r.pos++
	} else {
		digits()
	}
	if r.peek() == '.' {
		r.pos++
		digits()
	}
	if c := r.peek(); c == 'e' || c == 'E' {
		r.pos++
		if c := r.peek(); c == '+' || c == '-' {
			r.pos++
		}
		digits()
	}
	return r.src[start:r.pos]
}

func (r *reader) str() string {
	var b strings.Builder
	for r.pos++; ; {
		c := r.peek()
		switch {
		case c < 0x20:
			r.fail("a string has no end, or a control character")
		case c == '"':
			r.pos++
			return b.String()
		case c == '\\':
			b.WriteRune(r.escape())
		default:
			b.WriteByte(c)
			r.pos++
		}
	}
}

func (r *reader) escape() rune {
	if r.pos+1 >= len(r.src) {
		r.fail("a string has no end")
	}
	c := r.src[r.pos+1]
	if c != 'u' {
		i := strings.IndexByte(`"\/bfnrt`, c)
		if i < 0 {
			r.fail("an escape that JSON does not have")
		}
		r.pos += 2
		return rune("\"\\/\b\f\n\r\t"[i])
	}
	hi := r.hex()
	if !utf16.IsSurrogate(hi) {
		return hi
	}
	if strings.HasPrefix(r.src[r.pos:], `\u`) {
		if p := utf16.DecodeRune(hi, r.hex()); p != utf8.RuneError {
			return p
		}
	}
	r.fail("half a surrogate pair")
	return 0
}

func (r *reader) hex() rune {
	if r.pos+6 > len(r.src) {
		r.fail("a string has no end")
	}
	n, err := strconv.ParseUint(r.src[r.pos+2:r.pos+6], 16, 16)
	if err != nil {
		r.fail("four hexadecimal digits are expected")
	}
	r.pos += 6
	return rune(n)
}

// number returns a number exactly, nil where it has too many digits to be worth it.
func (v *value) number() *big.Rat {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(v.text), "e")
	e := 0
	if exponent != "" {
		var err error
		if e, err = strconv.Atoi(exponent); err != nil {
			return nil
		}
	}
	if v.kind != isNumber || len(mantissa) > 64 || e > 64 || e < -64 {
		return nil
	}
	x, _ := new(big.Rat).SetString(v.text)
	return x
}
