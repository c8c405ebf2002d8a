package plans

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/agent0-converge/agent0-converge/engine"
)

// allowed says which names an expression may use beside those of the whole plan.
type allowed struct{ each, count, self bool }

// resolver finds what the expressions of one block refer to.
type resolver struct {
	*loader
	may allowed
	// owner is the node whose references these are, nil for an output or a check.
	owner *node
	refs
}

// resolve finds what us refer to and reports those that refer to nothing.
func (l *loader) resolve(owner *node, may allowed, us []use) refs {
	r := resolver{loader: l, owner: owner, may: may}
	for _, u := range us {
		before := len(l.diags)
		r.may.self = u.self
		r.one(u.Traversal)
		n := r.nodes[engine.Addr(u.RootName()+"."+attrName(u.Traversal, 1))]
		if len(u.Traversal) == 2 && n != nil && n.res != nil && n.res.multiplier() == "for_each" {
			splatInstances(u.expr, n.addr)
		}
		if len(l.diags) > before {
			r.bad = append(r.bad, u.RootName())
		}
	}
	return r.refs
}

func (r *resolver) one(t hcl.Traversal) {
	root := t.RootName()
	switch {
	case root == "var":
		r.named(t, "variable", r.variableByName[attrName(t, 1)] != nil, func() []string {
			return slices.Collect(maps.Keys(r.variableByName))
		})
	case root == "local":
		n := r.nodes["local."+engine.Addr(attrName(t, 1))]
		if r.named(t, "local", n != nil, func() []string { return r.labels["local"] }) {
			r.refer(t, root, n)
		}
	case root == "host":
		if len(t) > 1 {
			r.named(t, "fact", slices.Contains(factNames(), attrName(t, 1)), factNames)
		}
	case root == "each":
		r.special(t, r.may.each, "a resource with for_each")
	case root == "count":
		r.special(t, r.may.count, "a resource with count")
	case root == "self":
		r.special(t, r.may.self, "a postcondition")
	case r.kinds[root] != nil:
		r.resource(t)
	default:
		r.nothing(t)
	}
}

// attrName is the name of step i, "" where it is not a name.
func attrName(t hcl.Traversal, i int) string {
	if i < len(t) {
		if a, ok := t[i].(hcl.TraverseAttr); ok {
			return a.Name
		}
	}
	return ""
}

// named reports a name that does not exist; known are those that do.
func (r *resolver) named(t hcl.Traversal, what string, exists bool, known func() []string) bool {
	at := t.SourceRange()
	name := attrName(t, 1)
	switch {
	case name == "":
		r.errorf(at, nil, "Incomplete reference", "%s needs the name of one %s: %s.NAME.", t.RootName(), what, t.RootName())
	case !exists:
		noun := map[string]string{"variable": "undeclared variable", "local": "undeclared local", "fact": "unknown fact"}[what]
		r.errorf(at, nil, "Reference to "+noun, "There is no %s %q.%s", what, name, didYouMean(name, known()))
	default:
		return true
	}
	return false
}

// special reports a name that has a value in some places only.
func (r *resolver) special(t hcl.Traversal, ok bool, where string) {
	if !ok {
		r.errorf(t.SourceRange(), nil, "Reference out of place", "%s has a value only in %s.", t.RootName(), where)
	}
}

// nothing reports a root that means nothing.
func (r *resolver) nothing(t hcl.Traversal) {
	at, root := t.SourceRange(), t.RootName()
	if len(t) == 1 {
		r.errorf(at, nil, "Invalid reference",
			"%s is neither a reference nor a string. A string stands in quotes: %q. A reference has parts, such as var.NAME or file.NAME.path.",
			root, root)
		return
	}
	known := append(slices.Collect(maps.Keys(r.kinds)), "var", "local", "host", "each", "count", "self")
	r.errorf(at, nil, "Invalid reference", "There is no kind of resource %q.%s", root, didYouMean(root, known))
}

// resource resolves kind.label with its instance and attribute.
func (r *resolver) resource(t hcl.Traversal) {
	at, root, name := t.SourceRange(), t.RootName(), attrName(t, 1)
	if name == "" {
		r.errorf(at, nil, "Incomplete reference", "A reference to a resource names its kind and label: %s.LABEL.", root)
		return
	}
	n := r.nodes[engine.Addr(root+"."+name)]
	if n == nil {
		r.errorf(at, nil, "Reference to undeclared resource", "The plan has no %s %q.%s", root, name, r.nearest(root, name))
		return
	}
	rest := t[2:]
	addr := n.addr
	if n.res.repeated() && len(rest) > 0 {
		index, ok := rest[0].(hcl.TraverseIndex)
		if !ok && attrName(rest, 0) != "" {
			r.errorf(at, nil, "Missing instance", "%s has %s, so its attributes are those of one instance: %s[%s].%s, or of all: %s[*].%s.",
				n.addr, n.res.multiplier(), n.addr, n.res.exampleKey(), attrName(rest, 0), n.addr, attrName(rest, 0))
			return
		}
		if ok && n.res.fits(index.Key) {
			addr = addrOf(n.addr, index.Key)
		}
		rest = rest[1:]
	} else if len(rest) > 0 {
		if index, ok := rest[0].(hcl.TraverseIndex); ok && index.Key.Type() == cty.Number {
			r.errorf(at, nil, "No such instance", "%s has neither for_each nor count: it is one resource.", n.addr)
			return
		}
	}
	if !r.attribute(n, rest, at) {
		return
	}
	r.refer(t, root, n)
	r.good[len(r.good)-1].addr = addr
}

// attribute reports an attribute that the kind does not have.
func (r *resolver) attribute(n *node, rest hcl.Traversal, at hcl.Range) bool {
	name := attrName(rest, 0)
	known := n.res.kind.schema.attributeNames()
	if name == "" || n.res.kind.exporter || slices.Contains(known, name) {
		return true
	}
	r.errorf(at, nil, "Unsupported attribute", "%s has no attribute %q.%s", n.addr, name, didYouMean(name, known))
	return false
}

// refer notes a reference to n.
func (r *resolver) refer(t hcl.Traversal, root string, n *node) {
	n.wanted = true
	r.good = append(r.good, ref{node: n, root: root, name: attrName(t, 1), addr: n.addr})
	if r.owner != nil {
		r.owner.edges = append(r.owner.edges, edge{to: n, at: t.SourceRange()})
	}
}

// nearest suggests a label of the same kind, or the same label of another kind.
func (l *loader) nearest(kind, name string) string {
	if s := didYouMean(name, l.labels[kind]); s != "" {
		return s
	}
	for _, other := range slices.Sorted(maps.Keys(l.labels)) {
		if other != "local" && slices.Contains(l.labels[other], name) {
			return fmt.Sprintf(" Did you mean \"%s.%s\"?", other, name)
		}
	}
	return ""
}
