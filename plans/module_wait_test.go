package plans_test

import (
	"fmt"
	"testing"

	"github.com/agent0-converge/agent0-converge/plans"
)

const later = `
-- m/m.hcl --
variable "x" {
  type     = object({ a = string, b = optional(string, "b") })
  nullable = false
  default  = { a = "default" }
}
toy "t" {
  path = "/${var.x.a}/${var.x.b}"
}
toy "plain" {
  path = "/plain"
}
toy "off" {
  path = "/off"
  when = false
}
check "never" {
  assert {
    condition     = false
    error_message = "No."
  }
}
output "path" {
  value = toy.t.path
}
output "plain" {
  value = "plain"
}
`

func noMemory(in *plans.Input) { in.Facts.Unknown = []string{"memory"} }

// TestModulesThatWait holds that what depends on a fact that is not known is left for later, in a
// module as outside of it.
func TestModulesThatWait(t *testing.T) {
	deferredOf := func(plan *plans.Plan) (out []string) {
		for _, d := range plan.Resources {
			out = append(out, fmt.Sprintf("%s %s left out %v", d.Addr, d.Deferred, d.LeftOut))
		}
		return out
	}
	plan := good(t, "module \"m\" {\n  source = \"./m\"\n  x = { a = \"${host.memory}\" }\n}\ntoy \"u\" {\n  path = \"/${module.m.path}\"\n  content = module.m.plain\n}\n"+later, noMemory)
	same(t, []string{
		"module.m.toy.t needs host.memory left out false", "module.m.toy.plain  left out false",
		"module.m.toy.off  left out true", "toy.u needs host.memory left out false",
	}, deferredOf(plan))
	for _, meta := range []string{"for_each = toset([tostring(host.memory)])", "count = host.memory", "when = host.memory > 1"} {
		plan = good(t, "module \"m\" {\n  source = \"./m\"\n  "+meta+"\n}\n"+later, noMemory)
		same(t, []string{
			"module.m.toy.t needs host.memory left out false", "module.m.toy.plain needs host.memory left out false",
			"module.m.toy.off  left out true",
		}, deferredOf(plan))
	}
}

// TestModulesLeftOut holds that a module whose when is false is there, left out, so that what it
// manages stays as it is, whether or not it makes sense on this host.
func TestModulesLeftOut(t *testing.T) {
	plan, diags := load(t, "module \"m\" {\n  source = \"./m\"\n  for_each = { on = true, off = false }\n  when = each.value\n  x = each.value ? null : { a = [] }\n}\noutput \"o\" {\n  value = module.m[\"off\"].plain\n}\n"+later)
	same(t, []string{
		`module.m["off"].toy.t left out`, `module.m["off"].toy.plain left out`, `module.m["off"].toy.off left out`,
		`module.m["on"].toy.t`, `module.m["on"].toy.plain`, `module.m["on"].toy.off left out`,
	}, addrs(plan))
	same(t, 1, len(diags)) // the check of the one that is there
	same(t, []string{`module.m["on"].never`}, []string{plan.Checks[0].Name})
	same(t, "/default/b", spec[toy](t, plan, `module.m["on"].toy.t`).Path)
	same(t, "plain", plan.Outputs["o"].Text())
}
