package grammar

import "slices"

// array is the arrays of a shape.
func (c *compiler) array(s *shape) expr {
	prefix := 0
	closed, said := false, false
	var nodes []*node
	for _, p := range s.arrays {
		prefix = max(prefix, len(p.prefix))
		if p.rest != nil {
			closed, said = closed || p.rest.never, true
			nodes = append(nodes, p.rest)
		}
	}
	if prefix > 0 && !said {
		closed = s.minItems <= prefix // asked for more than it describes, it may be anything
	}
	most := s.maxItems
	if closed {
		most = lesser(most, prefix)
	}
	if most >= 0 {
		prefix = min(prefix, most)
	}
	if most >= 0 && s.minItems > most {
		return never
	}
	return seq{lit("["), c.itemsFrom(s, prefix, most, nodes)}
}

// itemsFrom is what comes after '[': each place of the prefix is a rule, the items after it are a repetition.
func (c *compiler) itemsFrom(s *shape, prefix, most int, nodes []*node) expr {
	e := c.further(s, prefix, most, nodes)
	for i := prefix - 1; i >= 0; i-- {
		item := seq{c.union(itemNodes(s, i)), e}
		if i > 0 {
			item = slices.Insert(item, 0, expr(lit(",")), c.gap())
		}
		a := alt{item}
		if i >= s.minItems {
			a = append(a, lit("]"))
		}
		e = c.add("item", a)
	}
	return e
}

// further is the items after those that have a place of their own, and the end.
func (c *compiler) further(s *shape, prefix, most int, nodes []*node) expr {
	end := lit("]")
	if most == prefix {
		return end
	}
	least := max(s.minItems-prefix, 0)
	if most >= 0 {
		most -= prefix
	}
	item := c.union(nodes)
	next := c.add("item", seq{lit(","), c.gap(), item})
	if prefix > 0 {
		return seq{rep{next, least, most}, end}
	}
	many := seq{item, rep{next, max(least-1, 0), max(most-1, -1)}, end}
	if most == 1 {
		many = seq{item, end}
	}
	if least == 0 {
		return alt{end, many}
	}
	return many
}
