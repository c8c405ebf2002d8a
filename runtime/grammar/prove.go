package grammar

import (
	"fmt"
	"strings"
)

// proof is a oneOf: the alternatives of each branch, no two of which may be valid at once.
type proof struct {
	n        *node
	branches [][]*shape
}

// maxProof is how deep into values a proof looks.
const maxProof = 4

// prove refuses a oneOf of which two branches could be valid at once.
func (c *compiler) prove(p proof) {
	for i, a := range p.branches {
		for j := range i {
			for _, x := range a {
				for _, y := range p.branches[j] {
					c.budget.spend(1 + (len(x.enum)+len(y.enum))/4 + len(x.required)/16)
					if !c.empty(merge(x, y), maxProof) {
						p.n.fail("oneOf", fmt.Sprintf("branches %d and %d cannot be told apart: give a required property other constants in each, or use anyOf", j, i))
					}
				}
			}
		}
	}
}

// empty reports that no value is valid by a shape. It may miss that, and never claims it wrongly: formats, and patterns
// that are read in more than one way, are taken for saying nothing.
func (c *compiler) empty(s *shape, depth int) bool {
	c.budget.spend(4)
	if s.isEnum {
		for _, v := range s.enum {
			if s.types&v.types() != 0 && c.holdsRest(s, v, true) {
				return false
			}
		}
		return true
	}
	t := s.types
	return t&(tNull|tBool) == 0 &&
		(t&tNumber == 0 || emptyRange(s, t)) &&
		(t&tString == 0 || c.emptyText(s)) &&
		(t&tArray == 0 || c.emptyArray(s, depth)) &&
		(t&tObject == 0 || c.emptyObject(s, depth))
}

func emptyRange(s *shape, t types) bool {
	if s.low == nil || s.high == nil {
		return false
	}
	d := s.low.at.Cmp(s.high.at)
	if t&tFraction == 0 {
		return ceil(s.low).Cmp(floor(s.high)) > 0
	}
	return d > 0 || d == 0 && (s.low.strict || s.high.strict)
}

func (c *compiler) emptyText(s *shape) bool {
	if s.maxLength >= 0 && s.maxLength < s.minLength {
		return true
	}
	plain := &shape{nodes: s.nodes, patterns: s.patterns, minLength: s.minLength, maxLength: s.maxLength}
	if len(s.patterns) == 0 || s.minLength >= maxDFA || s.maxLength >= maxDFA {
		return false
	}
	return c.automaton(plain, s.maxLength, false).empty()
}

// certain reports whether a pattern means the same to everybody: what '.' and \s stand for differs.
func certain(pattern string) bool {
	p := strings.NewReplacer(`\\`, "", `\.`, "").Replace(pattern)
	return !strings.Contains(p, ".") && !strings.Contains(p, `\s`) && !strings.Contains(p, `\S`)
}

func (c *compiler) emptyArray(s *shape, depth int) bool {
	if s.maxItems >= 0 && s.maxItems < s.minItems {
		return true
	}
	for i := range min(s.minItems, 64) {
		if c.none(itemNodes(s, i), depth) {
			return true
		}
	}
	return false
}

func (c *compiler) emptyObject(s *shape, depth int) bool {
	for _, name := range s.required {
		if c.none(memberNodes(s, name), depth) {
			return true
		}
	}
	return false
}

// none reports that nothing is valid by all of some schemas.
func (c *compiler) none(nodes []*node, depth int) bool {
	if depth == 0 || len(nodes) == 0 {
		return false
	}
	for _, s := range c.together(nodes) {
		if !c.empty(s, depth-1) {
			return false
		}
	}
	return true
}
