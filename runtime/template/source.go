package template

import (
	"strings"
)

const (
	maxSource = 1 << 20
	maxTokens = 200_000
)

// lexer cuts a template into tokens. How white space around tags goes is that of Jinja2's lexer with trim_blocks and
// lstrip_blocks: the first newline after a block or comment goes, and so does the space before one on its line; "-" takes
// all white space on its side, "+" none.
type lexer struct {
	src    string
	pos    int
	line   int
	fresh  bool // at the beginning of a line, as far as what was cut before tells
	tokens []token
}

func lex(src string) ([]token, error) {
	if len(src) > maxSource {
		return nil, &LimitError{LimitSource}
	}
	src = strings.ReplaceAll(src, "\r\n", "\n")
	src = strings.ReplaceAll(src, "\r", "\n")
	l := &lexer{src: strings.TrimSuffix(src, "\n"), line: 1, fresh: true}
	for l.pos < len(l.src) {
		if err := l.next(); err != nil {
			return nil, err
		}
		if len(l.tokens) > maxTokens {
			return nil, &LimitError{LimitSource}
		}
	}
	l.add(tokEnd, "")
	return l.tokens, nil
}

func (l *lexer) fail(reason string) error { return &SyntaxError{l.line, reason} }

func (l *lexer) add(k tokenKind, text string) {
	l.tokens = append(l.tokens, token{kind: k, line: l.line, text: text})
}

// advance moves over n bytes.
func (l *lexer) advance(n int) {
	cut := l.src[l.pos : l.pos+n]
	l.line += strings.Count(cut, "\n")
	l.pos += n
	l.fresh = strings.HasSuffix(cut, "\n")
}

// next cuts the text up to the next tag, and the tag.
func (l *lexer) next() error {
	rest := l.src[l.pos:]
	at := tagAt(rest)
	if at < 0 {
		l.add(tokData, rest)
		l.advance(len(rest))
		return nil
	}
	kind := rest[at+1]
	sign := byte(0)
	if at+2 < len(rest) && (rest[at+2] == '-' || rest[at+2] == '+') {
		sign = rest[at+2]
	}
	if text := l.before(rest[:at], sign, kind != '{'); text != "" {
		l.add(tokData, text)
	}
	l.advance(at)
	if kind == '%' {
		if n := rawTag(l.src[l.pos:], "raw", false); n > 0 {
			return l.raw(n)
		}
	}
	if sign != 0 {
		l.advance(3)
	} else {
		l.advance(2)
	}
	switch kind {
	case '#':
		return l.comment()
	case '{':
		l.add(tokVarBegin, "{{")
		return l.inside(tokVarEnd, "}}")
	}
	l.add(tokBlockBegin, "{%")
	return l.inside(tokBlockEnd, "%}")
}

// tagAt is where the first tag begins, or -1.
func tagAt(s string) int {
	for i := 0; ; i++ {
		n := strings.IndexByte(s[i:], '{')
		if n < 0 || i+n+1 >= len(s) {
			return -1
		}
		i += n
		if c := s[i+1]; c == '{' || c == '%' || c == '#' {
			return i
		}
	}
}

// before is what is printed of the text before a tag with that sign.
func (l *lexer) before(text string, sign byte, block bool) string {
	if sign == '-' {
		return trimRight(text)
	}
	if sign == '+' || !block {
		return text
	}
	bol := strings.LastIndexByte(text, '\n') + 1
	if (bol > 0 || l.fresh) && trimLeft(text[bol:]) == "" {
		return text[:bol]
	}
	return text
}

// after is how many bytes the end of a tag has at the beginning of s, with the white space that goes with it, or 0. Ends of
// variables and of raw tags take no newline.
func after(s, end string, newline bool) int {
	switch {
	case strings.HasPrefix(s, "-"+end):
		return len(s) - len(trimLeft(s[1+len(end):]))
	case newline && strings.HasPrefix(s, "+"+end):
		return 1 + len(end)
	case newline && strings.HasPrefix(s, end+"\n"):
		return len(end) + 1
	case strings.HasPrefix(s, end):
		return len(end)
	}
	return 0
}

func (l *lexer) comment() error {
	rest := l.src[l.pos:]
	at := strings.Index(rest, "#}")
	if at < 0 {
		return l.fail("a comment has no end")
	}
	// The shortest comment wins: "-" and "+" belong to its end.
	if at > 0 && (rest[at-1] == '-' || rest[at-1] == '+') {
		at--
	}
	l.advance(at + after(rest[at:], "#}", true))
	return nil
}

// rawTag is how many bytes a tag such as {% raw %} has at the beginning of s, or 0.
func rawTag(s, name string, newline bool) int {
	p, ok := strings.CutPrefix(s, "{%")
	if !ok {
		return 0
	}
	if p != "" && (p[0] == '-' || p[0] == '+') {
		p = p[1:]
	}
	p, ok = strings.CutPrefix(trimLeft(p), name)
	if !ok {
		return 0
	}
	p = trimLeft(p)
	n := after(p, "%}", newline)
	if n == 0 {
		return 0
	}
	return len(s) - len(p) + n
}

// raw cuts what is between {% raw %}, which has n bytes, and {% endraw %}.
func (l *lexer) raw(n int) error {
	l.advance(n)
	rest := l.src[l.pos:]
	for at := 0; ; at += 2 {
		i := strings.Index(rest[at:], "{%")
		if i < 0 {
			return l.fail("a raw block has no end")
		}
		at += i
		end := rawTag(rest[at:], "endraw", true)
		if end == 0 {
			continue
		}
		if text := l.before(rest[:at], rest[at+2], true); text != "" {
			l.add(tokData, text)
		}
		l.advance(at + end)
		return nil
	}
}
