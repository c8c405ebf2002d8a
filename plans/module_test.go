package plans_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
)

// TestModules holds what is in a module: names of its own, files of its own, and addresses with the
// module's before them.
func TestModules(t *testing.T) {
	plan := good(t, `
locals {
  dir = "/outer"
}
module "one" {
  source = "./mod"
  dir    = local.dir
}
module "each" {
  source   = "./mod"
  for_each = { "a.b" = "/a", c = "/c" }
  dir      = each.value
}
module "two" {
  source = "./mod"
  count  = 2
  dir    = "/two/${count.index}"
}
toy "a" {
  path   = module.one.path
  ports  = [length(module.each), length(module.two)]
  paths  = concat(module.each[*].path, module.two[*].path, [module.each["c"].inner, module.two[1].inner])
  labels = module.one.yaml
}
-- mod/main.hcl --
variable "dir" {}
variable "defaulted" {
  default = "x"
}
locals {
  dir = "${var.dir}/${path.module}/${var.defaulted}"
}
toy "a" {
  for_each = toset(["k"])
  path     = local.dir
  content  = file("beside")
  template = "t.tmpl"
}
toy "s" {
  path   = "/s${var.dir}"
  source = "beside"
}
module "in" {
  source = "../inner"
  from   = toy.a["k"].path
}
output "path" {
  value = toy.a["k"].path
}
output "inner" {
  value = module.in.path
}
output "yaml" {
  value = yamldecode(templatefile("y.yaml", { x = var.dir }))
}
-- mod/beside --
of the module
-- mod/t.tmpl --
rendered
-- mod/y.yaml --
x: ${x}
-- beside --
of the plan
-- inner/plan.hcl.json --
{"variable": {"from": {}}, "toy": {"a": {"path": "${var.from}/in"}}, "output": {"path": {"value": "${toy.a.path}"}}}
`)
	same(t, []string{
		`module.one.toy.a["k"]`, `module.one.toy.s`, `module.one.module.in.toy.a`,
		`module.each["a.b"].toy.a["k"]`, `module.each["a.b"].toy.s`, `module.each["a.b"].module.in.toy.a`,
		`module.each["c"].toy.a["k"]`, `module.each["c"].toy.s`, `module.each["c"].module.in.toy.a`,
		`module.two[0].toy.a["k"]`, `module.two[0].toy.s`, `module.two[0].module.in.toy.a`,
		`module.two[1].toy.a["k"]`, `module.two[1].toy.s`, `module.two[1].module.in.toy.a`, "toy.a",
	}, addrs(plan))
	same(t, "rendered\n", spec[toy](t, plan, `module.one.toy.a["k"]`).Content.Reveal())
	same(t, "of the module\n", spec[toy](t, plan, "module.one.toy.s").Content.Reveal())
	a := spec[toy](t, plan, "toy.a")
	same(t, "/outer/./x", a.Path)
	same(t, []int{2, 2}, a.Ports)
	same(t, []string{"/a/./x", "/c/./x", "/two/0/./x", "/two/1/./x", "/c/./x/in", "/two/1/./x/in"}, a.Paths)
	same(t, map[string]string{"x": "/outer"}, a.Labels)
	same(t, 3, len(plan.Sources))
	same(t, 0, len(plan.Variables)+len(plan.Outputs))
}

// TestModuleEdges holds that references through arguments and outputs are to the resources behind
// them and no others, and that the rest only orders.
func TestModuleEdges(t *testing.T) {
	plan := good(t, `
toy "arg" {
  path = "/arg"
}
toy "unused" {
  path = "/unused"
}
toy "before" {
  path = "/before"
}
toy "key" {
  path = "/key"
}
module "m" {
  source     = "./m"
  for_each   = { k = toy.key.path }
  depends_on = [toy.before]
  dir        = toy.arg.path
  unused     = toy.unused.path
}
toy "user" {
  path = module.m["k"].one
}
toy "all" {
  path       = "/all"
  follow     = [module.m]
  depends_on = [module.m["k"]]
  free       = { for k, m in module.m : k => m.two }
}
-- m/m.hcl --
variable "dir" {}
variable "unused" {}
locals {
  sub = "${var.dir}/sub"
}
toy "one" {
  path = "${local.sub}/one"
}
toy "two" {
  path       = "/two"
  follow     = [toy.one, module.in]
  depends_on = [module.in]
  when       = var.unused != ""
}
module "in" {
  source = "../in"
  path   = toy.one.path
}
output "one" {
  value = module.in.path
}
output "two" {
  value = toy.two.path
}
-- in/in.hcl --
variable "path" {}
toy "x" {
  path = "${var.path}/x"
}
output "path" {
  value = toy.x.path
}
`)
	for _, c := range []struct {
		addr          engine.Addr
		inputs, after []engine.Addr
	}{
		{`module.m["k"].toy.one`, []engine.Addr{"toy.arg"}, []engine.Addr{"toy.arg", "toy.key", "toy.before"}},
		{
			`module.m["k"].toy.two`, []engine.Addr{`module.m["k"].toy.one`, `module.m["k"].module.in`},
			[]engine.Addr{"toy.unused", `module.m["k"].toy.one`, `module.m["k"].module.in`, "toy.key", "toy.before"},
		},
		{
			`module.m["k"].module.in.toy.x`, []engine.Addr{`module.m["k"].toy.one`},
			[]engine.Addr{`module.m["k"].toy.one`, "toy.key", "toy.before"},
		},
		{"toy.user", []engine.Addr{`module.m["k"].module.in.toy.x`}, []engine.Addr{`module.m["k"].module.in.toy.x`}},
		{
			"toy.all", []engine.Addr{`module.m["k"].module.in.toy.x`, `module.m["k"].toy.two`, "module.m"},
			[]engine.Addr{`module.m["k"].module.in.toy.x`, `module.m["k"].toy.two`, "module.m", `module.m["k"]`},
		},
	} {
		d := declared(t, plan, c.addr)
		same(t, c.inputs, d.Inputs)
		same(t, c.after, d.DependsOn)
	}
	if ms := engine.Check(plan.Resources); len(ms) > 0 {
		t.Error(ms)
	}
}

