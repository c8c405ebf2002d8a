package plans_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/plans"
)

const variablesPlan = `
variable "who" {
  type        = string
  default     = "default"
  description = "whom to greet"
}
variable "ports" {
  type    = map(number)
  default = {}
}
variable "app" {
  type = object({ name = string, port = optional(number, 8000) })
  default = { name = "app" }
}
variable "free" {
  default = "untyped"
}
variable "on" {
  type    = bool
  default = null
}
variable "size" {
  type     = number
  nullable = false
  default  = 7
}
toy "a" {
  path    = "/${var.who}"
  free    = { ports = var.ports, app = var.app, free = var.free, on = var.on, size = var.size }
}
`

func TestValuesOfVariables(t *testing.T) {
	files := "-- a.auto.vars.hcl --\nwho = \"auto\"\nother = 1\n-- x.vars --\nwho = \"file\"\nports = { a = 1 }\nsize = null\n-- y.vars.json --\n{\"who\": \"json\", \"app\": {\"name\": \"x\"}}\n"
	for _, c := range []struct {
		name  string
		files string
		in    plans.Input
		path  string
		free  map[string]any
		from  string
	}{
		{"defaults", "", plans.Input{}, "/default", nil, "default"},
		{"environment", "", plans.Input{Environ: []string{"AGENT0_VAR_who=env", "AGENT0_VAR_nobody=x", "HOME=/"}}, "/env", nil, "AGENT0_VAR_who"},
		{"automatic file", files, plans.Input{Environ: []string{"AGENT0_VAR_who=env"}}, "/auto", nil, "a.auto.vars.hcl"},
		{"named file", files, plans.Input{VarFiles: []string{"x.vars"}}, "/file", map[string]any{"ports": map[string]any{"a": int64(1)}}, "x.vars"},
		{"later file", files, plans.Input{VarFiles: []string{"x.vars", "y.vars.json"}}, "/json", map[string]any{"ports": map[string]any{"a": int64(1)}, "app": map[string]any{"name": "x", "port": int64(8000)}}, "y.vars.json"},
		{"command line", files, plans.Input{VarFiles: []string{"x.vars"}, Vars: map[string]string{"who": "cli", "ports": "{ b = 2 }"}}, "/cli", map[string]any{"ports": map[string]any{"b": int64(2)}}, "--var"},
		{"text is not HCL", "", plans.Input{Vars: map[string]string{"who": "${x}", "free": "[1]"}}, "/${x}", map[string]any{"free": "[1]"}, "--var"},
		{"simple types", "", plans.Input{Vars: map[string]string{"on": "true", "size": "8"}}, "/default", map[string]any{"on": true, "size": int64(8)}, "default"},
	} {
		t.Run(c.name, func(t *testing.T) {
			plan := good(t, variablesPlan+c.files, func(in *plans.Input) {
				in.Path = relative(t, in.Path)
				in.Environ, in.VarFiles, in.Vars = c.in.Environ, c.in.VarFiles, c.in.Vars
			})
			want := map[string]any{
				"ports": map[string]any{}, "app": map[string]any{"name": "app", "port": int64(8000)}, "free": "untyped", "size": int64(7),
			}
			for k, v := range c.free {
				want[k] = v
			}
			x := spec[toy](t, plan, "toy.a")
			same(t, c.path, x.Path)
			same(t, want, x.Free)
			same(t, c.from, plan.Variables["who"].From)
		})
	}
}

func TestWhatIsKnownOfVariables(t *testing.T) {
	plan := good(t, variablesPlan)
	v := plan.Variables["who"]
	if v.Type != "string" || v.Description != "whom to greet" || v.Required || v.Sensitive || v.Place.Start.Line != 1 {
		t.Errorf("got %+v", v)
	}
	same(t, "any", plan.Variables["free"].Type)
}

