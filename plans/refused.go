package plans

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// refused finds what must not reach the parser: it would end the program, or keep it busy for hours.
func refused(src []byte, name string, at hcl.Pos) hcl.Diagnostics {
	if strings.HasSuffix(name, ".json") {
		return refusedJSON(src, name)
	}
	if !mayBeDeep(src) && !mayBeHuge(src) {
		return nil
	}
	tokens, _ := hclsyntax.LexConfig(src, name, at) // the parser reports the same mistakes
	return refusedTokens(tokens, hcl.Range{Filename: name, Start: at, End: at})
}

// refusedTemplate is refused for a template.
func refusedTemplate(src []byte, name string) hcl.Diagnostics {
	if !mayBeDeep(src) && !mayBeHuge(src) || !bytes.Contains(src, []byte("{")) {
		return nil
	}
	tokens, _ := hclsyntax.LexTemplate(src, name, hcl.InitialPos) // the parser reports the same mistakes
	return refusedTokens(tokens, hcl.Range{Filename: name, Start: hcl.InitialPos, End: hcl.InitialPos})
}

func refusedTokens(tokens hclsyntax.Tokens, at hcl.Range) hcl.Diagnostics {
	if deepTokens(tokens) {
		return tooDeep(at)
	}
	for _, t := range tokens {
		if t.Type == hclsyntax.TokenNumberLit && isHuge(t.Bytes) {
			return tooHuge(t.Range)
		}
	}
	return nil
}

// refusedJSON looks at the nesting and the numbers outside of strings, and at each string that is a
// template.
func refusedJSON(src []byte, name string) hcl.Diagnostics {
	if !mayBeDeep(src) && !mayBeHuge(src) && !bytes.Contains(src, []byte(`\u00`)) {
		return nil
	}
	depth := 0
	for i := 0; i < len(src); i++ {
		switch b := src[i]; {
		case b == '{' || b == '[':
			depth++
		case b == '}' || b == ']':
			depth--
		case b == '"':
			end := stringEnd(src, i+1)
			if diags := refusedString(src[i:min(end+1, len(src))], name); diags.HasErrors() {
				at := placeIn(src, name, i, end)
				diags[0].Subject = &at
				return diags
			}
			i = end
		case '0' <= b && b <= '9':
			end := i + len(src[i:]) - len(bytes.TrimLeft(src[i:], "0123456789.eE+-"))
			if isHuge(src[i:end]) {
				return tooHuge(placeIn(src, name, i, end))
			}
			i = end - 1
		}
		if depth > maxDepth {
			return tooDeep(placeIn(src, name, 0, 0))
		}
	}
	return nil
}

// stringEnd is where the JSON string that starts at i has its closing quote.
func stringEnd(src []byte, i int) int {
	for ; i < len(src) && src[i] != '"'; i++ {
		if src[i] == '\\' {
			i++
		}
	}
	return min(i, len(src))
}

// refusedString looks at what a JSON string in its quotes means.
func refusedString(quoted []byte, name string) hcl.Diagnostics {
	if !bytes.Contains(quoted, []byte("{")) && !bytes.Contains(quoted, []byte(`\u`)) {
		return nil // no template
	}
	var s string
	if json.Unmarshal(quoted, &s) != nil {
		return nil // no string either: the parser will say so
	}
	return refusedTemplate([]byte(s), name)
}

// placeIn is the range from start to end in the file that holds src.
func placeIn(src []byte, name string, start, end int) hcl.Range {
	pos := func(i int) hcl.Pos {
		before := src[:i]
		return hcl.Pos{Line: 1 + bytes.Count(before, []byte("\n")), Column: i - bytes.LastIndexByte(before, '\n'), Byte: i}
	}
	return hcl.Range{Filename: name, Start: pos(start), End: pos(end)}
}

func tooDeep(at hcl.Range) hcl.Diagnostics {
	return hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "Nested too deeply", Detail: sentence(nestedTooDeeply), Subject: &at}}
}

// Bounds of a number that is written in a plan. Numbers are exact, and to write one as text takes
// time and memory for each of its digits, of which 1e1000000000 has very many.
const (
	maxDigits   = 10_000
	maxExponent = 4 // digits
)

func tooHuge(at hcl.Range) hcl.Diagnostics {
	return hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "Number out of range", Detail: sentence(hugeNumber()), Subject: &at}}
}

func hugeNumber() string {
	return fmt.Sprintf("a number has at most %d digits, and its exponent at most %d", maxDigits, maxExponent)
}

// mayBeHuge is a quick look for anything that could be such a number, in strings too.
func mayBeHuge(src []byte) bool {
	digits := 0
	for i, b := range src {
		switch {
		case '0' <= b && b <= '9':
			if digits++; digits > maxDigits {
				return true
			}
			continue
		case b == '.':
			continue
		case digits > 0 && (b == 'e' || b == 'E') && exponent(src[i+1:]) > maxExponent:
			return true
		}
		digits = 0
	}
	return false
}

// isHuge reports whether the number that is written as lit is out of bounds.
func isHuge(lit []byte) bool {
	e := bytes.IndexAny(lit, "eE")
	return len(lit) > maxDigits || e >= 0 && exponent(lit[e+1:]) > maxExponent
}

// exponent counts the digits of the exponent that src starts with.
func exponent(src []byte) int {
	if len(src) > 0 && (src[0] == '+' || src[0] == '-') {
		src = src[1:]
	}
	n := 0
	for _, b := range bytes.TrimLeft(src, "0") {
		if b < '0' || b > '9' {
			break
		}
		n++
	}
	return n
}
