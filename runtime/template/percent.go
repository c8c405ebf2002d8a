package template

import (
	"strings"
)

// percent is Python's text % values.
func (r *run) percent(format, values value) (value, error) {
	s, _ := text(format)
	p := &formatting{r: r, values: values, single: true}
	if t, ok := values.(*tuple); ok {
		p.items, p.single = t.items, false
	} else {
		p.items = []value{values}
	}
	_, p.safe = format.(markup)
	for s != "" {
		at := strings.IndexByte(s, '%')
		if at < 0 {
			r.grow(&p.out, s)
			break
		}
		r.grow(&p.out, s[:at])
		var err error
		if s, err = p.directive(s[at+1:]); err != nil {
			return nil, err
		}
	}
	if _, mapping := values.(*dict); p.used < len(p.items) && !mapping && !(p.single && isItems(values)) {
		return nil, fail("not all arguments were converted during string formatting")
	}
	if p.safe {
		return markup(p.out), nil
	}
	return string(p.out), nil
}

// isItems reports whether v may be left over: Python does not mind lists.
func isItems(v value) bool {
	switch v.(type) {
	case *list, *span, *namespace:
		return true
	}
	return false
}

// formatting is one text % values at work.
type formatting struct {
	r      *run
	values value
	items  []value
	single bool
	used   int
	safe   bool
	out    []byte
}

// directive writes what comes after a "%", and returns what is left of the format.
func (p *formatting) directive(s string) (string, error) {
	var v value
	keyed := false
	if strings.HasPrefix(s, "(") {
		end := strings.IndexByte(s, ')')
		d, ok := p.values.(*dict)
		if end < 0 || !ok {
			return "", fail("format requires a mapping")
		}
		if v, ok = d.named(s[1:end]); !ok {
			return "", fail("there is no key '%s'", shorten(s[1:end]))
		}
		s, keyed = s[end+1:], true
	}
	f := spec{fill: " ", align: '>', precision: -1}
	s, err := p.flags(&f, s)
	if err != nil {
		return "", err
	}
	if s != "" && strings.IndexByte("hlL", s[0]) >= 0 {
		s = s[1:]
	}
	if s == "" {
		return "", fail("incomplete format")
	}
	if s[0] == '%' {
		p.r.grow(&p.out, "%")
		return s[1:], nil
	}
	if !keyed {
		if v, err = p.next(); err != nil {
			return "", err
		}
	}
	f.kind = s[0]
	return s[1:], p.write(&f, v)
}

// flags reads what stands between "%" and the kind: flags, width, precision.
func (p *formatting) flags(f *spec, s string) (string, error) {
	for s != "" && strings.IndexByte("#0- +", s[0]) >= 0 {
		f.flag(s[0])
		s = s[1:]
	}
	var err error
	if f.width, s, err = p.size(s); err != nil {
		return "", err
	}
	if f.width < 0 {
		f.width = -f.width
		f.flag('-')
	}
	if strings.HasPrefix(s, ".") {
		f.precision, s, err = p.size(s[1:])
		f.precision = max(f.precision, 0)
	}
	return s, err
}

// next is the next of the values.
func (p *formatting) next() (value, error) {
	if p.used >= len(p.items) {
		return nil, fail("not enough arguments for format string")
	}
	p.used++
	return p.items[p.used-1], nil
}

// size reads a width or a precision, which may be one of the values.
func (p *formatting) size(s string) (int, string, error) {
	if strings.HasPrefix(s, "*") {
		v, err := p.next()
		if err != nil {
			return 0, "", err
		}
		n, ok := integer(v)
		if !ok || n > int64(p.r.memory) || n < -int64(p.r.memory) {
			return 0, "", fail("* wants a small integer")
		}
		return int(n), s[1:], nil
	}
	n, rest := p.r.leading(s)
	return n, rest, nil
}

// leading reads the digits at the beginning of s.
func (r *run) leading(s string) (int, string) {
	n := 0
	for s != "" && isDigit(s[0]) {
		if n = n*10 + int(s[0]-'0'); n > r.memory {
			panic(&LimitError{LimitMemory})
		}
		s = s[1:]
	}
	return n, s
}

func (p *formatting) write(f *spec, v value) error {
	var s string
	var err error
	switch f.kind {
	case 's':
		if s, err = p.r.str(v); err == nil && p.safe {
			if _, done := v.(markup); !done {
				s = p.r.escaped(s)
			}
		}
		s = p.r.plain(f, s)
	case 'r', 'a':
		var b []byte
		err = p.r.repr(&b, v)
		s = p.r.plain(f, string(b))
	case 'c':
		s, err = p.r.char(f, v)
	case 'd', 'i', 'u':
		f.kind = 'd'
		s, err = p.whole(f, v)
	case 'o', 'x', 'X':
		if _, isInt := integer(v); !isInt {
			return typeMistake("write with %"+string(f.kind), v)
		}
		s, err = p.whole(f, v)
	case 'e', 'E', 'f', 'F', 'g', 'G':
		x, ok := float(v)
		if !ok {
			return typeMistake("write as a number", v)
		}
		s = p.r.float(f, x)
	default:
		return fail("unsupported format character '%s'", shorten(string(rune(f.kind))))
	}
	p.r.grow(&p.out, s)
	return err
}

// whole writes an integer; floats are cut.
func (p *formatting) whole(f *spec, v value) (string, error) {
	if x, ok := v.(float64); ok {
		n, err := toInt(x)
		if err != nil {
			return "", err
		}
		v = n
	}
	if big, ok := v.(bigInt); ok {
		return p.r.digits(f, strings.TrimPrefix(string(big), "-"), big[0] == '-'), nil
	}
	n, ok := integer(v)
	if !ok {
		return "", typeMistake("write as a number", v)
	}
	return p.r.int(f, n), nil
}

// char writes one character, of a string or a number.
func (r *run) char(f *spec, v value) (string, error) {
	if s, ok := text(v); ok && runes(s) == 1 {
		return r.plain(f, s), nil
	}
	n, ok := integer(v)
	if !ok || n < 0 || n > 0x10ffff {
		return "", fail("%%c needs a character")
	}
	return r.plain(f, string(rune(n))), nil
}
