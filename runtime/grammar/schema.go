package grammar

import (
	"errors"
	"fmt"
)

// compiler makes rules of schemas.
type compiler struct {
	*texts
	root  *value
	nodes map[*value]*node
	order []*node // by id, from 1 on
	// bodies are the rules of shapes, unions those of what several schemas together allow, by key.
	bodies, unions map[string]ref
	queue          []job
	// proofs are the oneOf that have still to be shown to be right.
	proofs []proof
	chars  map[string]*dfa // of strings, by what they have to be
	deep   int
	free   ref // rules of any JSON, 0 until needed
}

// job is a rule that is reserved and has to be worked out.
type job struct {
	rule ref
	s    *shape
}

// Schema makes a grammar of a JSON Schema. Its error is an *Error.
func Schema(schema []byte, o Limits) (string, error) {
	return grammarOf(schema, o, func(_ *compiler, value ref) expr { return value })
}

// grammarOf makes a grammar of a JSON schema and what is written around a value of it.
func grammarOf(schema []byte, o Limits, around func(c *compiler, value ref) expr) (gbnf string, err error) {
	o = o.withDefaults()
	defer func() {
		switch e := recover().(type) {
		case nil:
		case *Error:
			gbnf, err = "", e
		default:
			panic(e)
		}
	}()
	if len(schema) > o.Bytes {
		return "", &Error{Reason: fmt.Sprintf("the schema has %d bytes, and may have %d", len(schema), o.Bytes)}
	}
	return compile(schema, o, around), nil
}

func compile(schema []byte, o Limits, around func(c *compiler, value ref) expr) string {
	c := newCompiler(o)
	c.root = parseJSON(schema, 3*o.Depth)
	c.list[0] = around(c, c.union([]*node{c.node(c.root)}))
	for len(c.queue) > 0 {
		j := c.queue[len(c.queue)-1]
		c.queue = c.queue[:len(c.queue)-1]
		c.list[j.rule] = c.body(j.s)
	}
	for _, p := range c.proofs {
		c.prove(p)
	}
	if !c.prune() {
		panic(&Error{Reason: "nothing is valid by the schema, or nothing of a length that could be written"})
	}
	text := c.write()
	if err := check(text, o.Output, o); err != nil {
		var e *SyntaxError
		errors.As(err, &e)
		panic(&Error{Reason: "the grammar that it needs is too costly: " + e.Reason})
	}
	return text
}

func newCompiler(o Limits) *compiler {
	b := &budget{work: o.Work, limits: o}
	r := &rules{budget: b}
	r.reserve("root")
	return &compiler{texts: newTexts(r), nodes: map[*value]*node{}, bodies: map[string]ref{}, unions: map[string]ref{}, chars: map[string]*dfa{}}
}

// union is what all of some schemas allow, as a rule.
func (c *compiler) union(nodes []*node) ref {
	var shapes []*shape
	key := ""
	for _, s := range c.together(nodes) {
		shapes = append(shapes, s)
		key += s.key() + "/"
	}
	if r, ok := c.unions[key]; ok {
		return r
	}
	r := c.reserve("value")
	c.unions[key] = r
	var a alt
	var texts []string
	for _, s := range shapes {
		if s.isEnum {
			texts = append(texts, c.enum(s)...)
		} else {
			a = append(a, c.shape(s))
		}
	}
	if len(texts) > 0 {
		a = append(a, choice(texts))
	}
	c.list[r] = a
	return r
}

// enum are the values that a shape allows, as texts.
func (c *compiler) enum(s *shape) []string {
	var out []string
	for _, v := range s.enum {
		if s.types&v.types() != 0 && c.holdsRest(s, v, false) {
			out = append(out, c.render(v))
		}
	}
	return out
}

// shape is the rule of a shape.
func (c *compiler) shape(s *shape) ref {
	if len(s.nodes) == 0 {
		return c.anything()
	}
	key := s.key()
	r, ok := c.bodies[key]
	if !ok {
		r = c.reserve("value")
		c.bodies[key] = r
		c.queue = append(c.queue, job{r, s})
	}
	return r
}

// body is what a shape allows, type by type.
func (c *compiler) body(s *shape) expr {
	var a alt
	if s.types&tNull != 0 {
		a = append(a, lit("null"))
	}
	if s.types&tBool != 0 {
		a = append(a, choice([]string{"true", "false"}))
	}
	switch {
	case s.types&tFraction != 0:
		a = append(a, c.number(s))
	case s.types&tInteger != 0:
		a = append(a, c.integer(s))
	}
	if s.types&tString != 0 {
		a = append(a, c.text(s))
	}
	if s.types&tArray != 0 {
		a = append(a, c.array(s))
	}
	if s.types&tObject != 0 {
		a = append(a, c.object(s))
	}
	return a
}

// text is the strings of a shape.
func (c *compiler) text(s *shape) expr {
	most := s.maxLength
	if limit := c.budget.limits.String; limit > 0 && most < 0 {
		most = max(limit, s.minLength)
	}
	if most >= 0 && most < s.minLength {
		return never
	}
	if len(s.patterns)+len(s.formats) == 0 {
		return c.str(s.minLength, most)
	}
	return seq{lit(`"`), c.dfaRule(c.automaton(s, most, true), lit(`"`))}
}

// automaton is the strings of a shape; without formats, where it has none but what is known for certain.
func (c *compiler) automaton(s *shape, most int, withFormats bool) *dfa {
	var sources []string
	for _, p := range s.patterns {
		if withFormats || certain(p) {
			sources = append(sources, p)
		}
	}
	if withFormats {
		for _, f := range s.formats {
			sources = append(sources, formats[f])
		}
	}
	n := c.owner(s)
	defer func() {
		switch e := recover().(type) {
		case nil:
		case tooBig:
			keyword := "format"
			if len(s.patterns) > 0 {
				keyword = "pattern"
			}
			n.fail(keyword, "it needs too many states, with the lengths that are asked for")
		default:
			panic(e)
		}
	}()
	var d *dfa
	if s.minLength > 0 || most >= 0 || len(sources) == 0 {
		d = length(s.minLength, most)
	}
	for _, src := range sources {
		p := c.pattern(src)
		if d == nil {
			d = p
		} else {
			d = p.both(d, c.budget)
		}
	}
	return d
}

// pattern is the strings of a pattern that was read before.
func (c *compiler) pattern(src string) *dfa {
	if c.chars[src] == nil {
		re, err := parseRegex(src)
		if err != nil {
			panic(&Error{Keyword: "pattern", Reason: err.Error()})
		}
		c.chars[src] = re.automaton().determinize(c.budget)
	}
	return c.chars[src]
}

// owner is a schema that a shape was made of, for a message.
func (c *compiler) owner(s *shape) *node {
	for _, id := range s.nodes {
		if n := c.order[id-1]; len(n.own.patterns)+len(n.own.formats) > 0 {
			return n
		}
	}
	return c.order[0]
}
