// Package schemas makes random JSON schemas with instances of them that owe nothing to a grammar: for tests of what makes
// grammars and of what keeps to them.
package schemas

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// Sample is a schema with instances of it that are made without the grammar.
type Sample struct {
	// Text is the schema.
	Text string
	// Same is what it means to a validator that knows no nullable.
	Same string
	// Instance writes one that is valid, compact and in the schema's order. With small it is as little as can be. In a
	// branch of a oneOf it may be valid by another branch, too, and then by none.
	Instance func(small int) string
}

// Random makes a schema: in the words of draft 7 if it is to be legacy, else of draft 2020-12. uses counts its keywords.
func Random(r *rand.Rand, legacy bool, uses map[string]int) Sample {
	m := &maker{Rand: r, legacy: legacy, uses: uses}
	return m.document()
}

// Names are those of the properties that schemas have.
func Names() []string { return slices.Clone(names) }

// maker makes schemas.
type maker struct {
	*rand.Rand
	legacy bool              // in the words of draft 7
	defs   map[string]Sample // what $ref may point to
	uses   map[string]int    // keywords used, counted
}

func (m *maker) use(keywords ...string) {
	for _, k := range keywords {
		m.uses[k]++
	}
}

func (m *maker) chance(n int) bool { return m.IntN(n) == 0 }

var names = []string{"alpha", "beta-1", `qu"ote`, "ünïcode", "with space", "alphabet", "slash/tilde~", "delta", "back\\slash", "line\nfeed"}

// spell is a string as compact JSON with no more escapes than needed.
func spell(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range s {
		i := strings.IndexRune("\b\f\n\r\t\"\\", c)
		switch {
		case i >= 0:
			b.WriteString([]string{`\b`, `\f`, `\n`, `\r`, `\t`, `\"`, `\\`}[i])
		case c < 0x20:
			fmt.Fprintf(&b, `\u%04x`, c)
		default:
			b.WriteRune(c)
		}
	}
	return b.String() + `"`
}

func (m *maker) runes(n int) string {
	var b strings.Builder
	for range n {
		b.WriteRune([]rune("abcxyz019 \"\\\n\t\x01/é漢😀\u2028")[m.IntN(20)])
	}
	return b.String()
}

// document makes one, with its whole document around it where depth is that of the outermost.
func (m *maker) document() Sample {
	m.defs = map[string]Sample{}
	key := "$defs"
	if m.legacy {
		key = "definitions"
	}
	if m.chance(3) {
		m.use("$ref", key)
		m.defs["node"] = Sample{`{"$ref":"#/` + key + `/node"}`, `{"$ref":"#/` + key + `/node"}`, nil}
		value := m.schema(1)
		var self func(int) string
		self = func(small int) string {
			v := spell("value") + ":" + value.Instance(small)
			if small > 3 || m.chance(2) {
				return "{" + v + "}"
			}
			if m.chance(2) {
				return "{" + v + `,"next":` + self(small+1) + "}"
			}
			return "{" + v + `,"children":[` + self(small+2) + "," + self(small+2) + "]}"
		}
		def := func(text string) string {
			ref := `{"$ref":"#/` + key + `/node"}`
			return `{"type":"object","properties":{"value":` + text + `,"next":` + ref + `,"children":{"type":"array","items":` + ref + `}},"required":["value"],"additionalProperties":false}`
		}
		node := m.defs["node"]
		node.Instance = self
		m.defs["node"] = node
		s := m.object(3)
		wrap := func(text, def string) string {
			return strings.TrimSuffix(text, "}") + `,"` + key + `":{"node":` + def + `}}`
		}
		return Sample{wrap(s.Text, def(value.Text)), wrap(s.Same, def(value.Same)), s.Instance}
	}
	return m.schema(3)
}

func (m *maker) schema(depth int) Sample {
	leaves := []func() Sample{m.integer, m.number, m.str, m.pattern, m.format, m.enum, m.constant, m.simple}
	if depth == 0 {
		return leaves[m.IntN(len(leaves))]()
	}
	nested := []func(int) Sample{m.object, m.array, m.tuple, m.anyOf, m.oneOf, m.allOf, m.map_, m.nullable, m.several, m.object}
	if n := m.IntN(len(leaves) + 2*len(nested)); n < len(leaves) {
		return leaves[n]()
	}
	if node, ok := m.defs["node"]; ok && node.Instance != nil && m.chance(4) {
		m.use("$ref")
		return node
	}
	return nested[m.IntN(len(nested))](depth - 1)
}

func plain(text string, instance func() string) Sample {
	return Sample{text, text, func(int) string { return instance() }}
}

func (m *maker) simple() Sample {
	switch m.IntN(4) {
	case 0:
		return plain(`{"type":"null","title":"nothing"}`, func() string { return "null" })
	case 1:
		return plain(`{"type":"boolean","default":true}`, func() string { return strconv.FormatBool(m.chance(2)) })
	case 2:
		return plain(`true`, func() string { return `{"x":[1,null,"y",{"z":true}]}` })
	}
	return plain(`{"description":"anything"}`, func() string { return `[{"x":-1.5e+3}]` })
}

