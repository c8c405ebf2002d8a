package schemas

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// object makes an object with some properties.
func (m *maker) object(depth int) Sample { return m.objectOf(depth, names, "") }

// objectOf takes names from a list; fixed is a property with a constant that comes first, "" for none.
func (m *maker) objectOf(depth int, from []string, fixed string) Sample {
	m.use("properties", "required", "additionalProperties")
	type prop struct {
		name     string
		s        Sample
		required bool
	}
	var props []prop
	for _, i := range m.Perm(len(from))[:m.IntN(min(5, len(from)+1))] {
		props = append(props, prop{from[i], m.schema(depth), m.chance(2)})
	}
	if fixed != "" {
		text := fmt.Sprintf(`{"const":%q}`, fixed)
		props = slices.Insert(props, 0, prop{"kind", plain(text, func() string { return strconv.Quote(fixed) }), true})
	}
	rest, restText := Sample{}, ""
	switch m.IntN(4) {
	case 0:
		rest = m.schema(0)
		restText = "S"
	case 1:
		rest = plain("true", func() string { return "[]" })
		restText = "S"
	case 2:
		restText = "false"
	}
	write := func(of func(Sample) string) string {
		var parts, required []string
		for _, p := range props {
			parts = append(parts, spell(p.name)+":"+of(p.s))
			if p.required {
				required = append(required, spell(p.name))
			}
		}
		text := `{"type":"object","properties":{` + strings.Join(parts, ",") + `}`
		if len(required) > 0 {
			text += `,"required":[` + strings.Join(required, ",") + `]`
		}
		switch restText {
		case "S":
			text += `,"additionalProperties":` + of(rest)
		case "false":
			text += `,"additionalProperties":false`
		}
		return text + "}"
	}
	return Sample{write(textOf), write(sameOf), func(small int) string {
		var parts []string
		for _, p := range props {
			if p.required || small < 3 && m.chance(2) {
				parts = append(parts, spell(p.name)+":"+p.s.Instance(small+1))
			}
		}
		if restText == "S" && m.chance(2) {
			for _, k := range []string{"zeta", "alph", "alphaX", ""}[m.IntN(3):] {
				parts = append(parts, spell(k)+":"+rest.Instance(small+1))
			}
		}
		return "{" + strings.Join(parts, ",") + "}"
	}}
}

func textOf(s Sample) string { return s.Text }
func sameOf(s Sample) string { return s.Same }

// map_ is an object of which only the values are known.
func (m *maker) map_(depth int) Sample {
	m.use("additionalProperties")
	v := m.schema(depth)
	write := func(of func(Sample) string) string {
		return `{"type":"object","additionalProperties":` + of(v) + `}`
	}
	return Sample{write(textOf), write(sameOf), func(small int) string {
		var parts []string
		for i := range m.IntN(3) {
			parts = append(parts, spell(strings.Repeat("k", i)+m.runes(2))+":"+v.Instance(small+1))
		}
		return "{" + strings.Join(parts, ",") + "}"
	}}
}

func (m *maker) array(depth int) Sample {
	m.use("items")
	v := m.schema(depth)
	lo := m.IntN(3)
	hi := lo + m.IntN(4)
	bounds := ""
	if m.chance(2) {
		m.use("minItems")
		bounds += fmt.Sprintf(`,"minItems":%d`, lo)
	}
	if m.chance(2) {
		m.use("maxItems")
		bounds += fmt.Sprintf(`,"maxItems":%d`, hi)
	}
	write := func(of func(Sample) string) string { return `{"type":"array","items":` + of(v) + bounds + `}` }
	return Sample{write(textOf), write(sameOf), func(small int) string {
		n := lo + m.IntN(hi-lo+1)
		if small > 2 {
			n = lo
		}
		var parts []string
		for range n {
			parts = append(parts, v.Instance(small+1))
		}
		return "[" + strings.Join(parts, ",") + "]"
	}}
}

