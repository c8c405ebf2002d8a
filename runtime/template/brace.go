package template

import (
	"strconv"
	"strings"
)

// methodFormat is Python's str.format.
func methodFormat(r *run, s string, a *args) (value, error) {
	f := &bracing{r: r, args: a}
	if err := f.all(s, 2); err != nil {
		return nil, err
	}
	return string(f.out), nil
}

// bracing is one str.format at work.
type bracing struct {
	r    *run
	args *args
	auto int  // the next argument of "{}"
	hand bool // whether arguments are numbered in the text
	out  []byte
}

// all writes a text with fields in it; within the specification of a field, a level deeper, there may be fields again.
func (f *bracing) all(s string, level int) error {
	if level == 0 {
		return fail("max string recursion exceeded")
	}
	for s != "" {
		at := strings.IndexAny(s, "{}")
		if at < 0 {
			f.r.grow(&f.out, s)
			return nil
		}
		f.r.grow(&f.out, s[:at])
		if at+1 < len(s) && s[at+1] == s[at] {
			f.r.grow(&f.out, s[at:at+1])
			s = s[at+2:]
			continue
		}
		if s[at] == '}' {
			return fail("single '}' encountered in format string")
		}
		end := fieldEnd(s[at+1:])
		if end < 0 {
			return fail("expected '}' before end of string")
		}
		if err := f.field(s[at+1:at+1+end], level); err != nil {
			return err
		}
		s = s[at+2+end:]
	}
	return nil
}

// fieldEnd is where the bracket is that ends a field.
func fieldEnd(s string) int {
	open := 0
	for i := range len(s) {
		switch s[i] {
		case '{':
			open++
		case '}':
			if open == 0 {
				return i
			}
			open--
		}
	}
	return -1
}

// field writes one field: name, conversion, specification.
func (f *bracing) field(s string, level int) error {
	name, how, _ := strings.Cut(s, ":")
	name, conversion, converted := strings.Cut(name, "!")
	v, err := f.find(name)
	if err != nil {
		return err
	}
	if converted {
		if v, err = f.convert(conversion, v); err != nil {
			return err
		}
	}
	outer := f.out
	f.out = nil
	err = f.all(how, level-1)
	if how == "" {
		err = nil
	}
	how, f.out = string(f.out), outer
	if err != nil {
		return err
	}
	text, err := f.r.formatted(v, how)
	f.r.grow(&f.out, text)
	return err
}

func (f *bracing) convert(c string, v value) (value, error) {
	switch c {
	case "s":
		return f.r.str(v)
	case "r":
		var b []byte
		err := f.r.repr(&b, v)
		return string(b), err
	}
	return nil, fail("unknown conversion specifier '%s'", shorten(c))
}

// find is the argument that a field names, with attributes and items after it.
func (f *bracing) find(path string) (value, error) {
	end := strings.IndexAny(path, ".[")
	if end < 0 {
		end = len(path)
	}
	v, err := f.argument(path[:end])
	for rest := path[end:]; rest != "" && err == nil; {
		f.r.spend(1)
		if name, ok := strings.CutPrefix(rest, "."); ok {
			end := strings.IndexAny(name, ".[")
			if end < 0 {
				end = len(name)
			}
			rest = name[end:]
			v, err = f.r.attribute(v, name[:end])
			continue
		}
		key, after, ok := strings.Cut(rest[1:], "]")
		if !ok || rest[0] != '[' {
			return nil, fail("a field is not written right: '%s'", shorten(path))
		}
		rest = after
		var k value = key
		if n, e := strconv.ParseInt(key, 10, 64); e == nil {
			k = n
		}
		v, err = f.r.item(v, k)
	}
	return v, err
}

