package grammar

import "strconv"

// members takes in what a schema says of an object's members.
func (c *compiler) members(n *node) {
	props, rest := n.v.get("properties"), n.v.get("additionalProperties")
	c.trivial(n)
	if props == nil && rest == nil {
		return
	}
	part := objectPart{props: map[string]*node{}}
	if props != nil {
		n.want(props, "properties", isObject)
		part.names = props.keys
		for i, name := range props.keys {
			part.props[name] = c.node(props.items[i])
		}
	}
	if rest != nil {
		part.rest = c.node(rest)
	}
	n.own.objects = append(n.own.objects, part)
}

// trivial accepts bounds of how many members there are only where they say nothing.
func (c *compiler) trivial(n *node) {
	if v := n.v.get("minProperties"); v != nil {
		if least := n.count(v, "minProperties", MaxItems); least > len(n.own.required) {
			n.fail("minProperties", "it is only supported up to the number of required properties")
		}
	}
	v := n.v.get("maxProperties")
	if v == nil {
		return
	}
	most := n.count(v, "maxProperties", MaxItems)
	props, rest := n.v.get("properties"), n.v.get("additionalProperties")
	if props == nil || rest == nil || rest.kind != isBool || rest.bool || most < len(props.items) {
		n.fail("maxProperties", "it is only supported where no more properties are possible: with additionalProperties false")
	}
}

// items takes in what a schema says of an array's items, in the words of draft 2020-12 and of those before.
func (c *compiler) items(n *node) {
	prefix, rest := n.v.get("prefixItems"), n.v.get("items")
	key := "prefixItems"
	if rest != nil && rest.kind == isArray {
		if prefix != nil {
			n.fail("items", "it should be a schema where prefixItems is")
		}
		prefix, rest, key = rest, n.v.get("additionalItems"), "items"
	}
	if prefix == nil && rest == nil {
		return
	}
	var part arrayPart
	if prefix != nil {
		if n.want(prefix, key, isArray); len(prefix.items) > MaxItems {
			n.fail(key, "at most "+strconv.Itoa(MaxItems)+" are supported")
		}
		for _, item := range prefix.items {
			part.prefix = append(part.prefix, c.node(item))
		}
	}
	if rest != nil {
		part.rest = c.node(rest)
	}
	n.own.arrays = append(n.own.arrays, part)
}