// tuple is an array with items of their own at its beginning.
func (m *maker) tuple(depth int) Sample {
	var items []Sample
	for range 1 + m.IntN(3) {
		items = append(items, m.schema(depth))
	}
	rest := m.schema(0)
	kind := m.IntN(3) // of the rest: any of a schema, none, not said
	first, further := "prefixItems", "items"
	if m.legacy {
		first, further = "items", "additionalItems"
	}
	m.use(first, further)
	lo := m.IntN(len(items) + 1)
	write := func(of func(Sample) string) string {
		var parts []string
		for _, s := range items {
			parts = append(parts, of(s))
		}
		text := `{"type":"array","` + first + `":[` + strings.Join(parts, ",") + `],"minItems":` + strconv.Itoa(lo)
		switch kind {
		case 0:
			text += `,"` + further + `":` + of(rest)
		case 1:
			text += `,"` + further + `":false`
		}
		return text + "}"
	}
	return Sample{write(textOf), write(sameOf), func(small int) string {
		n := lo + m.IntN(len(items)-lo+1)
		var parts []string
		for i := range n {
			parts = append(parts, items[i].Instance(small+1))
		}
		for range m.IntN(3) {
			if kind == 0 && n == len(items) {
				parts = append(parts, rest.Instance(small+1))
			}
		}
		return "[" + strings.Join(parts, ",") + "]"
	}}
}

func (m *maker) combine(keyword string, branches []Sample) Sample {
	m.use(keyword)
	write := func(of func(Sample) string) string {
		var parts []string
		for _, s := range branches {
			parts = append(parts, of(s))
		}
		return `{"` + keyword + `":[` + strings.Join(parts, ",") + `]}`
	}
	return Sample{write(textOf), write(sameOf), func(small int) string {
		if small > 3 {
			return branches[0].Instance(small)
		}
		return branches[m.IntN(len(branches))].Instance(small)
	}}
}

func (m *maker) anyOf(depth int) Sample {
	branches := []Sample{m.schema(0)}
	for range 1 + m.IntN(3) {
		branches = append(branches, m.schema(depth))
	}
	return m.combine("anyOf", branches)
}

// oneOf makes branches that a validator can tell apart too.
func (m *maker) oneOf(depth int) Sample {
	var branches []Sample
	if m.chance(2) {
		for _, kind := range []string{"circle", "cube", "line"}[:2+m.IntN(2)] {
			branches = append(branches, m.objectOf(depth, names, kind))
		}
		return m.combine("oneOf", branches)
	}
	return m.combine("oneOf", []Sample{
		plain(`{"type":"null"}`, func() string { return "null" }),
		plain(`{"type":"string","pattern":"^a+$"}`, func() string { return `"aa"` }),
		plain(`{"type":"string","pattern":"^b"}`, func() string { return `"bé"` }),
		plain(`{"type":"integer","minimum":3}`, func() string { return "3" }),
		plain(`{"type":"number","exclusiveMaximum":3}`, func() string { return "2.75" }),
		m.objectOf(depth, names, ""),
	})
}

// allOf makes parts that hold at once.
func (m *maker) allOf(depth int) Sample {
	if m.chance(2) {
		lo := m.IntN(50)
		m.use("allOf", "minimum", "maximum")
		return plain(fmt.Sprintf(`{"allOf":[{"type":["integer","string"]},{"minimum":%d},{"type":"number","maximum":%d}]}`, lo, lo+20),
			func() string { return strconv.Itoa(lo + m.IntN(21)) })
	}
	m.use("allOf")
	a, b := m.schema(depth), m.schema(depth)
	write := func(of func(Sample) string) string {
		return `{"allOf":[{"type":"object","properties":{"alpha":` + of(a) + `},"required":["alpha"]},{"properties":{"delta":` + of(b) + `,"alpha":true}}]}`
	}
	return Sample{write(textOf), write(sameOf), func(small int) string {
		out := `{"alpha":` + a.Instance(small+1)
		if m.chance(2) {
			out += `,"delta":` + b.Instance(small+1)
		}
		return out + "}"
	}}
}

func (m *maker) nullable(depth int) Sample {
	m.use("nullable")
	s := m.array(depth)
	text := strings.Replace(s.Text, `"type":"array"`, `"type":"array","nullable":true`, 1)
	same := strings.Replace(s.Same, `"type":"array"`, `"type":["array","null"]`, 1)
	return Sample{text, same, func(small int) string {
		if m.chance(3) {
			return "null"
		}
		return s.Instance(small)
	}}
}

// several is one schema for several types.
func (m *maker) several(depth int) Sample {
	m.use("type")
	s := m.array(depth)
	turn := func(text string) string {
		return strings.Replace(text, `"type":"array"`, `"type":["boolean","array","string"],"maxLength":4`, 1)
	}
	return Sample{turn(s.Text), turn(s.Same), func(small int) string {
		return []string{"true", `"four"`, s.Instance(small)}[m.IntN(3)]
	}}
}
