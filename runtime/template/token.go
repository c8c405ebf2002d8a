package template

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind byte

const (
	tokEnd tokenKind = iota
	tokData
	tokVarBegin
	tokVarEnd
	tokBlockBegin
	tokBlockEnd
	tokName
	tokString // its text is what the string says
	tokInteger
	tokFloat
	tokOp
)

type token struct {
	kind tokenKind
	line int
	text string
}

func (t token) is(kind tokenKind, text string) bool { return t.kind == kind && t.text == text }

// describe says what a token is, for people.
func (t token) describe() string {
	switch t.kind {
	case tokEnd:
		return "the end of the template"
	case tokData:
		return "text"
	case tokString:
		return "a string"
	case tokVarEnd, tokBlockEnd:
		return "the end of the tag"
	}
	return "'" + shorten(t.text) + "'"
}

// shorten keeps errors short, whatever they quote.
func shorten(s string) string {
	if len(s) > 60 {
		return strings.ToValidUTF8(s[:60], "") + "…"
	}
	return s
}

// operators, the longer ones first.
var operators = []string{"//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",", ";"}

// inside cuts what is within a tag. Within brackets nothing ends it.
func (l *lexer) inside(kind tokenKind, end string) error {
	var open []byte
	for {
		rest := l.src[l.pos:]
		if rest == "" {
			return l.fail("a tag has no end")
		}
		if n := after(rest, end, kind == tokBlockEnd); n > 0 && len(open) == 0 {
			l.add(kind, end)
			l.advance(n)
			return nil
		}
		if n := len(rest) - len(trimLeft(rest)); n > 0 {
			l.advance(n)
			continue
		}
		if len(l.tokens) > maxTokens {
			return &LimitError{LimitSource}
		}
		if err := l.piece(rest, &open); err != nil {
			return err
		}
	}
}

// piece cuts one number, name, string or operator.
func (l *lexer) piece(rest string, open *[]byte) error {
	afterDot := l.pos > 0 && l.src[l.pos-1] == '.'
	if n, kind := number(rest, afterDot); n > 0 {
		l.add(kind, strings.ReplaceAll(rest[:n], "_", ""))
		l.advance(n)
		return nil
	}
	if n := name(rest); n > 0 {
		if c, _ := utf8.DecodeRuneInString(rest); c != '_' && !unicode.IsLetter(c) {
			return l.fail("a name begins with a digit: '" + shorten(rest[:n]) + "'")
		}
		l.add(tokName, rest[:n])
		l.advance(n)
		return nil
	}
	if rest[0] == '\'' || rest[0] == '"' {
		return l.quoted(rest)
	}
	for _, op := range operators {
		if strings.HasPrefix(rest, op) {
			l.add(tokOp, op)
			l.advance(len(op))
			return l.balance(op, open)
		}
	}
	_, n := utf8.DecodeRuneInString(rest)
	return l.fail("unexpected '" + rest[:n] + "'")
}

// balance keeps what is open and refuses what was not opened.
func (l *lexer) balance(op string, open *[]byte) error {
	switch op {
	case "(":
		*open = append(*open, ')')
	case "[":
		*open = append(*open, ']')
	case "{":
		*open = append(*open, '}')
	case ")", "]", "}":
		n := len(*open)
		if n == 0 || (*open)[n-1] != op[0] {
			return l.fail("unexpected '" + op + "'")
		}
		*open = (*open)[:n-1]
	}
	return nil
}

func name(s string) int {
	for i, c := range s {
		if c != '_' && !unicode.IsLetter(c) && !unicode.IsDigit(c) && !unicode.IsMark(c) {
			return i
		}
	}
	return len(s)
}

// number is how long a number at the beginning of s is, and of what kind.
func number(s string, afterDot bool) (int, tokenKind) {
	whole := digits(s, isDigit)
	if whole == 0 {
		return 0, 0
	}
	if n := fraction(s, whole); n > 0 && !afterDot {
		return n, tokFloat
	}
	if s[0] != '0' {
		return whole, tokInteger
	}
	if len(s) > 2 {
		var ok func(byte) bool
		switch s[1] {
		case 'b', 'B':
			ok = func(c byte) bool { return c == '0' || c == '1' }
		case 'o', 'O':
			ok = func(c byte) bool { return c >= '0' && c <= '7' }
		case 'x', 'X':
			ok = isHex
		}
		if ok != nil {
			from := 2
			if s[2] == '_' {
				from = 3
			}
			if n := digits(s[from:], ok); n > 0 {
				return from + n, tokInteger
			}
		}
	}
	return digits(s, func(c byte) bool { return c == '0' }), tokInteger
}

// fraction is how long a number is that has a fraction or an exponent after its whole part, or 0.
func fraction(s string, whole int) int {
	n := whole
	if n < len(s) && s[n] == '.' {
		d := digits(s[n+1:], isDigit)
		if d == 0 {
			return 0
		}
		n += 1 + d
	}
	if n < len(s) && (s[n] == 'e' || s[n] == 'E') {
		e := n + 1
		if e < len(s) && (s[e] == '+' || s[e] == '-') {
			e++
		}
		if d := digits(s[e:], isDigit); d > 0 {
			return e + d
		}
	}
	if n == whole {
		return 0
	}
	return n
}

// digits is how many bytes of s are digits, with single "_" between them.
func digits(s string, ok func(byte) bool) int {
	n := 0
	for n < len(s) {
		switch {
		case ok(s[n]):
			n++
		case s[n] == '_' && n > 0 && n+1 < len(s) && ok(s[n+1]):
			n += 2
		default:
			return n
		}
	}
	return n
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isHex(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }
