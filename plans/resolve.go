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
	// input says that the kind's own attributes refer to it.
	input bool
	refs
}

// resolve finds what us refer to and reports those that refer to nothing.
func (l *loader) resolve(owner *node, may allowed, us []use) refs {
	r := resolver{loader: l, owner: owner, may: may}
	for _, u := range us {
		before := len(l.diags)
		r.may.self, r.input = u.self, u.input
		r.one(u.Traversal)
		n := r.nodes[engine.Addr(u.RootName()+"."+attrName(u.Traversal, 1))]
		if b := n.block(); len(u.Traversal) == 2 && b != nil && b.multiplier() == "for_each" {
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
		v := r.variableByName[attrName(t, 1)]
		if r.named(t, "variable", v != nil, r.variableNames) && r.call != nil {
			r.vars = append(r.vars, varRef{v, r.input})
		}
	case root == "local":
		n := r.nodes["local."+engine.Addr(attrName(t, 1))]
		if r.named(t, "local", n != nil, func() []string { return r.labels["local"] }) {
			r.refer(t, n, n.full, "")
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
	case root == "path":
		r.named(t, "path", attrName(t, 1) == "module", func() []string { return []string{"module"} })
	case root == "module":
		r.module(t)
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
		noun := map[string]string{"variable": "undeclared variable", "local": "undeclared local", "fact": "unknown fact", "path": "unknown path"}[what]
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
	known := append(slices.Collect(maps.Keys(r.kinds)), "var", "local", "module", "host", "each", "count", "self", "path")
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
	if rest, addr, ok := r.instance(t, n); ok && r.attribute(n, rest, at) {
		r.refer(t, n, addr, "")
	}
}

// instance resolves the instance of a block that t names. rest is what follows.
func (r *resolver) instance(t hcl.Traversal, n *node) (rest hcl.Traversal, addr engine.Addr, ok bool) {
	at, b := t.SourceRange(), n.block()
	rest = t[2:]
	if len(rest) == 0 {
		return rest, n.full, true
	}
	index, isIndex := rest[0].(hcl.TraverseIndex)
	switch {
	case b.repeated() && !isIndex && attrName(rest, 0) != "":
		r.errorf(at, nil, "Missing instance", "%s has %s, so its %s are those of one instance: %s[%s].%s, or of all: %s[*].%s.",
			n.addr, b.multiplier(), n.values(), n.addr, b.exampleKey(), attrName(rest, 0), n.addr, attrName(rest, 0))
	case b.repeated() && isIndex && b.fits(index.Key):
		return rest[1:], addrOf(n.full, index.Key), true
	case b.repeated():
		return rest[1:], n.full, true
	case isIndex && (n.call != nil || index.Key.Type() == cty.Number):
		r.errorf(at, nil, "No such instance", "%s has neither for_each nor count: it is one %s.", n.addr, n.sort())
	default:
		return rest, n.full, true
	}
	return nil, "", false
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

// refer notes a reference to n, or to the one instance at addr, or to one output.
func (r *resolver) refer(t hcl.Traversal, n *node, addr engine.Addr, output string) {
	n.wanted = true
	r.good = append(r.good, ref{node: n, root: t.RootName(), name: attrName(t, 1), input: r.input, addr: addr, output: output})
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
		if other != "local" && other != "module" && slices.Contains(l.labels[other], name) {
			return fmt.Sprintf(" Did you mean \"%s.%s\"?", other, name)
		}
	}
	return ""
}
