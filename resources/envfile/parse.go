package envfile

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// syntaxError is a line that its readers would read differently, or not at all. It never quotes a
// value: that may be a secret.
type syntaxError struct {
	line int
	text string
}

func (e *syntaxError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.text) }

// name is the one form of a variable's name that systemd, shells and containers agree on.
var name = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// pair is a variable and the line that sets it.
type pair struct {
	key, value string
	line       int
}

// parse reads what systemd's EnvironmentFile= and a shell read alike: KEY=value, with single or
// double quotes around all of the value or none, comments on lines of their own. "export " before
// a name is allowed, since it can mean only one thing. Everything else is a *syntaxError.
func parse(b []byte) ([]pair, error) {
	if err := plainText(b); err != nil {
		return nil, err
	}
	p := &parser{rest: string(b), line: 1}
	var pairs []pair
	seen := map[string]int{}
	for p.rest != "" {
		v, ok, err := p.next()
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		if first, twice := seen[v.key]; twice {
			return nil, &syntaxError{v.line, fmt.Sprintf("%s was set on line %d already", v.key, first)}
		}
		seen[v.key] = v.line
		pairs = append(pairs, v)
	}
	return pairs, nil
}

// plainText refuses what no variable may hold, before lines are told apart.
func plainText(b []byte) error {
	if bytes.HasPrefix(b, []byte("\xef\xbb\xbf")) {
		return &syntaxError{1, "it begins with a byte order mark: save it as UTF-8 without one"}
	}
	for i, line := 0, 1; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		crlf := r == '\r' && i+1 < len(b) && b[i+1] == '\n'
		switch {
		case r == utf8.RuneError && size == 1:
			return &syntaxError{line, "it is not UTF-8"}
		case r == '\n':
			line++
		case !crlf && badRune(r):
			return &syntaxError{line, fmt.Sprintf("it has the control character %U", r)}
		}
		i += size
	}
	return nil
}

// badRune reports control characters, for which older systemd drops a variable. Tabs and line
// ends are none.
func badRune(r rune) bool { return r < ' ' && r != '\t' && r != '\n' || r == 0x7f }

type parser struct {
	rest string
	line int
}

// peek returns the rest of the line without its end, be that LF or CR LF.
func (p *parser) peek() string {
	text, _, _ := strings.Cut(p.rest, "\n")
	return strings.TrimSuffix(text, "\r")
}

// take goes on to the next line.
func (p *parser) take() {
	_, p.rest, _ = strings.Cut(p.rest, "\n")
	p.line++
}

func (p *parser) fail(format string, args ...any) error {
	return &syntaxError{p.line, fmt.Sprintf(format, args...)}
}

// next reads one line, or more where a quoted value spans them. ok is false for a line that sets
// nothing.
func (p *parser) next() (v pair, ok bool, err error) {
	p.rest = strings.TrimLeft(p.rest, " \t")
	text := p.peek()
	switch {
	case text == "":
		p.take()
		return v, false, nil
	case text[0] == '#':
		return v, false, p.comment(text)
	}
	before, _, found := strings.Cut(text, "=")
	if !found {
		return v, false, p.fail("it is neither KEY=value nor a comment")
	}
	v.line = p.line
	p.rest = p.rest[len(before)+1:]
	v.key = strings.TrimLeft(strings.TrimPrefix(before, "export "), " \t")
	if !name.MatchString(v.key) {
		return v, false, p.badName(v.key)
	}
	v.value, err = p.value()
	return v, err == nil, err
}

// badName shows no more than a name: a value may have been written where a name was due.
func (p *parser) badName(key string) error {
	if k := strings.TrimRight(key, " \t"); k != key && name.MatchString(k) {
		return p.fail("there is a blank between %s and =", k)
	}
	return p.fail("what is before = is not a name of letters, digits and underscores")
}

func (p *parser) comment(text string) error {
	if strings.HasSuffix(text, `\`) {
		return p.fail(`the comment ends in a backslash: older systemd takes the next line for a comment too`)
	}
	p.take()
	return nil
}

func (p *parser) value() (string, error) {
	switch {
	case strings.HasPrefix(p.rest, "'"):
		return p.quoted('\'')
	case strings.HasPrefix(p.rest, `"`):
		return p.quoted('"')
	}
	text := p.peek()
	if err := bare(text); err != nil {
		return "", p.fail("%v: put the value in single quotes", err)
	}
	p.take()
	return text, nil
}

// bare returns why a value cannot stand without quotes, or nil.
func bare(s string) error {
	switch {
	case strings.ContainsAny(s, " \t"):
		return errors.New("a shell ends the value at the blank, others do not")
	case strings.HasPrefix(s, "#"):
		return errors.New("some take the value for a comment")
	case strings.HasPrefix(s, "~") || strings.Contains(s, ":~"):
		return errors.New("a shell puts a home directory in place of ~")
	}
	if i := strings.IndexAny(s, "$`\\\"';&|<>()"); i >= 0 {
		return fmt.Errorf("%q has a meaning to a shell", s[i])
	}
	return nil
}

// quoted reads a value in quotes, and that nothing follows it.
func (p *parser) quoted(quote byte) (string, error) {
	value, size, err := p.inside(quote)
	if err != nil {
		return "", err
	}
	start := p.rest[:size]
	p.rest = p.rest[size:]
	p.line += strings.Count(start, "\n")
	if strings.Trim(p.peek(), " \t") != "" {
		return "", p.fail("there is more after the closing quote, which some take for a part of the value")
	}
	p.take()
	return value, nil
}

// inside reads from the opening quote at the start of rest to the closing one.
func (p *parser) inside(quote byte) (value string, size int, err error) {
	var out strings.Builder
	lines := 0
	fail := func(text string) (string, int, error) {
		return "", 0, &syntaxError{p.line + lines, text}
	}
	for i := 1; i < len(p.rest); i++ {
		c := p.rest[i]
		switch {
		case c == quote:
			return out.String(), i + 1, nil
		case c == '\n':
			lines++
		case c == '\r':
			return fail("a line in quotes ends in CR LF, and the CR would be a part of the value")
		case quote == '\'':
		case c == '$' || c == '`':
			return fail(fmt.Sprintf("a shell fills in %q, others do not: write \\%c, or use single quotes", c, c))
		case c == '\\':
			i++
			if i == len(p.rest) || !strings.ContainsRune("\"\\$`\n", rune(p.rest[i])) {
				return fail("some drop the backslash and others keep it: write two, or use single quotes")
			}
			if c = p.rest[i]; c == '\n' { // the line goes on
				lines++
				continue
			}
		}
		out.WriteByte(c)
	}
	return "", 0, p.fail("the quote is not closed")
}
