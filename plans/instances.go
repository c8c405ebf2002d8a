package plans

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/agent0-converge/agent0-converge/engine"
)

// instances lists the instances of a block in the order of their keys.
func (l *loader) instances(r *resource, ctx *hcl.EvalContext, m *mistakes) ([]instance, bool) {
	each, hasEach := r.part.get("for_each")
	count, hasCount := r.part.get("count")
	switch {
	case hasEach && hasCount:
		m.errorf(*count.at, &r.at, "Invalid combination", "%s has both for_each and count. Leave one of them out.", r.addr)
		return nil, false
	case hasEach:
		return l.forEach(r, each, ctx, m)
	case hasCount:
		return l.counted(r, count, ctx, m)
	}
	return []instance{{addr: r.addr}}, true
}

func (r *resource) unknownInstance(needs []string) instance {
	_, why := waiting(needs).Unmark()
	return instance{addr: r.addr, vars: map[string]cty.Value{
		"each":  cty.ObjectVal(map[string]cty.Value{"key": cty.UnknownVal(cty.String).WithMarks(why), "value": cty.DynamicVal.WithMarks(why)}),
		"count": cty.ObjectVal(map[string]cty.Value{"index": cty.UnknownVal(cty.Number).WithMarks(why)}),
	}}
}

// multiplier is what makes the block stand for more than one resource, or "".
func (r *resource) multiplier() string {
	for _, name := range []string{"for_each", "count"} {
		if _, ok := r.part.get(name); ok {
			return name
		}
	}
	return ""
}

func (r *resource) repeated() bool { return r.multiplier() != "" }

// exampleKey shows what a key of the block's instances looks like.
func (r *resource) exampleKey() string {
	if r.multiplier() == "count" {
		return "0"
	}
	return `"KEY"`
}

// fits reports whether key can be that of an instance.
func (r *resource) fits(key cty.Value) bool {
	want := cty.String
	if r.multiplier() == "count" {
		want = cty.Number
	}
	return key.Type() == want && key.IsKnown() && !key.IsNull() && !key.IsMarked()
}

// maxCount bounds count: a larger one is a slip.
const maxCount = 100_000

// counted lists the instances of a block with count.
func (l *loader) counted(r *resource, a attr, ctx *hcl.EvalContext, m *mistakes) ([]instance, bool) {
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
			addr: engine.Addr(fmt.Sprintf("%s[%d]", r.addr, i)), key: key,
			vars: map[string]cty.Value{"count": cty.ObjectVal(map[string]cty.Value{"index": key})},
		}
	}
	return out, true
}

// forEach lists the instances of a block with for_each.
func (l *loader) forEach(r *resource, a attr, ctx *hcl.EvalContext, m *mistakes) ([]instance, bool) {
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
		out = append(out, instance{addr: addrOf(r.addr, k), key: k, vars: map[string]cty.Value{
			"each": cty.ObjectVal(map[string]cty.Value{"key": k, "value": values[i]}),
		}})
	}
	return out, ok
}
