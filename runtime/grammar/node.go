package grammar

import (
	"math/big"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// node is a schema as it was read: what it says itself, and what it refers to.
type node struct {
	id int
	v  *value
	// never is the schema false.
	never bool
	own   *shape
	// all have to hold too: of $ref and allOf. Of each group one has to.
	all    []*node
	groups []group

	// expanded are its shapes, once known; while expanding they are being worked out.
	expanded  []*shape
	known     bool
	expanding bool
}

// group is the branches of an anyOf or a oneOf.
type group struct {
	branches []*node
	one      bool
}

// annotations say nothing about what is valid.
var annotations = []string{"title", "description", "default", "examples", "example", "$schema", "$comment", "deprecated", "readOnly", "writeOnly", "$defs", "definitions"}

// fail refuses a schema for a keyword.
func (n *node) fail(keyword, reason string) {
	panic(&Error{Pointer: n.v.pointer(), Keyword: keyword, Reason: reason})
}

// node returns the schema at v.
func (c *compiler) node(v *value) *node {
	if n := c.nodes[v]; n != nil {
		return n
	}
	c.budget.spend(1 + len(v.keys))
	n := &node{id: len(c.nodes) + 1, v: v, own: newShape()}
	c.nodes[v] = n
	c.order = append(c.order, n)
	switch v.kind {
	case isBool:
		n.never = !v.bool
	case isObject:
		for i, key := range v.keys {
			c.keyword(n, key, v.items[i])
		}
		c.members(n)
		c.items(n)
	default:
		panic(&Error{Pointer: v.pointer(), Reason: "a schema is expected: an object, true or false"})
	}
	if !n.own.isTop() {
		n.own.nodes = []int{n.id}
	}
	return n
}

// keyword takes in one keyword. What objects and arrays say as a whole is left to members and items.
func (c *compiler) keyword(n *node, key string, v *value) {
	switch key {
	case "type":
		n.own.types &= n.readTypes(v)
	case "nullable":
		if n.want(v, key, isBool); v.bool && n.v.get("type") == nil {
			n.fail(key, "it needs a type beside it")
		}
	case "enum":
		if n.want(v, key, isArray); len(v.items) == 0 {
			n.fail(key, "it lists nothing")
		}
		c.restrict(n, key, v.items)
	case "const":
		c.restrict(n, key, []*value{v})
	case "required":
		n.want(v, key, isArray)
		c.require(n, v.items)
	case "properties", "additionalProperties", "items", "prefixItems", "additionalItems", "minProperties", "maxProperties":
	case "$ref":
		n.want(v, key, isString)
		c.alone(n)
		n.all = append(n.all, c.resolve(n, v.text))
	case "allOf", "anyOf", "oneOf":
		c.combine(n, key, v)
	case "$id":
		if n.v.parent != nil {
			n.fail(key, "it is only supported at the top, as it changes what $ref means")
		}
	default:
		if !n.bounds(key, v) && !slices.Contains(annotations, key) {
			n.fail(key, "the keyword is not supported")
		}
	}
}

// bounds takes in a keyword that bounds strings, numbers or arrays, and reports whether it is one.
func (n *node) bounds(key string, v *value) bool {
	s := n.own
	switch key {
	case "minLength":
		s.minLength = n.count(v, key, MaxLength)
	case "maxLength":
		s.maxLength = n.count(v, key, MaxLength)
	case "minItems":
		s.minItems = n.count(v, key, MaxItems)
	case "maxItems":
		s.maxItems = n.count(v, key, MaxItems)
	case "pattern":
		n.want(v, key, isString)
		if _, err := parseRegex(v.text); err != nil {
			n.fail(key, err.Error())
		}
		s.patterns = append(s.patterns, v.text)
	case "format":
		n.want(v, key, isString)
		if formats[v.text] == "" {
			n.fail(key, "the format "+strconv.Quote(clip(v.text))+" is not supported; supported are "+formatNames())
		}
		s.formats = append(s.formats, v.text)
	case "minimum", "exclusiveMinimum":
		s.low = tighter(s.low, &bound{n.number(v, key), key != "minimum"}, 1)
	case "maximum", "exclusiveMaximum":
		s.high = tighter(s.high, &bound{n.number(v, key), key != "maximum"}, -1)
	case "multipleOf":
		if n.number(v, key).Cmp(big.NewRat(1, 1)) != 0 {
			n.fail(key, "only multiples of 1 are supported")
		}
		s.types &^= tFraction
	default:
		return false
	}
	return true
}

// require takes in names that have to be there, each once.
func (c *compiler) require(n *node, list []*value) {
	seen := map[string]bool{}
	for _, item := range list {
		n.want(item, "required", isString)
		if c.budget.spend(1); !seen[item.text] {
			n.own.required = append(n.own.required, item.text)
		}
		seen[item.text] = true
	}
}

// alone refuses what stands beside a $ref in drafts that ignore it: whoever wrote it meant something.
func (c *compiler) alone(n *node) {
	draft := c.root.get("$schema")
	if draft == nil || !strings.Contains(draft.text, "/draft-0") {
		return
	}
	for _, key := range n.v.keys {
		if key != "$ref" && key != "$id" && !slices.Contains(annotations, key) {
			n.fail(key, "this draft ignores what is beside $ref: put both into allOf")
		}
	}
}

func (c *compiler) combine(n *node, key string, v *value) {
	if n.want(v, key, isArray); len(v.items) == 0 {
		n.fail(key, "it lists nothing")
	}
	var list []*node
	for _, item := range v.items {
		list = append(list, c.node(item))
	}
	if key == "allOf" {
		n.all = append(n.all, list...)
		return
	}
	n.groups = append(n.groups, group{list, key == "oneOf"})
}

// want checks the kind of what a keyword says.
func (n *node) want(v *value, key string, k kind) {
	if v.kind != k {
		n.fail(key, "it should be "+[]string{"null", "true or false", "a number", "a string", "a list", "an object"}[k])
	}
}

var typeNames = map[string]types{"null": tNull, "boolean": tBool, "integer": tInteger, "number": tNumber, "string": tString, "array": tArray, "object": tObject}

func (n *node) readTypes(v *value) types {
	list := []*value{v}
	if v.kind == isArray {
		list = v.items
	}
	var t types
	for _, item := range list {
		n.want(item, "type", isString)
		if typeNames[item.text] == 0 {
			n.fail("type", "there is no type "+strconv.Quote(clip(item.text)))
		}
		t |= typeNames[item.text]
	}
	if null := n.v.get("nullable"); null != nil && null.bool {
		t |= tNull
	}
	return t
}

// Bounds of what a schema may ask for.
const (
	MaxLength = 1 << 16 // code points, in minLength and maxLength
	MaxItems  = 1 << 10 // in minItems and maxItems
)

func (n *node) count(v *value, key string, most int) int {
	x := n.number(v, key)
	if !x.IsInt() || x.Sign() < 0 {
		n.fail(key, "it should be a whole number from 0 on")
	}
	if x.Cmp(big.NewRat(int64(most), 1)) > 0 {
		n.fail(key, "at most "+strconv.Itoa(most)+" is supported")
	}
	return int(x.Num().Int64())
}

func (n *node) number(v *value, key string) *big.Rat {
	n.want(v, key, isNumber)
	x := v.number()
	if x == nil {
		n.fail(key, "the number has too many digits")
	}
	return x
}

// restrict leaves only some values.
func (c *compiler) restrict(n *node, key string, values []*value) {
	for _, v := range values {
		if !c.exact(v) {
			n.fail(key, "a number in it has too many digits")
		}
	}
	n.own.enum = common(n.own, &shape{enum: values, isEnum: true})
	n.own.isEnum = true
}

// exact reports whether all numbers in v can be calculated with.
func (c *compiler) exact(v *value) bool {
	c.budget.spend(1 + len(v.text)/16)
	return (v.kind != isNumber || v.number() != nil) && !slices.ContainsFunc(v.items, func(v *value) bool { return !c.exact(v) })
}

// resolve finds what a $ref points to.
func (c *compiler) resolve(n *node, ref string) *node {
	path, ok := strings.CutPrefix(ref, "#")
	path, err := url.PathUnescape(path)
	if !ok || err != nil || path != "" && path[0] != '/' || !utf8.ValidString(path) {
		n.fail("$ref", "only references into the schema itself are supported, such as #/$defs/name")
	}
	at := c.root
	if path != "" {
		for _, token := range strings.Split(path[1:], "/") {
			token = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
			c.budget.spend(1 + len(token)/16)
			at = at.child(token)
			if at == nil {
				n.fail("$ref", "there is no "+strconv.Quote(clip(ref)))
			}
		}
	}
	return c.node(at)
}

func (v *value) child(token string) *value {
	if v.kind != isArray {
		return v.get(token)
	}
	i, err := strconv.Atoi(token)
	if err != nil || i < 0 || i >= len(v.items) {
		return nil
	}
	return v.items[i]
}

func clip(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}