func TestMistakesInValues(t *testing.T) {
	sensitive := "variable \"key\" {\n  type = map(number)\n  sensitive = true\n}\n"
	number := "variable \"n\" {\n  type = number\n  default = 1\n}\n"
	for _, c := range []struct {
		name, archive string
		in            plans.Input
		want          []string
	}{
		{"unknown on the command line", number, plans.Input{Vars: map[string]string{"m": "1"}},
			[]string{"Value for an undeclared variable", `--var m: the plan has no variable of that name. Did you mean "n"?`}},
		{"unknown in a file", number + "-- v --\nm = \"hunter2\"\n", plans.Input{VarFiles: []string{"v"}},
			[]string{"Warning: Value for an undeclared variable", `v:1: the plan has no variable "m". Did you mean "n"?`}},
		{"no such file", number, plans.Input{VarFiles: []string{"nowhere"}}, []string{"Cannot read nowhere: no such file or directory."}},
		{"broken file", number + "-- v --\nn = \n", plans.Input{VarFiles: []string{"v"}}, []string{"Invalid expression", "v line 1"}},
		{"not a number", number, plans.Input{Vars: map[string]string{"n": "many"}},
			[]string{"--var n line 1", "1: many", "Unsuitable value for var.n: a number is required, but have string."}},
		{"not HCL", "variable \"l\" {\n  type = list(string)\n}\n", plans.Input{Vars: map[string]string{"l": "[a"}}, []string{"--var l line 1"}},
		{"names in a value", "variable \"l\" {\n  type = list(string)\n}\n", plans.Input{Vars: map[string]string{"l": "[host.os]"}}, []string{"Variables not allowed"}},
		{"secret on the command line", sensitive, plans.Input{Vars: map[string]string{"key": "hunter2"}},
			[]string{"Secret on the command line", "AGENT0_VAR_key"}},
		{"secret that is not HCL", sensitive, plans.Input{Environ: []string{"AGENT0_VAR_key={hunter2"}},
			[]string{"AGENT0_VAR_key is not written as HCL"}},
		{"secret with names", sensitive, plans.Input{Environ: []string{"AGENT0_VAR_key=[hunter2]"}}, []string{"cannot be evaluated"}},
		{"secret of the wrong type", sensitive, plans.Input{Environ: []string{"AGENT0_VAR_key={ a = \"hunter2\" }"}}, []string{"Unsuitable value for var.key"}},
		{"secret of the wrong type in a file", sensitive + "-- v --\nkey = \"hunter2\"\n", plans.Input{VarFiles: []string{"v"}},
			[]string{"Unsuitable value for var.key", "line 1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			plan, diags := load(t, c.archive, func(in *plans.Input) {
				in.Path = relative(t, in.Path)
				in.Environ, in.VarFiles, in.Vars = c.in.Environ, c.in.VarFiles, c.in.Vars
			})
			got := shown(t, plan, diags)
			if strings.Contains(got, "hunter2") {
				t.Errorf("the secret is shown:\n%s", got)
			}
			for _, want := range c.want {
				if !strings.Contains(got, want) {
					t.Errorf("%q is not in:\n%s", want, got)
				}
			}
			if strings.Count(got, "Error: ")+strings.Count(got, "Warning: ") != 1 {
				t.Errorf("there is not one mistake:\n%s", got)
			}
		})
	}
}

