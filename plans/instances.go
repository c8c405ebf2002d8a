package plans

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/agent0-converge/agent0-converge/engine"
)

// block is a block that may stand for several: a resource or a module.
type block struct {
	*node
	part *part
	// after are what depends_on names.
	after []engine.Addr
}

// block is what n is if that can be repeated, and otherwise nil.
func (n *node) block() *block {
	switch {
	case n == nil:
		return nil
	case n.res != nil:
		return &n.res.block
	case n.call != nil:
		return &n.call.block
	}
	return nil
}

// instance is one of the resources, or modules, that a block with for_each or count stands for; for any
// other block it is the only one.
type instance struct {
	addr engine.Addr
	key  cty.Value            // cty.NilVal for the only one
	vars map[string]cty.Value // each or count
}

// instances lists the instances of a block in the order of their keys.
func (l *loader) instances(b *block, ctx *hcl.EvalContext, m *mistakes) ([]instance, bool) {
	each, hasEach := b.part.get("for_each")
	count, hasCount := b.part.get("count")
	switch {
	case hasEach && hasCount:
		m.errorf(*count.at, &b.at, "Invalid combination", "%s has both for_each and count. Leave one of them out.", b.addr)
		return nil, false
	case hasEach:
		return l.forEach(b, each, ctx, m)
	case hasCount:
		return l.counted(b, count, ctx, m)
	}
	return []instance{{addr: b.full}}, true
}

func (b *block) unknownInstance(needs []string) instance {
	_, why := waiting(needs).Unmark()
	return instance{addr: b.full, vars: map[string]cty.Value{
		"each":  cty.ObjectVal(map[string]cty.Value{"key": cty.UnknownVal(cty.String).WithMarks(why), "value": cty.DynamicVal.WithMarks(why)}),
		"count": cty.ObjectVal(map[string]cty.Value{"index": cty.UnknownVal(cty.Number).WithMarks(why)}),
	}}
}

// multiplier is what makes the block stand for more than one resource, or "".
func (b *block) multiplier() string {
	for _, name := range []string{"for_each", "count"} {
		if _, ok := b.part.get(name); ok {
			return name
		}
	}
	return ""
}

func (b *block) repeated() bool { return b.multiplier() != "" }

// exampleKey shows what a key of the block's instances looks like.
func (b *block) exampleKey() string {
	if b.multiplier() == "count" {
		return "0"
	}
	return `"KEY"`
}

// fits reports whether key can be that of an instance.
func (b *block) fits(key cty.Value) bool {
	want := cty.String
	if b.multiplier() == "count" {
		want = cty.Number
	}
	return key.Type() == want && key.IsKnown() && !key.IsNull() && !key.IsMarked()
}

// maxCount bounds count: a larger one is a slip.
const maxCount = 100_000

// counted lists the instances of a block with count.
func (l *loader) counted(b *block, a attr, ctx *hcl.EvalContext, m *mistakes) ([]instance, bool) {
	v, ok := l.plain(a, cty.Number, ctx, m)
	if !ok {
		return nil, false
	}
	n, exact := v.AsBigFloat().Int64()
	if exact != 0 || n < 0 || n > maxCount {
		m.errorf(a.expr.Range(), nil, "Invalid count", "count is a whole number from 0 to %d.", maxCount)
		return nil, false
	}
	out := make([]instance, n)
	for i := range out {
		key := cty.NumberIntVal(int64(i))
		out[i] = instance{
			addr: engine.Addr(fmt.Sprintf("%s[%d]", b.full, i)), key: key,
			vars: map[string]cty.Value{"count": cty.ObjectVal(map[string]cty.Value{"index": key})},
		}
	}
	return out, true
}

// forEach lists the instances of a block with for_each.
func (l *loader) forEach(b *block, a attr, ctx *hcl.EvalContext, m *mistakes) ([]instance, bool) {
	keys, values, ok := l.eachOf(a, ctx, m)
	out := make([]instance, 0, len(keys))
	seen := make(map[string]bool, len(keys))
	for i, key := range keys {
		if seen[key] {
			m.errorf(a.expr.Range(), nil, "Duplicate key", "for_each has %q more than once.", key)
			return nil, false
		}
		seen[key] = true
		k := cty.StringVal(key)
		out = append(out, instance{addr: addrOf(b.full, k), key: k, vars: map[string]cty.Value{
			"each": cty.ObjectVal(map[string]cty.Value{"key": k, "value": values[i]}),
		}})
	}
	return out, ok
}

// gather is the value of the whole block.
func (b *block) gather(insts []instance, values []cty.Value) cty.Value {
	switch b.multiplier() {
	case "for_each":
		byKey := make(map[string]cty.Value, len(insts))
		for i, inst := range insts {
			byKey[inst.key.AsString()] = values[i]
		}
		return cty.ObjectVal(byKey)
	case "count":
		return cty.TupleVal(values)
	}
	return values[0]
}
