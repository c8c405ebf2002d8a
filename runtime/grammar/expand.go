package grammar

import "strconv"

// maxShapes is how many alternatives a schema may have once they are written out.
const maxShapes = 512

// together are the alternatives that some schemas leave when all have to hold.
func (c *compiler) together(nodes []*node) []*shape {
	shapes := []*shape{newShape()}
	for _, n := range nodes {
		shapes = c.cross(n, shapes, c.expand(n))
	}
	return shapes
}

// cross is every pair of two lists of alternatives, merged; what can be no value of any type is left out.
func (c *compiler) cross(n *node, a, b []*shape) []*shape {
	var out []*shape
	seen := map[string]bool{}
	for _, x := range a {
		for _, y := range b {
			c.budget.spend(1 + len(x.nodes) + len(y.nodes) + len(x.objects) + len(x.required)/16 + (len(x.enum)+len(y.enum))/4)
			s := merge(x, y)
			key := s.key()
			if s.types == 0 || s.isEnum && len(s.enum) == 0 || seen[key] {
				continue
			}
			seen[key] = true
			if out = append(out, s); len(out) > maxShapes {
				panic(&Error{Pointer: n.v.pointer(), Reason: "more than " + strconv.Itoa(maxShapes) + " alternatives, once what has to hold at once is written out"})
			}
		}
	}
	return out
}

// expand are the alternatives of one schema.
func (c *compiler) expand(n *node) []*shape {
	if n.known {
		return n.expanded
	}
	if n.expanding {
		n.fail("$ref", "the reference leads back to itself without a property or an item in between")
	}
	n.expanding = true
	shapes := []*shape{n.own}
	if n.never {
		shapes = nil
	}
	for _, m := range n.all {
		shapes = c.cross(n, shapes, c.expand(m))
	}
	for _, g := range n.groups {
		var all []*shape
		var by [][]*shape
		for _, m := range g.branches {
			branch := c.cross(n, shapes, c.expand(m))
			by = append(by, branch)
			all = append(all, branch...)
			c.budget.spend(len(branch))
		}
		if g.one {
			c.proofs = append(c.proofs, proof{n, by})
		}
		shapes = c.cross(n, all, []*shape{newShape()})
	}
	n.expanding, n.known, n.expanded = false, true, shapes
	return shapes
}
