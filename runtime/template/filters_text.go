package template

import (
	"strings"
	"unicode"
)

// soft makes a filter that takes anything for a string.
func soft(f func(string) string) filter {
	return func(r *run, v value, a *args) (value, error) {
		if _, err := a.bind("the filter", 0); err != nil {
			return nil, err
		}
		s, err := r.str(v)
		if err != nil {
			return nil, err
		}
		r.recase(s)
		return like(v, f(s)), nil
	}
}

// like makes s markup if v is.
func like(v value, s string) value {
	if _, ok := v.(markup); ok {
		return markup(s)
	}
	return s
}

// titleWords is Jinja2's title: words begin after white space, "-" and opening brackets.
func titleWords(s string) string {
	var b strings.Builder
	word := 0
	flush := func(end int) {
		if end > word {
			first := firstRune(s[word:end])
			b.WriteString(upper(first))
			b.WriteString(lower(s[word+len(first) : end]))
		}
	}
	for i, c := range s {
		if isSpace(c) || strings.ContainsRune("-({[<", c) {
			flush(i)
			b.WriteRune(c)
			word = i + len(string(c))
		}
	}
	flush(len(s))
	return b.String()
}

func filterString(r *run, v value, a *args) (value, error) {
	if _, err := a.bind("string", 0); err != nil {
		return nil, err
	}
	s, err := r.str(v)
	return like(v, s), err
}

func filterTrim(r *run, v value, a *args) (value, error) {
	in, err := a.bind("trim", 0, "chars")
	if err != nil {
		return nil, err
	}
	s, err := r.str(v)
	if err != nil {
		return nil, err
	}
	out, err := r.strip(s, in[0], strings.TrimFunc, strings.Trim)
	if err != nil {
		return nil, err
	}
	return like(v, out.(string)), nil
}

func filterReplace(r *run, v value, a *args) (value, error) {
	in, err := a.bind("replace", 2, "old", "new", "count")
	if err != nil {
		return nil, err
	}
	var parts [3]string
	for i, p := range []value{v, in[0], in[1]} {
		if parts[i], err = r.str(p); err != nil {
			return nil, err
		}
	}
	n := int64(-1)
	if in[2] != nil {
		if n, err = intOr(in[2], -1); err != nil {
			return nil, err
		}
	}
	return r.replace(parts[0], parts[1], parts[2], n), nil
}

func filterIndent(r *run, v value, a *args) (value, error) {
	in, err := a.bind("indent", 0, "width", "first", "blank")
	if err != nil {
		return nil, err
	}
	s, ok := text(v)
	if !ok {
		return nil, typeMistake("indent", v)
	}
	by, ok := text(in[0])
	if !ok {
		n, err := intOr(in[0], 4)
		if err != nil {
			return nil, err
		}
		by = r.fill(" ", max(n, 0))
	}
	blank := given(in[2]) && truth(in[2])
	var b []byte
	if given(in[1]) && truth(in[1]) {
		r.grow(&b, by)
	}
	for i, line := range r.lines(s+"\n", false) {
		if i > 0 {
			r.grow(&b, "\n")
			if line != "" || blank {
				r.grow(&b, by)
			}
		}
		r.grow(&b, line)
	}
	return like(v, string(b)), nil
}

func filterCenter(r *run, v value, a *args) (value, error) {
	in, err := a.bind("center", 0, "width")
	if err != nil {
		return nil, err
	}
	width, err := intOr(in[0], 80)
	if err != nil {
		return nil, err
	}
	s, err := r.str(v)
	if err != nil {
		return nil, err
	}
	return like(v, r.pad(s, "center", width, " ")), nil
}

func filterTruncate(r *run, v value, a *args) (value, error) {
	in, err := a.bind("truncate", 0, "length", "killwords", "end", "leeway")
	if err != nil {
		return nil, err
	}
	size, ok := r.length(v)
	if !ok {
		return nil, typeMistake("truncate", v)
	}
	length, err := intOr(in[0], 255)
	if err != nil {
		return nil, err
	}
	end, err := textOr(in[2], "...")
	if err != nil {
		return nil, err
	}
	leeway := int64(5)
	if in[3] != nil {
		if leeway, err = intOr(in[3], 5); err != nil {
			return nil, err
		}
	}
	if length < int64(runes(end)) || leeway < 0 {
		return nil, fail("truncate: expected length >= %d and leeway >= 0", runes(end))
	}
	if int64(size) <= length+leeway {
		return v, nil
	}
	s, ok := text(v)
	if !ok {
		return nil, typeMistake("truncate", v)
	}
	s = r.cut(s, 0, int(length)-runes(end))
	if !given(in[1]) || !truth(in[1]) {
		if i := strings.LastIndexByte(s, ' '); i >= 0 {
			s = s[:i]
		}
	}
	return r.join2(like(v, s), end, s, end), nil
}

func filterWordcount(r *run, v value, a *args) (value, error) {
	if _, err := a.bind("wordcount", 0); err != nil {
		return nil, err
	}
	s, err := r.str(v)
	if err != nil {
		return nil, err
	}
	r.read(len(s))
	n, within := int64(0), false
	for _, c := range s {
		word := c == '_' || unicode.IsLetter(c) || unicode.IsNumber(c)
		if word && !within {
			n++
		}
		within = word
	}
	return n, nil
}

func filterFormat(r *run, v value, a *args) (value, error) {
	s, err := r.str(v)
	if err != nil {
		return nil, err
	}
	if len(a.named) == 0 {
		return r.percent(like(v, s), &tuple{a.pos})
	}
	if len(a.pos) > 0 {
		return nil, fail("can't handle positional and keyword arguments at the same time")
	}
	d := newDict()
	for i, name := range a.names {
		if err := r.set(d, name, a.named[i]); err != nil {
			return nil, err
		}
	}
	return r.percent(like(v, s), d)
}

func filterEscape(r *run, v value, a *args) (value, error) {
	if _, err := a.bind("escape", 0); err != nil {
		return nil, err
	}
	if m, ok := v.(markup); ok {
		return m, nil
	}
	s, err := r.str(v)
	return markup(r.escaped(s)), err
}

func filterSafe(r *run, v value, a *args) (value, error) {
	if _, err := a.bind("safe", 0); err != nil {
		return nil, err
	}
	s, err := r.str(v)
	return markup(s), err
}

func filterJoin(r *run, v value, a *args) (value, error) {
	in, err := a.bind("join", 0, "d", "attribute")
	if err != nil {
		return nil, err
	}
	sep := ""
	if given(in[0]) {
		if sep, err = r.str(in[0]); err != nil {
			return nil, err
		}
	}
	next, err := r.iterate(v)
	if err != nil {
		return nil, typeMistake("join", v)
	}
	var b []byte
	for i := 0; ; i++ {
		item, ok, err := next()
		if err != nil {
			return nil, err
		}
		if !ok {
			return string(b), nil
		}
		if item, err = r.attributeOf(item, in[1]); err != nil {
			return nil, err
		}
		s, err := r.str(item)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			r.grow(&b, sep)
		}
		r.grow(&b, s)
	}
}