func TestSecretsStaySecret(t *testing.T) {
	plan := good(t, `
variable "key" {
  sensitive = true
}
locals {
  line = "KEY=${var.key}\n"
  all  = { A = var.key, B = "b" }
}
toy "a" {
  path    = "/a"
  content = local.line
  plain   = sha256(var.key)
  values  = local.all
  token   = "always"
  maybe   = nonsensitive(local.all.B)
}
toy "b" {
  path    = "/b"
  content = toy.a.content
  plain   = toy.a.token
  values  = { X = toy.a.values["A"], Y = toy.a.values["B"] }
}
toy "all" {
  for_each = nonsensitive(toset(keys(local.all)))
  path     = "/${each.key}"
  values   = sensitive({ A = "1" })
  on       = issensitive(var.key)
}
output "shown" {
  value     = var.key
  sensitive = true
}
`, func(in *plans.Input) { in.Environ = []string{"AGENT0_VAR_key=hunter2"} })
	a, b := spec[toy](t, plan, "toy.a"), spec[toy](t, plan, "toy.b")
	for name, text := range map[string]engine.Text{
		"a.content": *a.Content, "a.plain": a.Plain, "a.values.A": a.Values["A"], "a.token": *a.Token,
		"b.content": *b.Content, "b.plain": b.Plain, "b.values.X": b.Values["X"],
		"all.values.A": spec[toy](t, plan, `toy.all["A"]`).Values["A"],
	} {
		if !text.Secret() {
			t.Errorf("%s is not secret", name)
		}
	}
	if a.Values["B"].Secret() || b.Values["Y"].Secret() {
		t.Error("what stands beside a secret became one")
	}
	same(t, "KEY=hunter2\n", b.Content.Reveal())
	same(t, true, spec[toy](t, plan, `toy.all["A"]`).On)

	out := plan.Outputs["shown"]
	j, err := out.MarshalJSON()
	if err != nil || strings.Contains(string(j)+out.Text(), "hunter2") {
		t.Errorf("the output shows its secret: %s %s %v", j, out.Text(), err)
	}
	if revealed, err := out.Reveal(); string(revealed) != `"hunter2"` {
		t.Errorf("got %s, %v", revealed, err)
	}
}

func TestMissingSecretsForReview(t *testing.T) {
	plan := good(t, `
variable "key" {
  type      = string
  sensitive = true
}
variable "other" {
  type      = object({ a = list(string), b = number, c = bool, d = tuple([string]), e = map(string), f = set(string) })
  sensitive = true
}
toy "a" {
  path    = "/a"
  content = "${var.key}${var.other.d[0]}"
}
`, func(in *plans.Input) { in.AllowMissingSecrets = true })
	same(t, []string{"key", "other"}, plan.MissingSecrets)
	same(t, engine.NewSecret("missing secret keymissing secret other"), spec[toy](t, plan, "toy.a").Content)
}

func TestOutputsAndChecks(t *testing.T) {
	plan, diags := load(t, `
output "text" {
  value       = host.hostname
  description = "who it is"
}
output "list" {
  value = [host.cpus, host.distro.id, host.gpus[0].vendor]
}
output "file" {
  value = toy.a
}
toy "a" {
  path = "/a"
}
check "memory" {
  assert {
    condition     = host.memory > 0
    error_message = "No memory."
  }
  assert {
    condition     = host.memory > gib(32)
    error_message = "Only ${host.memory / gib(1)} GiB."
  }
}
`)
	same(t, 1, len(diags))
	if diags.HasErrors() {
		t.Fatal(shown(t, plan, diags))
	}
	same(t, "falcon", plan.Outputs["text"].Text())
	same(t, "who it is", plan.Outputs["text"].Description)
	same(t, `[4,"debian","nvidia"]`, plan.Outputs["list"].Text())
	j, err := plan.Outputs["list"].MarshalJSON()
	same(t, `{"sensitive":false,"type":["tuple",["number","string","string"]],"value":[4,"debian","nvidia"]}`, string(j))
	if err != nil {
		t.Error(err)
	}
	same(t, []bool{true, false}, []bool{plan.Checks[0].Holds, plan.Checks[1].Holds})
	same(t, "Only 16 GiB.", plan.Checks[1].Why)
}

func TestValuesBesideASingleFile(t *testing.T) {
	plan := good(t, variablesPlan+"-- a.auto.vars.hcl --\nwho = \"auto\"\n", func(in *plans.Input) { in.Path = filepath.Join(in.Path, "plan.hcl") })
	same(t, "/auto", spec[toy](t, plan, "toy.a").Path)
}