func (f *bracing) argument(name string) (value, error) {
	at, err := strconv.Atoi(name)
	switch {
	case name == "":
		if f.hand {
			return nil, fail("cannot switch from manual field specification to automatic field numbering")
		}
		at = f.auto
		f.auto++
	case err != nil:
		f.r.spend(len(f.args.names))
		for i, n := range f.args.names {
			if n == name {
				return f.args.named[i], nil
			}
		}
		return nil, fail("there is no argument '%s'", shorten(name))
	default:
		if f.auto > 0 {
			return nil, fail("cannot switch from automatic field numbering to manual field specification")
		}
		f.hand = true
	}
	if at < 0 || at >= len(f.args.pos) {
		return nil, fail("there is no argument %d", at)
	}
	return f.args.pos[at], nil
}

// formatted is Python's format(v, how).
func (r *run) formatted(v value, how string) (string, error) {
	if how == "" {
		return r.str(v)
	}
	_, number := float(v)
	f, err := r.parseSpec(how, number)
	if err != nil {
		return "", err
	}
	if s, ok := text(v); ok {
		if f.kind != 0 && f.kind != 's' || f.align == '=' || f.sign != 0 || f.comma != 0 || f.alt {
			return "", fail("a string cannot be written as '%s'", shorten(how))
		}
		return r.plain(f, s), nil
	}
	if x, ok := v.(float64); ok {
		return r.formatFloat(f, x)
	}
	n, ok := integer(v)
	if !ok {
		return "", fail("unsupported format string for '%s'", typeName(v))
	}
	if _, isBool := v.(bool); isBool && f.kind == 0 && (how[0] < '0' || how[0] > '9') {
		f.kind = 'd'
	}
	if strings.IndexByte("eEfFgG%", f.kind) >= 0 && f.kind != 0 {
		return r.formatFloat(f, float64(n))
	}
	if f.precision >= 0 || strings.IndexByte("bdoxXc\x00", f.kind) < 0 {
		return "", fail("an integer cannot be written as '%s'", shorten(how))
	}
	if f.kind == 'c' {
		return r.char(f, n)
	}
	return r.int(f, n), nil
}

func (r *run) formatFloat(f *spec, x float64) (string, error) {
	switch f.kind {
	case 'e', 'E', 'f', 'F', 'g', 'G':
		return r.float(f, x), nil
	case '%':
		f.kind = 'f'
		f.width--
		s := r.float(f, x*100)
		return s + "%", nil
	case 0:
		if f.precision < 0 {
			s := floatText(x)
			return r.padded(f, f.signed(s[0] == '-'), group(strings.TrimPrefix(s, "-"), f.comma)), nil
		}
	}
	return "", fail("a float cannot be written so")
}

// parseSpec reads [[fill]align][sign][#][0][width][,][.precision][type].
func (r *run) parseSpec(s string, number bool) (*spec, error) {
	f := &spec{fill: " ", align: '<', precision: -1}
	if number {
		f.align = '>'
	}
	aligned := false
	if fill := firstRune(s); len(s) > len(fill) && strings.IndexByte("<>=^", s[len(fill)]) >= 0 {
		f.fill, f.align, s, aligned = fill, s[len(fill)], s[len(fill)+1:], true
	} else if s != "" && strings.IndexByte("<>=^", s[0]) >= 0 {
		f.align, s, aligned = s[0], s[1:], true
	}
	if s != "" && strings.IndexByte("+- ", s[0]) >= 0 {
		if s[0] != '-' {
			f.sign = s[0]
		}
		s = s[1:]
	}
	if strings.HasPrefix(s, "#") {
		f.alt, s = true, s[1:]
	}
	if strings.HasPrefix(s, "0") {
		s = s[1:]
		if !aligned {
			f.fill = "0"
			if number {
				f.align = '='
			}
		}
	}
	f.width, s = r.leading(s)
	if s != "" && (s[0] == ',' || s[0] == '_') {
		f.comma, s = s[0], s[1:]
	}
	if p, ok := strings.CutPrefix(s, "."); ok {
		if p == "" || !isDigit(p[0]) {
			return nil, fail("format specifier missing precision")
		}
		f.precision, s = r.leading(p)
	}
	if len(s) > 1 {
		return nil, fail("invalid format specifier")
	}
	if s != "" {
		f.kind = s[0]
	}
	return f, nil
}
