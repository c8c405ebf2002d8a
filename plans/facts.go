package plans

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// mark is what a value is marked with.
type mark string

// sensitive marks what nothing may show.
const sensitive mark = "sensitive"

// reason marks a value that cannot be told, and says why. It goes along into all that is worked
// out from the value.
type reason struct {
	summary, detail string
	// fact is the fact of the host that is missing, such as "host.memory". It is known at the first
	// boot, so a value that waits for it is no mistake.
	fact string
}

// untold is a value of type t that cannot be told.
func untold(t cty.Type, summary, format string, args ...any) cty.Value {
	return cty.UnknownVal(t).Mark(reason{summary: summary, detail: fmt.Sprintf(format, args...)})
}

// waiting is a value of any type that is known once these facts are.
func waiting(facts []string) cty.Value {
	v := cty.DynamicVal
	for _, f := range facts {
		v = v.Mark(reason{fact: f})
	}
	return v
}

// reasons are the marks of v, and of all in it, that say why it cannot be told.
func reasons(v cty.Value) []reason {
	var out []reason
	_, marks := v.UnmarkDeep()
	for m := range marks {
		if why, ok := m.(reason); ok {
			out = append(out, why)
		}
	}
	// Marks are a map, and the same plan says the same every time.
	slices.SortFunc(out, func(a, b reason) int {
		return cmp.Or(strings.Compare(a.fact, b.fact), strings.Compare(a.detail, b.detail))
	})
	return out
}

// explained gives a value that cannot be told the reasons of what expr refers to, where a function
// such as try has dropped them.
func explained(v cty.Value, expr hcl.Expression, ctx *hcl.EvalContext) cty.Value {
	if ctx == nil || v.IsWhollyKnown() || len(reasons(v)) > 0 {
		return v
	}
	for _, t := range expr.Variables() {
		of, diags := t.TraverseAbs(ctx)
		if diags.HasErrors() {
			continue // a name of the expression's own
		}
		for _, why := range reasons(of) {
			v = v.Mark(why)
		}
	}
	return v
}

func gpuType() cty.Type {
	return cty.Object(map[string]cty.Type{"vendor": cty.String, "name": cty.String, "memory": cty.Number})
}

// factNames are the attributes of host.
func factNames() []string {
	return []string{
		"os", "arch", "cpus", "memory", "kernel", "distro", "init", "hostname", "virtualization", "selinux", "firewall", "gpus",
	}
}

// hostValue is the facts as expressions see them. One that is not known stays so in all that is
// worked out from it, and defers what needs it.
func hostValue(f host.Facts) cty.Value {
	gpus := cty.ListValEmpty(gpuType())
	if len(f.GPUs) > 0 {
		vs := make([]cty.Value, len(f.GPUs))
		for i, g := range f.GPUs {
			vs[i] = cty.ObjectVal(map[string]cty.Value{
				"vendor": cty.StringVal(g.Vendor), "name": cty.StringVal(g.Name), "memory": cty.NumberIntVal(g.Memory),
			})
		}
		gpus = cty.ListVal(vs)
	}
	attrs := map[string]cty.Value{
		"os": cty.StringVal(f.OS), "arch": cty.StringVal(f.Arch), "kernel": cty.StringVal(f.Kernel),
		"hostname": cty.StringVal(f.Hostname), "init": cty.StringVal(f.Init),
		"virtualization": cty.StringVal(f.Virtualization), "selinux": cty.StringVal(f.SELinux),
		"firewall": cty.StringVal(f.Firewall), "cpus": cty.NumberIntVal(int64(f.CPUs)),
		"memory": cty.NumberIntVal(f.Memory), "gpus": gpus,
		"distro": cty.ObjectVal(map[string]cty.Value{
			"id": cty.StringVal(f.Distro.ID), "version": cty.StringVal(f.Distro.Version), "name": cty.StringVal(f.Distro.Name),
		}),
	}
	for _, name := range f.Unknown {
		if v, ok := attrs[name]; ok {
			attrs[name] = cty.UnknownVal(v.Type()).Mark(reason{fact: "host." + name})
		}
	}
	return cty.ObjectVal(attrs)
}
