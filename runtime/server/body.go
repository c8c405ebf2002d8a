package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"unicode/utf8"
)

// maxDepth is how deep arrays and objects nest at most.
const maxDepth = 64

// member is one of an object's.
type member struct {
	name  string
	value json.RawMessage
}

// parse reads a body, which has to be one object in which no name comes twice, anywhere.
func parse(body []byte) ([]member, *failure) {
	bad := func(format string, args ...any) *failure { return invalid("", "invalid_json", format, args...) }
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, bad("the body is empty: send a JSON object")
	}
	if !utf8.Valid(body) {
		return nil, bad("the body is not UTF-8")
	}
	var whole json.RawMessage
	if err := json.Unmarshal(body, &whole); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return nil, bad("the body is not JSON: %v, at byte %d", err, syntax.Offset)
		}
		return nil, bad("the body is not JSON: %v", err)
	}
	if f := walk(body); f != nil {
		return nil, f
	}
	all, ok := members(body)
	if !ok {
		return nil, bad("the body is not a JSON object")
	}
	return all, nil
}

// frame is an array or object that is being walked through.
type frame struct {
	object, value bool // value: the next token is a value, not a name
	seen          map[string]bool
}

// walk looks for what encoding/json lets through: names that come twice, of which it takes the last, deep nesting, and
// numbers that no number here can hold. The body is known to be JSON.
func walk(body []byte) *failure {
	d := json.NewDecoder(bytes.NewReader(body))
	var stack []frame
	for {
		token, err := d.Token()
		if err != nil {
			var number *json.UnmarshalTypeError
			if errors.As(err, &number) {
				return invalid("", "invalid_json", "a number is out of range: %s", number.Value)
			}
			return nil // the end
		}
		top := len(stack) - 1
		if name, ok := token.(string); ok && top >= 0 && stack[top].object && !stack[top].value {
			if stack[top].seen[name] {
				return invalid(name, "invalid_json", "%q comes twice in one object", name)
			}
			if stack[top].seen == nil {
				stack[top].seen = map[string]bool{}
			}
			stack[top].seen[name], stack[top].value = true, true
			continue
		}
		if token == json.Delim('}') || token == json.Delim(']') {
			stack = stack[:top]
			continue
		}
		if top >= 0 {
			stack[top].value = false
		}
		if _, opens := token.(json.Delim); opens {
			if len(stack) == maxDepth {
				return invalid("", "invalid_json", "arrays and objects nest deeper than %d", maxDepth)
			}
			stack = append(stack, frame{object: token == json.Delim('{')})
		}
	}
}

// members takes an object apart, in its order. It reports false for what is none.
func members(raw []byte) ([]member, bool) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if token, err := d.Token(); err != nil || token != json.Delim('{') {
		return nil, false
	}
	var all []member
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, false
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, false
		}
		text, ok := name.(string)
		if !ok {
			return nil, false
		}
		all = append(all, member{text, bytes.TrimSpace(value)})
	}
	return all, true
}

// object puts members together again.
func object(all []member) json.RawMessage {
	b := []byte{'{'}
	for i, m := range all {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, encode(m.name)...), ':'), m.value...)
	}
	return append(b, '}')
}

func isNull(raw json.RawMessage) bool { return string(raw) == "null" }

// value is a part of a request, with the name by which its errors call it.
type value struct {
	param string
	raw   json.RawMessage
}

func (v value) member(m member) value { return value{v.param + "." + m.name, m.value} }

func (v value) item(i int, raw json.RawMessage) value {
	return value{v.param + "[" + strconv.Itoa(i) + "]", raw}
}

func (v value) wrong(what string) *failure {
	return invalid(v.param, "invalid_type", "%s has to be %s", v.param, what)
}

// bad says that the value is of the right type and still wrong.
func (v value) bad(format string, args ...any) *failure {
	return invalid(v.param, "invalid_value", v.param+": "+format, args...)
}

// unknown says that there is no such part.
func (v value) unknown() *failure {
	return invalid(v.param, "unknown_parameter", "%q is not known here, and nothing is ignored that may change the answer: leave it out", v.param)
}

func (v value) text() (s string, f *failure) {
	if v.raw[0] != '"' || json.Unmarshal(v.raw, &s) != nil {
		return "", v.wrong("a string")
	}
	return s, nil
}

func (v value) boolean() (bool, *failure) {
	switch string(v.raw) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, v.wrong("true or false")
}

func (v value) isNumber() bool { return v.raw[0] == '-' || v.raw[0] >= '0' && v.raw[0] <= '9' }

// number reads one from low to high.
func (v value) number(low, high float64) (float64, *failure) {
	if !v.isNumber() {
		return 0, v.wrong("a number")
	}
	n, err := strconv.ParseFloat(string(v.raw), 64)
	if err != nil || n < low || n > high {
		return 0, v.bad("%s is not from %g to %g", v.raw, low, high)
	}
	return n, nil
}

// integer reads one from low to high, exactly.
func (v value) integer(low, high int64) (int64, *failure) {
	if !v.isNumber() {
		return 0, v.wrong("an integer")
	}
	n, err := strconv.ParseInt(string(v.raw), 10, 64)
	if errors.Is(err, strconv.ErrSyntax) {
		return 0, v.wrong("an integer")
	}
	if err != nil || n < low || n > high {
		return 0, v.bad("%s is not from %d to %d", v.raw, low, high)
	}
	return n, nil
}

func (v value) array(what string) (items []json.RawMessage, f *failure) {
	if v.raw[0] != '[' || json.Unmarshal(v.raw, &items) != nil {
		return nil, v.wrong(what)
	}
	return items, nil
}

func (v value) object() ([]member, *failure) {
	all, ok := members(v.raw)
	if !ok {
		return nil, v.wrong("an object")
	}
	return all, nil
}

// each reads the members of an object by their names; those that are null are as if left out.
func (v value) each(read map[string]func(value) *failure) *failure {
	all, f := v.object()
	if f != nil {
		return f
	}
	for _, m := range all {
		part := v.member(m)
		do, known := read[m.name]
		switch {
		case isNull(m.value):
			continue
		case !known:
			return part.unknown()
		}
		if f := do(part); f != nil {
			return f
		}
	}
	return nil
}

// into reads a text to where it belongs.
func into(to *string) func(value) *failure {
	return func(v value) (f *failure) {
		*to, f = v.text()
		return f
	}
}

// keep takes a value as it is.
func keep(to *json.RawMessage) func(value) *failure {
	return func(v value) *failure {
		*to = v.raw
		return nil
	}
}
