package template

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// quoted cuts a string. What its backslashes mean is Python's unicode_escape.
func (l *lexer) quoted(rest string) error {
	end := 1
	for ; end < len(rest) && rest[end] != rest[0]; end++ {
		if rest[end] == '\\' {
			end++
		}
	}
	if end >= len(rest) {
		return l.fail("a string has no end")
	}
	text, ok := unescape(rest[1:end])
	if !ok {
		return l.fail("a string has a wrong escape: " + shorten(rest[:end+1]))
	}
	l.add(tokString, text)
	l.advance(end + 1)
	return nil
}

func unescape(s string) (string, bool) {
	if !strings.Contains(s, "\\") {
		return s, true
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			i++
			continue
		}
		n, ok := escape(&b, s[i:])
		if !ok {
			return "", false
		}
		i += n
	}
	return b.String(), true
}

// escape writes what the backslash at the beginning of s stands for, and returns how long it is.
func escape(b *strings.Builder, s string) (int, bool) {
	c := s[1]
	if i := strings.IndexByte(`\'"abfnrtv`, c); i >= 0 {
		b.WriteByte("\\'\"\a\b\f\n\r\t\v"[i])
		return 2, true
	}
	switch {
	case c == '\n':
		return 2, true
	case c == 'x':
		return hexEscape(b, s, 2)
	case c == 'u':
		return hexEscape(b, s, 4)
	case c == 'U':
		return hexEscape(b, s, 8)
	case c == 'N':
		return 0, false // names of characters are not known here
	case c >= '0' && c <= '7':
		n := 2
		for n < len(s) && n < 4 && s[n] >= '0' && s[n] <= '7' {
			n++
		}
		v, _ := strconv.ParseUint(s[1:n], 8, 16)
		b.WriteRune(rune(v))
		return n, true
	}
	b.WriteByte('\\') // no escape: both are kept
	return 1, true
}

func hexEscape(b *strings.Builder, s string, digits int) (int, bool) {
	n := 2 + digits
	if len(s) < n {
		return 0, false
	}
	v, err := strconv.ParseUint(s[2:n], 16, 32)
	if err != nil || v > utf8.MaxRune {
		return 0, false
	}
	if utf16.IsSurrogate(rune(v)) {
		return 0, false // Python would fail when it prints it
	}
	b.WriteRune(rune(v))
	return n, true
}
