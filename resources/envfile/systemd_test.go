package envfile

import "strings"

// systemd reads b as systemd reads an EnvironmentFile=, by its own states and none of our parser:
// what it knows of quotes, escapes and blanks, and nothing about what is good style. Of a variable
// that is set twice, the last value counts.
func systemd(b string) map[string]string {
	r := &reader{out: map[string]string{}, keep: -1}
	r.state = r.preKey
	for i := range len(b) {
		r.state(b[i])
	}
	if r.open {
		r.push()
	}
	return r.out
}

type reader struct {
	out        map[string]string
	state      func(c byte)
	key, value []byte
	// keep is the length of the value that trailing blanks are cut off to, or -1.
	keep int
	// open says that a value was begun, so that the end of the file ends it.
	open bool
}

func blank(c byte) bool { return strings.IndexByte(" \t\n\r", c) >= 0 }
func ends(c byte) bool  { return c == '\n' || c == '\r' }

func (r *reader) push() {
	value := r.value
	if r.keep >= 0 {
		value = value[:r.keep]
	}
	r.out[strings.TrimRight(string(r.key), " \t\n\r")] = string(value)
	r.key, r.value, r.keep, r.open = nil, nil, -1, false
	r.state = r.preKey
}

func (r *reader) preKey(c byte) {
	switch {
	case c == '#' || c == ';':
		r.state = r.comment
	case !blank(c):
		r.key, r.state = []byte{c}, r.inKey
	}
}

func (r *reader) inKey(c byte) {
	switch {
	case ends(c):
		r.key, r.state = nil, r.preKey
	case c == '=':
		r.value, r.keep, r.open, r.state = nil, -1, true, r.preValue
	default:
		r.key = append(r.key, c)
	}
}

func (r *reader) preValue(c byte) {
	switch {
	case ends(c):
		r.push()
	case c == '\'':
		r.state = r.single
	case c == '"':
		r.state = r.double
	case c == '\\':
		r.state = r.escape
	case !blank(c):
		r.value, r.state = append(r.value, c), r.inValue
	}
}

func (r *reader) inValue(c byte) {
	switch {
	case ends(c):
		r.push()
		return
	case c == '\\':
		r.keep, r.state = -1, r.escape
		return
	case !blank(c):
		r.keep = -1
	case r.keep < 0:
		r.keep = len(r.value)
	}
	r.value = append(r.value, c)
}

func (r *reader) escape(c byte) {
	if !ends(c) {
		r.value = append(r.value, c)
	}
	r.state = r.inValue
}

func (r *reader) single(c byte) {
	if c == '\'' {
		r.state = r.preValue
		return
	}
	r.value = append(r.value, c)
}

func (r *reader) double(c byte) {
	switch c {
	case '"':
		r.state = r.preValue
	case '\\':
		r.state = r.doubleEscape
	default:
		r.value = append(r.value, c)
	}
}

func (r *reader) doubleEscape(c byte) {
	switch {
	case strings.IndexByte("\"\\`$", c) >= 0:
		r.value = append(r.value, c)
	case c != '\n':
		r.value = append(r.value, '\\', c)
	}
	r.state = r.double
}

// comment goes on after a backslash at the end of a line, as it did before version 254.
func (r *reader) comment(c byte) {
	switch {
	case c == '\\':
		r.state = func(byte) { r.state = r.comment }
	case ends(c):
		r.state = r.preKey
	}
}
