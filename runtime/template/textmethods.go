package template

import (
	"strings"
	"unicode"
)

type textFunc func(r *run, s string, a *args) (value, error)

// textMethod is a method of strings, or nil.
func textMethod(name string) textFunc {
	if f, ok := plainMethods[name]; ok {
		return func(r *run, s string, a *args) (value, error) {
			r.recase(s)
			_, err := a.bind(name, 0)
			return f(s), err
		}
	}
	if name == "format" {
		return methodFormat
	}
	return textMethods[name]
}

// plainMethods have no arguments.
var plainMethods = map[string]func(s string) value{
	"upper":      func(s string) value { return upper(s) },
	"lower":      func(s string) value { return lower(s) },
	"title":      func(s string) value { return title(s) },
	"capitalize": func(s string) value { return capitalize(s) },
	"swapcase":   func(s string) value { return swapcase(s) },
	"isalpha":    func(s string) value { return allOf(s, unicode.IsLetter) },
	"isdigit":    func(s string) value { return allOf(s, unicode.IsDigit) },
	"isdecimal":  func(s string) value { return allOf(s, unicode.IsDigit) },
	"isnumeric":  func(s string) value { return allOf(s, unicode.IsNumber) },
	"isalnum": func(s string) value {
		return allOf(s, func(c rune) bool { return unicode.IsLetter(c) || unicode.IsNumber(c) })
	},
	"isspace": func(s string) value { return allOf(s, isSpace) },
	"isupper": func(s string) value { return isUpper(s) },
	"islower": func(s string) value { return isLower(s) },
	"isascii": func(s string) value { return s == "" || allOf(s, func(c rune) bool { return c < 0x80 }) },
}

var textMethods = map[string]textFunc{
	"strip":        stripper(strings.TrimFunc, strings.Trim),
	"lstrip":       stripper(strings.TrimLeftFunc, strings.TrimLeft),
	"rstrip":       stripper(strings.TrimRightFunc, strings.TrimRight),
	"split":        splitter(splitLeft),
	"rsplit":       splitter(splitRight),
	"splitlines":   methodSplitlines,
	"partition":    partitioner(strings.Index, false),
	"rpartition":   partitioner(strings.LastIndex, true),
	"replace":      methodReplace,
	"join":         methodJoin,
	"find":         finder("find", strings.Index, false),
	"rfind":        finder("rfind", strings.LastIndex, false),
	"index":        finder("index", strings.Index, true),
	"rindex":       finder("rindex", strings.LastIndex, true),
	"count":        finder("count", strings.Count, false),
	"startswith":   affix("startswith", strings.HasPrefix),
	"endswith":     affix("endswith", strings.HasSuffix),
	"removeprefix": remover("removeprefix", strings.TrimPrefix),
	"removesuffix": remover("removesuffix", strings.TrimSuffix),
	"center":       padder("center"),
	"ljust":        padder("ljust"),
	"rjust":        padder("rjust"),
	"zfill":        methodZfill,
}

// stripper makes strip and its like: of white space, or of the characters that are given.
func stripper(space func(string, func(rune) bool) string, chars func(string, string) string) textFunc {
	return func(r *run, s string, a *args) (value, error) {
		in, err := a.bind("strip", 0, "-chars")
		if err != nil {
			return nil, err
		}
		return r.strip(s, in[0], space, chars)
	}
}

func (r *run) strip(s string, of value, space func(string, func(rune) bool) string, chars func(string, string) string) (value, error) {
	r.read(len(s))
	if !given(of) || of == nil {
		return space(s, isSpace), nil
	}
	set, err := textOr(of, "")
	if err != nil {
		return nil, err
	}
	r.spend(len(s) * len(set) / perWork) // each character is looked for among them
	return chars(s, set), nil
}

