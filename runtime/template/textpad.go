package template

import (
	"html"
	"strings"
)

// padder makes center, ljust and rjust.
func padder(name string) textFunc {
	return func(r *run, s string, a *args) (value, error) {
		in, err := a.bind(name, 1, "-width", "-fill")
		if err != nil {
			return nil, err
		}
		width, err := intOr(in[0], 0)
		if err != nil {
			return nil, err
		}
		fill, err := textOr(in[1], " ")
		if err != nil {
			return nil, err
		}
		if runes(fill) != 1 {
			return nil, fail("the fill character must be exactly one character long")
		}
		return r.pad(s, name, width, fill), nil
	}
}

// pad makes s as wide as is asked for. In the middle, what cannot be halved goes to the left where the width is odd.
func (r *run) pad(s, where string, width int64, fill string) string {
	r.handle(len(s))
	n := width - int64(runes(s))
	if n <= 0 {
		return s
	}
	left := int64(0)
	switch where {
	case "rjust":
		left = n
	case "center":
		left = n/2 + n&width&1
	}
	return r.fill(fill, left) + s + r.fill(fill, n-left)
}

// fill is n times a character.
func (r *run) fill(c string, n int64) string {
	if n > int64(r.memory) {
		panic(&LimitError{LimitMemory})
	}
	r.buildMany(int(n), 2*len(c)) // it is copied into something else
	return strings.Repeat(c, int(n))
}

func methodZfill(r *run, s string, a *args) (value, error) {
	in, err := a.bind("zfill", 1, "-width")
	if err != nil {
		return nil, err
	}
	width, err := intOr(in[0], 0)
	if err != nil {
		return nil, err
	}
	sign := ""
	if s != "" && (s[0] == '+' || s[0] == '-') {
		sign, s = s[:1], s[1:]
	}
	return sign + r.pad(s, "rjust", width-int64(len(sign)), "0"), nil
}

// escaped is s for HTML, as markupsafe writes it, which is how package html does.
func (r *run) escaped(s string) string {
	r.read(len(s))
	r.build(len(s) + 4*strings.Count(s, "&") + 4*strings.Count(s, `"`) + 4*strings.Count(s, "'") + 3*strings.Count(s, "<") + 3*strings.Count(s, ">"))
	return html.EscapeString(s)
}
