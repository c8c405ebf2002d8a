package plans_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/plans"
)

// TestJSONSaysTheSame holds one plan against itself in JSON.
func TestJSONSaysTheSame(t *testing.T) {
	native := good(t, `
plan {
  name = "both"
}
variable "who" {
  type    = string
  default = "falcon"
  validation {
    condition     = length(var.who) > 0
    error_message = "Nobody."
  }
}
locals {
  base = "/srv/${var.who}"
}
toy "a" {
  for_each = { x = 1, y = 2 }
  path     = "${local.base}/${each.key}"
  size     = each.value
  on       = true
  when     = each.value > 1
  timeout  = "5s"
  content  = sensitive("s")
  free     = { a = [1, "b"] }
  depends_on = [toy.b]
  lifecycle {
    keep           = true
    ignore_changes = [mode]
    precondition {
      condition     = host.os == "linux"
      error_message = "No."
    }
  }
  limits {
    memory = "1G"
  }
  rule {
    port = 1
  }
  dynamic "rule" {
    for_each = [7]
    content {
      port = rule.value
    }
  }
}
toy "b" {
  path = "/b"
}
toy "c" {
  path  = toy.a["y"].path
  paths = toy.d[*].path
}
toy "d" {
  count = 2
  path  = "/d${count.index}"
}
output "o" {
  value = toy.b.path
}
check "k" {
  assert {
    condition     = true
    error_message = "No."
  }
}
`)
	json := good(t, `
-- plan.hcl.json --
{
  "//": "comments are allowed",
  "plan": {"name": "both"},
  "variable": {"who": {
    "type": "string", "default": "falcon",
    "validation": {"condition": "${length(var.who) > 0}", "error_message": "Nobody."}
  }},
  "locals": {"base": "/srv/${var.who}"},
  "toy": {
    "a": {
      "for_each": {"x": 1, "y": 2},
      "path": "${local.base}/${each.key}",
      "size": "${each.value}",
      "on": true,
      "when": "${each.value > 1}",
      "timeout": "5s",
      "content": "${sensitive(\"s\")}",
      "free": {"a": [1, "b"]},
      "depends_on": ["toy.b"],
      "lifecycle": {
        "keep": true, "ignore_changes": ["mode"],
        "precondition": {"condition": "${host.os == \"linux\"}", "error_message": "No."}
      },
      "limits": {"memory": "1G"},
      "rule": [{"port": 1}],
      "dynamic": {"rule": {"for_each": [7], "content": {"port": "${rule.value}"}}}
    },
    "b": {"path": "/b"},
    "c": {"path": "${toy.a[\"y\"].path}", "paths": "${toy.d[*].path}"},
    "d": {"count": 2, "path": "/d${count.index}"}
  },
  "output": {"o": {"value": "${toy.b.path}"}},
  "check": {"k": {"assert": {"condition": true, "error_message": "No."}}}
}
`, func(in *plans.Input) { in.Path = filepath.Join(in.Path, "plan.hcl.json") })
	same(t, native.Name, json.Name)
	same(t, addrs(native), addrs(json))
	for i, want := range native.Resources {
		got := json.Resources[i]
		same(t, want.Spec, got.Spec)
		same(t, want.DependsOn, got.DependsOn)
		same(t, want.IgnoreChanges, got.IgnoreChanges)
		if want.Timeout != got.Timeout || want.Keep != got.Keep || want.LeftOut != got.LeftOut {
			t.Errorf("%s: %+v is not %+v", want.Addr, got, want)
		}
	}
	same(t, native.Outputs["o"].Text(), json.Outputs["o"].Text())
	same(t, native.Checks[0].Holds, json.Checks[0].Holds)
}

func TestMistakesInJSON(t *testing.T) {
	for _, c := range []struct{ name, json, want string }{
		{"syntax", `{"toy": `, "plan.hcl.json line 1"},
		{"unknown kind", `{"tov": {"a": {"path": "/a"}}}`, `Did you mean "toy"?`},
		{"unknown argument", `{"toy": {"a": {"path": "/a", "moed": 1}}}`, `Did you mean "mode"?`},
		{"missing argument", `{"toy": {"a": {}}}`, `"path" is required`},
		{"element of a list", `{"toy": {"a": {"path": "/a", "ports": [1, "x"]}}}`, `ports[1]`},
		{"undeclared variable", `{"toy": {"a": {"path": "${var.x}"}}}`, `There is no variable "x"`},
		{"broken template", `{"toy": {"a": {"path": "${"}}}`, `plan.hcl.json line 1`},
		{"circle", `{"toy": {"a": {"path": "${toy.b.path}"}, "b": {"path": "${toy.a.path}"}}}`, `toy.a (`},
		{"depends_on nothing", `{"toy": {"a": {"path": "/a", "depends_on": ["toy.b"]}}}`, `The plan has no toy "b"`},
		{"ignore nothing", `{"toy": {"a": {"path": "/a", "lifecycle": {"ignore_changes": ["mod"]}}}}`, `Did you mean "mode"?`},
		{"two blocks where one may be", `{"toy": {"a": {"path": "/a", "limits": [{"memory": "1"}, {"memory": "2"}]}}}`, `Only one limits block`},
	} {
		t.Run(c.name, func(t *testing.T) {
			plan, diags := load(t, "-- plan.hcl.json --\n"+c.json)
			if got := shown(t, plan, diags); !strings.Contains(got, c.want) || !diags.HasErrors() {
				t.Errorf("%q is not in:\n%s", c.want, got)
			}
		})
	}
}
