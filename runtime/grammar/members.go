package grammar

import (
	"slices"
	"strconv"
)

// MaxMembers is how many properties an object may name.
const MaxMembers = 1 << 10

// maxKey is how many code points a name has that nobody gave, where strings are bounded at all.
const maxKey = 64

// member is a property that a shape names.
type member struct {
	name     string
	required bool
	value    ref
}

// object is the objects of a shape. Its members come in order; after the quote that begins a name, one rule for each
// place says which may come, so that there is one way up to the name. What comes after a member is the last thing in its
// rule: an object with many members needs no deep stack.
func (c *compiler) object(s *shape) expr {
	members := c.named(s)
	if len(members) > MaxMembers {
		c.order[s.nodes[0]-1].fail("properties", "more than "+strconv.Itoa(MaxMembers)+" are not supported")
	}
	free := c.freeMembers(s, members)
	first := make([]ref, len(members)+1)  // after '"', at the member
	second := make([]ref, len(members)+1) // after a member
	for i := range members {
		first[i], second[i+1] = c.reserve("member"), c.reserve("after")
	}
	first[len(members)] = free
	for i, m := range members {
		a := alt{seq{lit(c.nameOf(m.name)), c.gap(), m.value, second[i+1]}}
		if !m.required {
			a = append(a, c.orNever(first[i+1]))
		}
		c.list[first[i]] = a
		c.list[second[i+1]] = c.after(members, first, i+1)
	}
	if free != 0 {
		c.list[free] = c.freeRule(s, members, free)
	}
	open := alt{seq{lit(`"`), c.orNever(first[0])}}
	if !anyRequired(members) {
		open = append(open, lit("}"))
	}
	return seq{lit("{"), open}
}

// orNever is a rule, or what cannot be where there is none.
func (c *compiler) orNever(r ref) expr {
	if r == 0 {
		return never
	}
	return r
}

// after is what comes after a member: the end, or another one from place i on.
func (c *compiler) after(members []member, first []ref, i int) expr {
	a := alt{seq{lit(","), c.gap(), lit(`"`), c.orNever(first[i])}}
	if !anyRequired(members[i:]) {
		a = append(a, lit("}"))
	}
	return a
}

func anyRequired(members []member) bool {
	return slices.ContainsFunc(members, func(m member) bool { return m.required })
}

// nameOf is a name after its first quote, up to the value.
func (c *compiler) nameOf(name string) string { return quoteJSON(name)[1:] + ":" }

// gap is the space that may be after ':' and ','.
func (c *compiler) gap() expr {
	if c.budget.limits.Spaces {
		return rep{lit(" "), 0, 1}
	}
	return seq(nil)
}

// named are the members that a shape names, in order.
func (c *compiler) named(s *shape) []member {
	var out []member
	at := map[string]int{}
	add := func(name string, required bool) {
		c.budget.spend(1 + len(s.objects))
		if i, ok := at[name]; ok {
			out[i].required = out[i].required || required
			return
		}
		at[name] = len(out)
		out = append(out, member{name, required, c.union(memberNodes(s, name))})
	}
	for _, p := range s.objects {
		for _, name := range p.names {
			add(name, false)
		}
	}
	for _, name := range s.required {
		add(name, true)
	}
	return out
}

// freeMembers reserves the rule of members that nobody names, 0 where there are none.
func (c *compiler) freeMembers(s *shape, members []member) ref {
	asked := len(members) == 0
	for _, p := range s.objects {
		if p.rest != nil {
			asked = true
			if p.rest.never {
				return 0
			}
		}
	}
	if !asked {
		return 0
	}
	return c.reserve("free")
}

// freeRule is a member that nobody names, after its first quote, and what comes after it.
func (c *compiler) freeRule(s *shape, members []member, self ref) expr {
	var nodes []*node
	for _, p := range s.objects {
		if p.rest != nil {
			nodes = append(nodes, p.rest)
		}
	}
	after := c.add("after", alt{lit("}"), seq{lit(","), c.gap(), lit(`"`), self}})
	rest := c.add("value", seq{lit(`":`), c.gap(), c.union(nodes), after})
	var names []string
	for _, m := range members {
		names = append(names, m.name)
	}
	return c.key(s, names, rest)
}

// key is a name that is none of some, with the quote and all that comes after it as rest.
func (c *compiler) key(s *shape, names []string, rest expr) (e expr) {
	defer func() {
		switch x := recover().(type) {
		case nil:
		case tooBig:
			c.order[s.nodes[0]-1].fail("additionalProperties", "the names in properties are too long, taken together, for other names to be told from them")
		default:
			panic(x)
		}
	}()
	d := except(names)
	if limit := c.budget.limits.String; limit > 0 {
		d = d.both(length(0, min(limit, maxKey)), c.budget)
	}
	return c.dfaRule(d, rest)
}