// TestModulesOfNothing holds that the mistakes of a module show also where nothing uses it.
func TestModulesOfNothing(t *testing.T) {
	for _, meta := range []string{"for_each = {}", "count = 0"} {
		plan, diags := load(t, "module \"m\" {\n  source = \"./m\"\n  "+meta+"\n  x = 1\n}\n-- m/m.hcl --\nvariable \"x\" {}\ntoy \"a\" {\n  path = toy.b.path\n}\n")
		if got := shown(t, plan, diags); len(diags) != 1 || !strings.Contains(got, `The plan has no toy "b"`) {
			t.Error(got)
		}
		same(t, 0, len(good(t, "module \"m\" {\n  source = \"./m\"\n  "+meta+"\n}\n"+later).Resources))
	}
}

// TestModuleSecrets holds that a secret is one on its way in and out of a module, whatever the
// types on the way.
func TestModuleSecrets(t *testing.T) {
	plan := good(t, `
variable "secret" {
  default   = "hunter2"
  sensitive = true
}
module "m" {
  source = "./m"
  whole  = sensitive({ a = "x" })
  part   = { a = var.secret }
  list   = [{ a = var.secret }]
  own    = "open"
}
output "o" {
  value = [for v in [module.m.whole, module.m.part, module.m.list, module.m.own, module.m.marked, module.m.plain] : issensitive(jsonencode(v))]
}
-- m/m.hcl --
variable "whole" {
  type = object({ a = string, b = optional(string, "b") })
}
variable "part" {
  type = object({ a = string, b = optional(string, "b") })
}
variable "list" {
  type = list(object({ a = string, b = optional(string, "b") }))
}
variable "own" {
  sensitive = true
}
output "whole" {
  value = var.whole
}
output "part" {
  value = var.part
}
output "list" {
  value = var.list
}
output "own" {
  value = var.own
}
output "marked" {
  value     = "x"
  sensitive = true
}
output "plain" {
  value = "x"
}
`)
	same(t, "[true,true,true,true,true,false]", plan.Outputs["o"].Text())
}

// TestModuleDigest holds that a plan whose module is another one is another plan, wherever it is.
func TestModuleDigest(t *testing.T) {
	digest := func(text string) string {
		return good(t, "module \"m\" {\n  source = \"./m\"\n}\n-- m/m.hcl --\n"+text).Digest
	}
	same(t, digest("locals {}\n"), digest("locals {}\n"))
	if digest("locals {}\n") == digest("locals { }\n") {
		t.Error("the digest does not cover the module")
	}
}

// TestLongModules holds that it makes no difference how long the file of a module is.
func TestLongModules(t *testing.T) {
	archive := "-- plan.hcl --\n" + longPlan() + "module \"m\" {\n  source = \"./m\"\n  count = 2\n}\ntoy \"last\" {\n  path = module.m[1].path\n}\n" +
		"-- m/m.hcl --\n" + longPlan() + "output \"path\" {\n  value = toy.t5.path\n}\n-- m/data --\nbeside\n-- data --\nbeside\n"
	plan := good(t, archive)
	same(t, 3*1650+1, len(plan.Resources))
	same(t, "/srv/5", spec[toy](t, plan, "toy.last").Path)
	same(t, "beside\n", spec[toy](t, plan, "module.m[1].toy.t1497").Content.Reveal())
	same(t, []engine.Addr{"module.m[1].toy.t0", "module.m[1].toy.t5"}, declared(t, plan, "module.m[1].toy.t3").DependsOn)
}

// TestModuleBounds holds that modules that multiply, or nest for ever, end soon.
func TestModuleBounds(t *testing.T) {
	var chain, tree strings.Builder
	for i := range 40 {
		fmt.Fprintf(&chain, "-- m%d/m.hcl --\nmodule \"m\" {\n  source = \"../m%d\"\n}\n", i, i+1)
		fmt.Fprintf(&tree, "-- m%d/m.hcl --\nmodule \"a\" {\n  source = \"../m%d\"\n}\nmodule \"b\" {\n  source = \"../m%d\"\n}\n", i, i+1, i+1)
	}
	const last = "-- m40/m.hcl --\nlocals {\n}\n"
	for name, c := range map[string]struct{ archive, want string }{
		"a chain":   {"module \"m\" {\n  source = \"./m0\"\n}\n" + chain.String() + last, "Modules may be nested 32 deep."},
		"a tree":    {"module \"m\" {\n  source = \"./m20\"\n}\n" + tree.String() + last, "A plan has at most 10000 modules"},
		"very many": {"module \"m\" {\n  source = \"./m40\"\n  count = 10001\n}\n" + last, "A plan has at most 10000 modules"},
	} {
		plan, diags := load(t, c.archive)
		if got := strings.ReplaceAll(shown(t, plan, diags), "\n", " "); !strings.Contains(got, c.want) {
			t.Errorf("%s: %q is not in %.400s", name, c.want, got)
		}
	}
}
