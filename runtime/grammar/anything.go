package grammar

import "strings"

// JSON is a grammar of any JSON object.
func JSON(o Limits) string {
	o = o.withDefaults()
	o.Work, o.Rules = max(o.Work, DefaultWork), max(o.Rules, DefaultRules) // it is as big as Nesting makes it
	c := newCompiler(o)
	_, object, _ := c.nested(o.Nesting)
	c.list[0] = object
	c.prune()
	return c.write()
}

// anything is any JSON, Limits.Nesting deep.
func (c *compiler) anything() ref {
	if c.free == 0 {
		c.free, _, _ = c.nested(c.budget.limits.Nesting)
	}
	return c.free
}

// nested is any JSON that nests so deep, and its objects and arrays. One level of it is made of the next.
func (c *compiler) nested(depth int) (value, object, array ref) {
	s := newShape()
	scalar := c.add("scalar", alt{lit("null"), choice([]string{"true", "false"}), c.number(s), c.str(0, c.budget.limits.stringLimit())})
	name := c.add("name", seq{c.str(0, c.budget.limits.stringLimit()), lit(":"), c.gap()})
	value = scalar
	for range depth {
		comma := seq{lit(","), c.gap()}
		pair := c.add("pair", seq{name, value})
		object = c.add("object", seq{lit("{"), alt{lit("}"), seq{pair, rep{seq{comma, pair}, 0, -1}, lit("}")}}})
		array = c.add("array", seq{lit("["), alt{lit("]"), seq{value, rep{seq{comma, value}, 0, -1}, lit("]")}}})
		value = c.add("value", alt{scalar, object, array})
	}
	return value, object, array
}

// stringLimit is how long a string is that says nothing of it, -1 for any length.
func (o Limits) stringLimit() int {
	if o.String > 0 {
		return min(o.String, MaxLength)
	}
	return -1
}

// render is a value as compact JSON, in the spelling of quoteJSON.
func (c *compiler) render(v *value) string {
	var b strings.Builder
	c.renderTo(&b, v)
	return b.String()
}

func (c *compiler) renderTo(b *strings.Builder, v *value) {
	c.budget.spend(1 + len(v.text)/16)
	switch v.kind {
	case isNull:
		b.WriteString("null")
	case isBool:
		if v.bool {
			b.WriteString("true")
		} else {
			b.WriteString("false")
		}
	case isNumber:
		b.WriteString(v.text)
	case isString:
		b.WriteString(quoteJSON(v.text))
	default:
		open, end := "[", "]"
		if v.kind == isObject {
			open, end = "{", "}"
		}
		b.WriteString(open)
		for i, item := range v.items {
			if i > 0 {
				b.WriteByte(',')
			}
			if v.kind == isObject {
				b.WriteString(quoteJSON(v.keys[i]) + ":")
			}
			c.renderTo(b, item)
		}
		b.WriteString(end)
	}
}