func (m *maker) str() Sample {
	m.use("string")
	lo := m.IntN(5)
	hi := lo + m.IntN(300)
	text := `{"type":"string"`
	if m.chance(2) {
		m.use("minLength")
		text += fmt.Sprintf(`,"minLength":%d`, lo)
	}
	if m.chance(2) {
		m.use("maxLength")
		text += fmt.Sprintf(`,"maxLength":%d`, hi)
	}
	return plain(text+"}", func() string {
		if m.chance(3) {
			return spell(m.runes([]int{lo, hi}[m.IntN(2)]))
		}
		return spell(m.runes(lo + m.IntN(hi-lo+1)))
	})
}

// regex is a pattern and what finds it.
func (m *maker) regex(depth int) (string, func() string) {
	atoms := []struct{ src, some string }{
		{"a", "a"}, {"[a-f]", "acf"}, {`\d`, "059"}, {`\w`, "aZ_9"}, {`[^a-z\d]`, "A-é"}, {`\.`, "."}, {".", "x é"}, {`\s`, " \t"}, {`\S`, "x😀"}, {"[-+.]", "-+."}, {`\u00e9`, "é"}, {`\/`, "/"}, {`\W`, "- é"}, {`[\w-]`, "_-"},
	}
	if depth == 0 {
		a := atoms[m.IntN(len(atoms))]
		some := []rune(a.some)
		return a.src, func() string { return string(some[m.IntN(len(some))]) }
	}
	x, fx := m.regex(depth - 1)
	y, fy := m.regex(m.IntN(depth))
	switch m.IntN(5) {
	case 0:
		return "(" + x + "|" + y + ")", func() string {
			if m.chance(2) {
				return fx()
			}
			return fy()
		}
	case 1:
		lo := m.IntN(3)
		hi := lo + m.IntN(3)
		q := []string{fmt.Sprintf("{%d,%d}", lo, hi), fmt.Sprintf("{%d,}", lo), fmt.Sprintf("{%d,%d}?", lo, hi)}[m.IntN(3)]
		return "(?:" + x + ")" + q, func() string {
			out := ""
			for range lo + m.IntN(hi-lo+1) {
				out += fx()
			}
			return out
		}
	case 2:
		q := []string{"*", "+", "?", "+?"}[m.IntN(4)]
		return "(" + x + ")" + q, fx
	}
	return x + y, func() string { return fx() + fy() }
}

func (m *maker) pattern() Sample {
	m.use("pattern")
	src, f := m.regex(m.IntN(4))
	before, after := "", ""
	if m.chance(2) {
		src = "^" + src
	} else {
		before = m.runes(m.IntN(3))
	}
	if m.chance(2) {
		src += "$"
	} else {
		after = m.runes(m.IntN(3))
	}
	most := ""
	if m.chance(3) {
		m.use("maxLength")
		most = `,"maxLength":60`
	}
	write := func(src string) string {
		b, err := json.Marshal(src)
		if err != nil {
			panic(err)
		}
		return `{"type":"string","pattern":` + string(b) + most + "}"
	}
	return Sample{write(src), write(strings.ReplaceAll(src, `\u00e9`, `\x{e9}`)), func(int) string { return spell(before + f() + after) }}
}

func (m *maker) format() Sample {
	m.use("format")
	all := []struct {
		name string
		some []string
	}{
		{"date", []string{"2024-02-29", "1999-12-31", "2000-02-29", "2023-04-30"}},
		{"time", []string{"23:59:59Z", "00:00:00.123+01:30", "12:30:01-23:59"}},
		{"date-time", []string{"2024-02-29T00:00:00Z", "1985-04-12T23:20:50.52Z"}},
		{"uuid", []string{"123e4567-e89b-12d3-A456-426614174000"}},
		{"ipv4", []string{"0.0.0.0", "255.255.255.255", "10.20.199.249"}},
		{"email", []string{"a@b.cd", "first.last+tag@mail.example.org"}},
	}
	f := all[m.IntN(len(all))]
	return plain(`{"type":"string","format":"`+f.name+`"}`, func() string { return spell(f.some[m.IntN(len(f.some))]) })
}

// value is some JSON.
func (m *maker) value(depth int) string {
	switch n := m.IntN(7); {
	case n == 0:
		return "null"
	case n == 1:
		return strconv.FormatBool(m.chance(2))
	case n < 4:
		return strconv.Itoa(m.IntN(300) - 100)
	case n == 4 && depth > 0:
		return "[" + m.value(depth-1) + "," + m.value(depth-1) + "]"
	case n == 5 && depth > 0:
		return "{" + spell(names[m.IntN(4)]) + ":" + m.value(depth-1) + "}"
	}
	return spell(m.runes(m.IntN(6)))
}

func (m *maker) enum() Sample {
	m.use("enum")
	var list []string
	for range 1 + m.IntN(12) {
		if v := m.value(2); !slices.Contains(list, v) { // draft 7 has them differ
			list = append(list, v)
		}
	}
	return plain(`{"enum":[`+strings.Join(list, ", ")+`]}`, func() string { return list[m.IntN(len(list))] })
}

func (m *maker) constant() Sample {
	m.use("const")
	v := m.value(2)
	return plain(`{"const":`+v+`}`, func() string { return v })
}
