package template

import (
	"math"
	"unicode/utf8"
)

// value is what a template handles. It is one of
//
//	nil (None), undefined, bool, int64, float64, bigInt, string, markup,
//	*list, *tuple, *dict, *span (range), *view (of a dict), *generator,
//	*namespace, *loop, *function
type value any

type (
	// undefined is what is not there; why says so.
	undefined struct{ why string }
	// bigInt is an integer of the data that has more than 64 bits: it can be printed, and nothing else.
	bigInt string
	// markup is a string that counts as escaped (filters safe and escape).
	markup string

	list  struct{ items []value }
	tuple struct{ items []value }
	// span is a range: n numbers from start on, as they come before stop.
	span struct{ start, stop, step, n int64 }
	// view is what keys(), values() and items() return.
	view struct {
		d    *dict
		what string
	}
	// generator can be gone through once. depth is how many generators it takes its values from.
	generator struct {
		next  func() (value, bool, error)
		depth int
	}
	// namespace is what {% set ns.name = … %} changes.
	namespace struct{ d *dict }
	// function is a filter's, a macro's or a method's code with what it works on.
	function struct {
		name string
		call func(r *run, a *args) (value, error)
		// cycle is set for cyclers, which have attributes.
		cycle *cycle
	}
)

// typeName is Python's name of the type of v.
func typeName(v value) string {
	switch v := v.(type) {
	case nil:
		return "NoneType"
	case undefined:
		return "Undefined"
	case bool:
		return "bool"
	case int64, bigInt:
		return "int"
	case float64:
		return "float"
	case string:
		return "str"
	case markup:
		return "Markup"
	case *list:
		return "list"
	case *tuple:
		return "tuple"
	case *dict:
		return "dict"
	case *span:
		return "range"
	case *view:
		return "dict_" + v.what
	case *generator:
		return "generator"
	case *namespace:
		return "Namespace"
	case *loop:
		return "LoopContext"
	}
	return "function"
}

// truth is Python's bool(v).
func truth(v value) bool {
	switch v := v.(type) {
	case nil, undefined:
		return false
	case bool:
		return v
	case int64:
		return v != 0
	case float64:
		return v != 0
	case string:
		return v != ""
	case markup:
		return v != ""
	case *list:
		return len(v.items) > 0
	case *tuple:
		return len(v.items) > 0
	case *dict:
		return len(v.keys) > 0
	case *view:
		return len(v.d.keys) > 0
	case *span:
		return v.n > 0
	case *loop:
		return true
	}
	return true
}

// text is the string that v is, if it is one.
func text(v value) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case markup:
		return string(v), true
	}
	return "", false
}

// integer is the integer that v is, if it is one. True is 1, as in Python.
func integer(v value) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	}
	return 0, false
}

// float is the number that v is, if it is one.
func float(v value) (float64, bool) {
	if f, ok := v.(float64); ok {
		return f, true
	}
	n, ok := integer(v)
	return float64(n), ok
}

// length is Python's len(v), if v has one.
func (r *run) length(v value) (int, bool) {
	switch v := v.(type) {
	case undefined:
		return 0, true
	case string:
		r.read(len(v))
		return utf8.RuneCountInString(v), true
	case markup:
		r.read(len(v))
		return utf8.RuneCountInString(string(v)), true
	case *list:
		return len(v.items), true
	case *tuple:
		return len(v.items), true
	case *dict:
		return len(v.keys), true
	case *view:
		return len(v.d.keys), true
	case *span:
		return int(v.n), true
	case *loop:
		n, err := v.length(r)
		return n, err == nil
	}
	return 0, false
}

// typeMistake says that something cannot be done with a type.
func typeMistake(what string, v value) error {
	if u, ok := v.(undefined); ok {
		return fail("%s", u.why)
	}
	return fail("cannot %s '%s'", what, typeName(v))
}

// toInt is the number of a float, cut at its point.
func toInt(f float64) (int64, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0, fail("cannot make an integer of %v", f)
	}
	if f >= 1<<63 || f < -1<<63 {
		return 0, &LimitError{LimitInteger}
	}
	return int64(f), nil
}
