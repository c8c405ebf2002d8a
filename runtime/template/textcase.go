package template

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

// upper and lower know characters that become several ("ß" is "SS"), as Python does and package strings does not.
func upper(s string) string {
	if isASCII(s) {
		return strings.ToUpper(s)
	}
	return cases.Upper(language.Und).String(s)
}

func lower(s string) string {
	if isASCII(s) {
		return strings.ToLower(s)
	}
	return cases.Lower(language.Und).String(s)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// recase pays for changing the case of s: what is not ASCII goes through tables, word by word in the worst case.
func (r *run) recase(s string) {
	r.build(2 * len(s)) // a character may become two
	if isASCII(s) {
		r.read(len(s))
	} else {
		r.spend(4 * len(s))
	}
}

// capital is a character at the beginning of a word.
func capital(c rune) string {
	if t := unicode.ToTitle(c); t != c || unicode.IsUpper(c) {
		return string(t)
	}
	up := upper(string(c))
	first := firstRune(up)
	return first + lower(up[len(first):])
}

func capitalize(s string) string {
	first := firstRune(s)
	if first == "" {
		return ""
	}
	c, _ := utf8.DecodeRuneInString(first)
	return capital(c) + lower(s[len(first):])
}

// title is Python's str.title: a word is what has case, one after the other.
func title(s string) string {
	var b strings.Builder
	small := strings.Builder{}
	within := false
	for _, c := range s {
		cased := isCased(c)
		if cased && within {
			small.WriteRune(c)
			continue
		}
		b.WriteString(lower(small.String()))
		small.Reset()
		if cased {
			b.WriteString(capital(c))
		} else {
			b.WriteRune(c)
		}
		within = cased
	}
	b.WriteString(lower(small.String()))
	return b.String()
}

func isCased(c rune) bool {
	return unicode.IsUpper(c) || unicode.IsLower(c) || unicode.IsTitle(c) || unicode.Is(unicode.Other_Lowercase, c)
}

func swapcase(s string) string {
	var b strings.Builder
	for _, c := range s {
		switch {
		case unicode.IsUpper(c):
			b.WriteString(lower(string(c)))
		case unicode.IsLower(c):
			b.WriteString(upper(string(c)))
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

// isUpper says that there is case in s, and all of it is upper; isLower the same of lower.
func isUpper(s string) bool { return oneCase(s, unicode.IsUpper) }
func isLower(s string) bool {
	return oneCase(s, func(c rune) bool { return unicode.IsLower(c) || unicode.Is(unicode.Other_Lowercase, c) })
}

func oneCase(s string, ok func(rune) bool) bool {
	any := false
	for _, c := range s {
		if !isCased(c) {
			continue
		}
		if !ok(c) {
			return false
		}
		any = true
	}
	return any
}

func allOf(s string, ok func(rune) bool) bool {
	for _, c := range s {
		if !ok(c) {
			return false
		}
	}
	return s != ""
}