func methodReplace(r *run, s string, a *args) (value, error) {
	in, err := a.bind("replace", 2, "-old", "-new", "-count")
	if err != nil {
		return nil, err
	}
	n, err := intOr(in[2], -1)
	if err != nil {
		return nil, err
	}
	from, err := textOr(in[0], "")
	if err != nil {
		return nil, err
	}
	to, err := textOr(in[1], "")
	if err != nil {
		return nil, err
	}
	return r.replace(s, from, to, n), nil
}

// replace puts to where from was, n times at most where n is not below 0.
func (r *run) replace(s, from, to string, n int64) string {
	r.read(len(s))
	found := int64(strings.Count(s, from))
	if n >= 0 {
		found = min(found, n)
	}
	if more := int64(len(to) - len(from)); more > 0 && found > int64(r.memory)/more {
		panic(&LimitError{LimitMemory})
	}
	r.build(len(s) + int(found)*max(len(to)-len(from), 0))
	return strings.Replace(s, from, to, int(found))
}

func methodJoin(r *run, s string, a *args) (value, error) {
	in, err := a.bind("join", 1, "-items")
	if err != nil {
		return nil, err
	}
	items, err := r.items(in[0])
	if err != nil {
		return nil, err
	}
	var b []byte
	for i, item := range items {
		t, ok := text(item)
		if !ok {
			return nil, typeMistake("join", item)
		}
		if i > 0 {
			r.grow(&b, s)
		}
		r.grow(&b, t)
	}
	return string(b), nil
}

// within is the part of s between the characters that are given, and how many come before it; false where it begins after the end.
func (r *run) within(s string, from, to value) (part string, before int64, ok bool, err error) {
	if (!given(from) || from == nil) && (!given(to) || to == nil) {
		return s, 0, true, nil
	}
	r.handle(len(s))
	n := int64(runes(s))
	bound := func(v value, or int64) int64 {
		if !given(v) || v == nil {
			return or
		}
		i, isInt := integer(v)
		if !isInt {
			err = typeMistake("take for an integer", v)
		}
		if i < 0 {
			i = max(i+n, 0)
		}
		return i
	}
	begin, end := bound(from, 0), min(bound(to, n), n)
	if err != nil || begin > n || begin > end {
		return "", 0, false, err
	}
	return r.cut(s, int(begin), int(end)), begin, true, nil
}

// finder makes find and its like, and count.
func finder(name string, find func(s, part string) int, must bool) textFunc {
	return func(r *run, s string, a *args) (value, error) {
		in, err := a.bind(name, 1, "-sub", "-start", "-end")
		if err != nil {
			return nil, err
		}
		part, err := textOr(in[0], "")
		if err != nil {
			return nil, err
		}
		area, before, ok, err := r.within(s, in[1], in[2])
		if err != nil {
			return nil, err
		}
		r.read(len(area))
		at := -1
		if ok {
			at = find(area, part)
		}
		switch {
		case name == "count":
			return int64(max(at, 0)), nil
		case at < 0 && must:
			return nil, fail("substring not found")
		case at < 0:
			return int64(-1), nil
		}
		return before + int64(runes(area[:at])), nil
	}
}

// affix makes startswith and endswith, which take one string or a tuple of them.
func affix(name string, has func(s, part string) bool) textFunc {
	return func(r *run, s string, a *args) (value, error) {
		in, err := a.bind(name, 1, "-part", "-start", "-end")
		if err != nil {
			return nil, err
		}
		area, _, ok, err := r.within(s, in[1], in[2])
		if err != nil {
			return nil, err
		}
		parts := []value{in[0]}
		if t, isTuple := in[0].(*tuple); isTuple {
			parts = t.items
		}
		found := false
		for _, p := range parts {
			part, err := textOr(p, "")
			if err != nil {
				return nil, err
			}
			r.handle(len(part))
			found = found || ok && has(area, part)
		}
		return found, nil
	}
}

func remover(name string, cut func(s, part string) string) textFunc {
	return func(r *run, s string, a *args) (value, error) {
		in, err := a.bind(name, 1, "-part")
		if err != nil {
			return nil, err
		}
		part, err := textOr(in[0], "")
		r.handle(len(s))
		return cut(s, part), err
	}
}
