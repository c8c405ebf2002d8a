package grammar

import (
	"fmt"
	"slices"
	"strings"
)

// plain are the code points that stand in a JSON string as they are. Surrogates are none.
var plain = class{{0x20, 0x21}, {0x23, 0x5b}, {0x5d, 0xd7ff}, {0xe000, 0x10ffff}}

// texts makes the rules of strings, each once.
type texts struct {
	*rules
	char   ref
	simple map[[2]int]ref
}

func newTexts(r *rules) *texts { return &texts{rules: r, simple: map[[2]int]ref{}} }

// character is one code point of a string in every spelling that JSON has: half a surrogate pair is none.
func (t *texts) character() ref {
	if t.char == 0 {
		hex := class{{'0', '9'}, {'A', 'F'}, {'a', 'f'}}
		dD := class{{'D', 'D'}, {'d', 'd'}}
		unit := alt{
			seq{class{{'0', '9'}, {'A', 'C'}, {'a', 'c'}, {'E', 'F'}, {'e', 'f'}}, rep{hex, 3, 3}},
			seq{dD, class{{'0', '7'}}, rep{hex, 2, 2}},
			seq{dD, class{{'8', '9'}, {'A', 'B'}, {'a', 'b'}}, rep{hex, 2, 2}, lit(`\u`), dD, class{{'C', 'F'}, {'c', 'f'}}, rep{hex, 2, 2}},
		}
		escapes := class{}
		for _, c := range `"/\bfnrt` {
			escapes = append(escapes, runes{c, c})
		}
		t.char = t.add("char", alt{plain, seq{lit(`\`), alt{escapes, seq{lit("u"), unit}}}})
	}
	return t.char
}

// str is a string of least to most code points; most < 0 is without end.
func (t *texts) str(least, most int) ref {
	key := [2]int{least, most}
	if t.simple[key] == 0 {
		quote := lit(`"`)
		t.simple[key] = t.add("string", seq{quote, t.repeat(t.character(), least, most), quote})
	}
	return t.simple[key]
}

// quoteJSON spells a string in the one way in which dfaRule spells it.
func quoteJSON(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range s {
		b.WriteString(spellJSON(c))
	}
	b.WriteByte('"')
	return b.String()
}

func spellJSON(c rune) string {
	switch {
	case c == '"' || c == '\\':
		return `\` + string(c)
	case c >= 0x20:
		return string(c)
	}
	if i := strings.IndexRune("\b\f\n\r\t", c); i >= 0 {
		return `\` + "bfnrt"[i:i+1]
	}
	return fmt.Sprintf(`\u%04x`, c)
}

// spelled is one code point of a set in the spelling of quoteJSON.
func spelled(set class) expr {
	var a alt
	if direct := intersect(set, plain); len(direct) > 0 {
		a = append(a, direct)
	}
	for _, c := range `"\` {
		if has(set, c) {
			a = append(a, lit(spellJSON(c)))
		}
	}
	for c := range rune(0x20) {
		if has(set, c) {
			a = append(a, lit(spellJSON(c)))
		}
	}
	return trie(a)
}

// trie turns texts that begin alike, among alternatives that are sets, into one way each: every way costs as much as the
// whole vocabulary.
func trie(a alt) expr {
	var texts []string
	var rest alt
	for _, e := range a {
		if l, ok := e.(lit); ok {
			texts = append(texts, string(l))
		} else {
			rest = append(rest, e)
		}
	}
	if len(texts) == 0 {
		return rest
	}
	return append(rest, choice(texts))
}

// choice is one of some texts, in one way at a time.
func choice(texts []string) expr {
	var list [][]rune
	for _, s := range texts {
		list = append(list, []rune(s))
	}
	slices.SortFunc(list, func(a, b []rune) int { return slices.Compare(a, b) })
	return branches(slices.CompactFunc(list, func(a, b []rune) bool { return slices.Equal(a, b) }))
}

// branches is one of some sorted texts that differ. Single characters that all end a text are a class.
func branches(list [][]rune) expr {
	n := 0
	for n < len(list[0]) && n < len(list[len(list)-1]) && list[0][n] == list[len(list)-1][n] {
		n++ // sorted, so what first and last have in common all have
	}
	var rest alt
	var ends class
	for i := 0; i < len(list); {
		if len(list[i]) == n {
			rest = append(rest, seq(nil))
			i++
			continue
		}
		j := i + 1
		for j < len(list) && list[j][n] == list[i][n] {
			j++
		}
		if j == i+1 && len(list[i]) == n+1 {
			ends = append(ends, runes{list[i][n], list[i][n]})
		} else {
			group := make([][]rune, 0, j-i)
			for _, s := range list[i:j] {
				group = append(group, s[n:])
			}
			rest = append(rest, branches(group))
		}
		i = j
	}
	if len(ends) > 0 {
		rest = append(rest, union(ends))
	}
	head := lit(string(list[0][:n]))
	if len(rest) == 1 {
		return seq{head, rest[0]}
	}
	return seq{head, rest}
}
