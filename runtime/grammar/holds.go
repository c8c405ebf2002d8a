package grammar

import (
	"slices"
	"unicode/utf8"
)

// maxHolds is how deep the question whether a value is valid may lead: no deeper than schemas that refer to each other.
const maxHolds = 256

// holds reports whether a value is valid by a schema. Formats, and patterns that are read in more than one way, make it
// false where it is not certain; with maybe they make it true.
func (c *compiler) holds(n *node, v *value, maybe bool) bool {
	c.budget.spend(1)
	if c.deep++; c.deep > maxHolds {
		n.fail("", "its references lead too deep")
	}
	defer func() { c.deep-- }()
	if n.never || !c.holdsShape(n.own, v, maybe) {
		return false
	}
	for _, m := range n.all {
		if !c.holds(m, v, maybe) {
			return false
		}
	}
	for _, g := range n.groups {
		certain, possible := 0, 0
		for _, m := range g.branches {
			if c.holds(m, v, maybe) {
				certain++
			}
			if g.one && c.holds(m, v, true) {
				possible++
			}
		}
		if certain == 0 || g.one && !maybe && possible > 1 {
			return false
		}
	}
	return true
}

// holdsShape is holds for one shape.
func (c *compiler) holdsShape(s *shape, v *value, maybe bool) bool {
	c.budget.spend(1 + len(v.text)/16)
	if s.types&v.types() == 0 {
		return false
	}
	if s.isEnum {
		c.budget.spend(len(s.enum))
		if !slices.ContainsFunc(s.enum, func(e *value) bool { return e.same() == v.same() }) {
			return false
		}
	}
	return c.holdsRest(s, v, maybe)
}

// holdsRest is holdsShape but for types and enum.
func (c *compiler) holdsRest(s *shape, v *value, maybe bool) bool {
	switch v.kind {
	case isNumber:
		return within(s, v)
	case isString:
		return c.holdsText(s, v.text, maybe)
	case isArray:
		return c.holdsItems(s, v, maybe)
	case isObject:
		return c.holdsMembers(s, v, maybe)
	}
	return true
}

// types is the type of a value.
func (v *value) types() types {
	switch v.kind {
	case isNumber:
		if x := v.number(); x != nil && x.IsInt() {
			return tInteger
		}
		return tFraction
	case isBool:
		return tBool
	case isString:
		return tString
	case isArray:
		return tArray
	case isObject:
		return tObject
	}
	return tNull
}

func within(s *shape, v *value) bool {
	x := v.number()
	if b := s.low; b != nil {
		if d := x.Cmp(b.at); d < 0 || d == 0 && b.strict {
			return false
		}
	}
	if b := s.high; b != nil {
		if d := x.Cmp(b.at); d > 0 || d == 0 && b.strict {
			return false
		}
	}
	return true
}

func (c *compiler) holdsText(s *shape, text string, maybe bool) bool {
	n := utf8.RuneCountInString(text)
	c.budget.spend(1 + n/16)
	if n < s.minLength || s.maxLength >= 0 && n > s.maxLength {
		return false
	}
	if len(s.patterns)+len(s.formats) == 0 {
		return true
	}
	plain := &shape{nodes: s.nodes, patterns: s.patterns, formats: s.formats, maxLength: -1}
	return c.automaton(plain, -1, !maybe).holds(text)
}

func (c *compiler) holdsItems(s *shape, v *value, maybe bool) bool {
	if len(v.items) < s.minItems || s.maxItems >= 0 && len(v.items) > s.maxItems {
		return false
	}
	for i, item := range v.items {
		for _, n := range itemNodes(s, i) {
			if !c.holds(n, item, maybe) {
				return false
			}
		}
	}
	return true
}

// itemNodes are the schemas of item i.
func itemNodes(s *shape, i int) []*node {
	var out []*node
	for _, p := range s.arrays {
		if i < len(p.prefix) {
			out = append(out, p.prefix[i])
		} else if p.rest != nil {
			out = append(out, p.rest)
		}
	}
	return out
}

func (c *compiler) holdsMembers(s *shape, v *value, maybe bool) bool {
	for _, name := range s.required {
		if c.budget.spend(1); v.get(name) == nil {
			return false
		}
	}
	for i, name := range v.keys {
		for _, n := range memberNodes(s, name) {
			if !c.holds(n, v.items[i], maybe) {
				return false
			}
		}
	}
	return true
}

// memberNodes are the schemas of a member.
func memberNodes(s *shape, name string) []*node {
	var out []*node
	for _, p := range s.objects {
		if n := p.props[name]; n != nil {
			out = append(out, n)
		} else if p.rest != nil {
			out = append(out, p.rest)
		}
	}
	return out
}
