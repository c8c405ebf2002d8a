package plans_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"golang.org/x/tools/txtar"

	"github.com/agent0-converge/agent0-converge/plans"
)

// seeds are whole plans to start fuzzing from.
func seeds(f testing.TB) []string {
	f.Helper()
	archive, err := txtar.ParseFile(mistakesFile)
	if err != nil {
		f.Fatal(err)
	}
	out := []string{variablesPlan}
	for _, file := range archive.Files {
		if !strings.HasSuffix(file.Name, ": says") {
			out = append(out, string(file.Data))
		}
	}
	return append(out,
		"toy \"a\" {\n path = \"/a\"\n content = <<-EOT\n  x ${host.os}\n EOT\n}\n",
		"toy \"a\" {\n for_each = sensitive({a = 1})\n path = each.value\n values = { for k, v in {a = sensitive(1)} : k => v... }\n}\n",
		"output \"o\" {\n value = try(tolist([1, \"a\"])[0], can(x), one(toset([null])))\n}\n",
		"output \"o\" {\n value = [host.gpus[*].name, host.gpus.*.memory, {(host.os) = 1}, -1 % 0, 1 / 0, \"%{ if true }a%{ endif }\"]\n}\n",
		"output \"o\" {\n value = 1e1000\n}\n",
		"output \"o\" {\n value = [hcldecode(\"a = [-1, {b = null}]\\nc = <<E\\nx\\nE\\n\"), yamldecode(\"a: [&l {b: null}, *l]\"), jsondecode(\"[{}]\")]\n}\n",
		"output \"o\" {\n value = \"${1e-4000000}\"\n}\n",
		"variable \"x\" {\n default = {a = 1}\n}\nmodule \"m\" {\n source = \"./net\"\n for_each = var.x\n x = {b = each.value, c = module.n.o}\n depends_on = [module.n]\n}\nmodule \"n\" {\n source = \"./net\"\n x = sensitive({})\n}\noutput \"o\" {\n value = module.m[\"b\"].o\n}\n",
		"toy \"a\" {\n path = \"/a\"\n dynamic \"rule\" {\n for_each = {a = sensitive(1)}\n iterator = i\n labels = [\"x\"]\n content {\n port = i.value\n dynamic \"nested\" {\n for_each = [i.key]\n content {\n memory = nested.value\n }\n }\n }\n }\n}\n",
	)
}

// FuzzLoad holds that no text of a plan ends the program, in HCL or in JSON.
func FuzzLoad(f *testing.F) {
	for _, seed := range seeds(f) {
		f.Add(seed, false)
	}
	f.Add(`{"toy": {"a": {"path": "${toy.b[*].path}", "rule": [{"port": 1}], "dynamic": {"rule": {"for_each": [7], "content": {"port": "${rule.value}"}}}}}}`, true)
	f.Add(`{"variable": {"x": {"type": "object({a=optional(string, \"b\")})", "default": {}}}, "output": {"o": {"value": "${var.x}"}}}`, true)
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, src string, json bool) {
		name := "plan.hcl"
		if json {
			name += ".json"
		}
		if err := os.MkdirAll(filepath.Join(dir, "net"), 0o755); err != nil {
			t.Fatal(err)
		}
		module := filepath.Join(dir, "net", name) // it may use itself as a module
		name = filepath.Join(dir, name)
		for _, file := range []string{name, module} {
			if err := os.WriteFile(file, []byte(src), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		plan, diags := plans.Load(plans.Input{Path: name, Facts: facts(), Kinds: kinds()})
		if err := hcl.NewDiagnosticTextWriter(new(strings.Builder), plan.Files(), 0, false).WriteDiagnostics(diags); err != nil {
			t.Fatal(err)
		}
		for _, d := range plan.Resources {
			for _, ask := range d.Post {
				_ = ask(d.Kind.NewSpec())
			}
		}
		for _, o := range plan.Outputs {
			o.Text()
		}
	})
}
