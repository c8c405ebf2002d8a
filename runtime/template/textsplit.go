package template

import (
	"slices"
	"strings"
)

// splitter makes split and rsplit.
func splitter(cut func(r *run, s, sep string, n int) []string) textFunc {
	return func(r *run, s string, a *args) (value, error) {
		in, err := a.bind("split", 0, "sep", "maxsplit")
		if err != nil {
			return nil, err
		}
		limit, err := intOr(in[1], -1)
		if err != nil {
			return nil, err
		}
		n := len(s) + 1
		if limit >= 0 {
			n = int(min(limit, int64(n)))
		}
		sep := ""
		if given(in[0]) && in[0] != nil {
			if sep, err = textOr(in[0], ""); err != nil {
				return nil, err
			}
			if sep == "" {
				return nil, fail("empty separator")
			}
		}
		r.read(len(s))
		return r.texts(cut(r, s, sep, n)), nil
	}
}

// texts makes a list of strings, which lie in others.
func (r *run) texts(parts []string) *list {
	out := make([]value, len(parts))
	for i, p := range parts {
		out[i] = p
	}
	return &list{out}
}

// part pays for one more part of a string.
func (r *run) part() { r.build(4 * slot) }

// splitLeft cuts at n separators at most; "" is white space, of which no part is left.
func splitLeft(r *run, s, sep string, n int) []string {
	var out []string
	if sep == "" {
		for s = trimLeft(s); s != ""; s = trimLeft(s) {
			r.part()
			end := strings.IndexFunc(s, isSpace)
			if len(out) == n || end < 0 {
				if len(out) < n {
					s = trimRight(s)
				}
				return append(out, s)
			}
			out = append(out, s[:end])
			s = s[end:]
		}
		return out
	}
	for len(out) < n {
		at := strings.Index(s, sep)
		if at < 0 {
			break
		}
		r.part()
		out = append(out, s[:at])
		s = s[at+len(sep):]
	}
	return append(out, s)
}

// splitRight is splitLeft from the end.
func splitRight(r *run, s, sep string, n int) []string {
	var out []string
	if sep == "" {
		for s = trimRight(s); s != ""; s = trimRight(s) {
			r.part()
			begin := strings.LastIndexFunc(s, isSpace)
			if len(out) == n || begin < 0 {
				if len(out) < n {
					s = trimLeft(s)
				}
				out = append(out, s)
				break
			}
			at := begin + len(firstRune(s[begin:]))
			out = append(out, s[at:])
			s = s[:at]
		}
		slices.Reverse(out)
		return out
	}
	for len(out) < n {
		at := strings.LastIndex(s, sep)
		if at < 0 {
			break
		}
		r.part()
		out = append(out, s[at+len(sep):])
		s = s[:at]
	}
	out = append(out, s)
	slices.Reverse(out)
	return out
}

// firstRune is the first character of s.
func firstRune(s string) string {
	for i := range s {
		if i > 0 {
			return s[:i]
		}
	}
	return s
}

func partitioner(find func(s, sep string) int, fromEnd bool) textFunc {
	return func(r *run, s string, a *args) (value, error) {
		in, err := a.bind("partition", 1, "-sep")
		if err != nil {
			return nil, err
		}
		sep, err := textOr(in[0], "")
		if err != nil {
			return nil, err
		}
		if sep == "" {
			return nil, fail("empty separator")
		}
		r.read(len(s))
		r.build(3 * slot)
		at := find(s, sep)
		switch {
		case at >= 0:
			return &tuple{[]value{s[:at], sep, s[at+len(sep):]}}, nil
		case fromEnd:
			return &tuple{[]value{"", "", s}}, nil
		}
		return &tuple{[]value{s, "", ""}}, nil
	}
}

func methodSplitlines(r *run, s string, a *args) (value, error) {
	in, err := a.bind("splitlines", 0, "keepends")
	if err != nil {
		return nil, err
	}
	return r.texts(r.lines(s, given(in[0]) && truth(in[0]))), nil
}

// lines cuts s where Python's splitlines does.
func (r *run) lines(s string, keepEnds bool) []string {
	r.read(len(s))
	var out []string
	for s != "" {
		r.part()
		at := strings.IndexFunc(s, isLineEnd)
		if at < 0 {
			return append(out, s)
		}
		n := len(firstRune(s[at:]))
		if strings.HasPrefix(s[at:], "\r\n") {
			n = 2
		}
		end := at
		if keepEnds {
			end += n
		}
		out = append(out, s[:end])
		s = s[at+n:]
	}
	return out
}

func isLineEnd(c rune) bool {
	switch c {
	case '\n', '\v', '\f', '\r', 0x1c, 0x1d, 0x1e, 0x85, 0x2028, 0x2029:
		return true
	}
	return false
}
