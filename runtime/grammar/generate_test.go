package grammar_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// sample is a schema with instances of it that are made without the grammar.
type sample struct {
	text string // as it is handed to Schema
	same string // what it means to a validator that knows no nullable
	// instance writes one that is valid, compact and in the schema's order. With small it is as little as can be.
	instance func(small int) string
}

// maker makes schemas.
type maker struct {
	*rand.Rand
	legacy bool              // in the words of draft 7
	defs   map[string]sample // what $ref may point to
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

// schema makes one, with its whole document around it where depth is that of the outermost.
func (m *maker) document() sample {
	m.defs = map[string]sample{}
	key := "$defs"
	if m.legacy {
		key = "definitions"
	}
	if m.chance(3) {
		m.use("$ref", key)
		m.defs["node"] = sample{`{"$ref":"#/` + key + `/node"}`, `{"$ref":"#/` + key + `/node"}`, nil}
		value := m.schema(1)
		var self func(int) string
		self = func(small int) string {
			v := spell("value") + ":" + value.instance(small)
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
		node.instance = self
		m.defs["node"] = node
		s := m.object(3)
		wrap := func(text, def string) string {
			return strings.TrimSuffix(text, "}") + `,"` + key + `":{"node":` + def + `}}`
		}
		return sample{wrap(s.text, def(value.text)), wrap(s.same, def(value.same)), s.instance}
	}
	return m.schema(3)
}

func (m *maker) schema(depth int) sample {
	leaves := []func() sample{m.integer, m.number, m.str, m.pattern, m.format, m.enum, m.constant, m.simple}
	if depth == 0 {
		return leaves[m.IntN(len(leaves))]()
	}
	nested := []func(int) sample{m.object, m.array, m.tuple, m.anyOf, m.oneOf, m.allOf, m.map_, m.nullable, m.several, m.object}
	if n := m.IntN(len(leaves) + 2*len(nested)); n < len(leaves) {
		return leaves[n]()
	}
	if node, ok := m.defs["node"]; ok && node.instance != nil && m.chance(4) {
		m.use("$ref")
		return node
	}
	return nested[m.IntN(len(nested))](depth - 1)
}

func plain(text string, instance func() string) sample {
	return sample{text, text, func(int) string { return instance() }}
}

func (m *maker) simple() sample {
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

func (m *maker) integer() sample {
	m.use("integer")
	lo := m.Int64N(2000) - 1000
	if m.chance(4) {
		lo = m.Int64N(2e15) - 1e15
	}
	hi := lo + m.Int64N(1<<m.Int64N(40))
	text := `{"type":"integer"`
	from, to := int64(-1e15), int64(1e15)
	if m.chance(2) {
		from = lo
		if m.chance(2) {
			m.use("minimum")
			text += fmt.Sprintf(`,"minimum":%d`, lo)
		} else {
			m.use("exclusiveMinimum")
			text += fmt.Sprintf(`,"exclusiveMinimum":%d`, lo-1)
		}
	}
	if m.chance(2) {
		to = hi
		if m.chance(2) {
			m.use("maximum")
			text += fmt.Sprintf(`,"maximum":%d.5`, hi)
			if hi < 0 {
				to = hi - 1
				if from > to {
					text = strings.Replace(text, fmt.Sprintf(`"maximum":%d.5`, hi), fmt.Sprintf(`"maximum":%d`, hi), 1)
					to = hi
				}
			}
		} else {
			m.use("exclusiveMaximum")
			text += fmt.Sprintf(`,"exclusiveMaximum":%d`, hi+1)
		}
	}
	if m.chance(4) {
		m.use("multipleOf")
		text = strings.Replace(text, "integer", "number", 1) + `,"multipleOf":1`
	}
	return plain(text+"}", func() string {
		switch m.IntN(4) {
		case 0:
			return strconv.FormatInt(from, 10)
		case 1:
			return strconv.FormatInt(to, 10)
		}
		return strconv.FormatInt(from+m.Int64N(to-from+1), 10)
	})
}

func (m *maker) number() sample {
	m.use("number")
	scale := int64(1)
	digits := m.IntN(6)
	for range digits {
		scale *= 10
	}
	lo := m.Int64N(4000*scale) - 2000*scale
	hi := lo + 1 + m.Int64N(1+m.Int64N(scale*100))
	write := func(x int64) string { return big.NewRat(x, scale).FloatString(digits) }
	text := `{"type":"number"`
	switch m.IntN(5) {
	case 0:
		return plain(text+"}", func() string { return []string{"0", "-0.5", "12e9", "3.25E-10", "1234567890123456"}[m.IntN(5)] })
	case 1:
		m.use("minimum", "maximum")
		return plain(text+`,"minimum":`+write(lo)+`,"maximum":`+write(hi)+`}`, func() string { return write(lo + m.Int64N(hi-lo+1)) })
	case 2:
		m.use("exclusiveMinimum", "exclusiveMaximum")
		return plain(text+`,"exclusiveMinimum":`+write(lo)+`,"exclusiveMaximum":`+write(hi)+`}`, func() string {
			return new(big.Rat).Add(big.NewRat(lo, scale), big.NewRat(m.Int64N(9)+1, scale*10)).FloatString(digits + 1)
		})
	case 3:
		m.use("minimum")
		return plain(text+`,"minimum":`+write(lo)+`}`, func() string { return write(lo + m.Int64N(1e9)) })
	}
	m.use("exclusiveMaximum")
	return plain(text+`,"exclusiveMaximum":`+write(lo)+`}`, func() string { return write(lo - 1 - m.Int64N(1e9)) })
}

func (m *maker) str() sample {
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

func (m *maker) pattern() sample {
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
	return sample{write(src), write(strings.ReplaceAll(src, `\u00e9`, `\x{e9}`)), func(int) string { return spell(before + f() + after) }}
}

func (m *maker) format() sample {
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

func (m *maker) enum() sample {
	m.use("enum")
	var list []string
	for range 1 + m.IntN(12) {
		if v := m.value(2); !slices.Contains(list, v) { // draft 7 has them differ
			list = append(list, v)
		}
	}
	return plain(`{"enum":[`+strings.Join(list, ", ")+`]}`, func() string { return list[m.IntN(len(list))] })
}

func (m *maker) constant() sample {
	m.use("const")
	v := m.value(2)
	return plain(`{"const":`+v+`}`, func() string { return v })
}
