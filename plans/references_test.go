package plans_test

import (
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
)

// TestReferenceAttributes holds that a kind's list of references is written as depends_on is: it
// names resources, makes edges and is an input, while depends_on only orders.
func TestReferenceAttributes(t *testing.T) {
	plan := good(t, `
toy "late" {
  path       = "/late"
  follow     = [toy.each["b"], toy.one, toy.count[1], toy.each]
  depends_on = [toy.after]
  rule {
    port  = 1
    watch = [toy.nested]
  }
  dynamic "rule" {
    for_each = [2, 3]
    content {
      port  = rule.value
      watch = [toy.dynamic]
    }
  }
}
toy "each" {
  for_each = toset(["a", "b"])
  path     = "/each/${each.key}"
}
toy "count" {
  count  = 2
  path   = "/count/${count.index}"
  follow = [toy.one]
}
toy "one" {
  path = "/one"
}
toy "after" {
  path = "/after"
}
toy "nested" {
  path = "/nested"
}
toy "dynamic" {
  path = "/dynamic"
}
output "follow" {
  value = toy.late.follow
}
`)
	late := spec[toy](t, plan, "toy.late")
	same(t, []engine.Addr{`toy.each["b"]`, "toy.one", "toy.count[1]", "toy.each"}, late.Follow)
	same(t, 3, len(late.Rules))
	same(t, []engine.Addr{"toy.nested"}, late.Rules[0].Watch)
	same(t, []engine.Addr{"toy.dynamic"}, late.Rules[2].Watch)
	inputs := []engine.Addr{`toy.each["b"]`, "toy.one", "toy.count[1]", "toy.each", "toy.nested", "toy.dynamic"}
	same(t, inputs, declared(t, plan, "toy.late").Inputs)
	same(t, append(inputs, "toy.after"), declared(t, plan, "toy.late").DependsOn)
	same(t, []engine.Addr{"toy.one"}, declared(t, plan, "toy.count[1]").Inputs)
	same(t, `["toy.each[\"b\"]","toy.one","toy.count[1]","toy.each"]`, plan.Outputs["follow"].Text())
}

// TestInputs holds which references are to what a resource uses.
func TestInputs(t *testing.T) {
	plan := good(t, `
locals {
  through = "${toy.local.path}/x"
}
toy "all" {
  for_each = { (toy.each.mode) = toy.each.path }
  when     = toy.when.path != ""
  timeout  = toy.timeout.path == "" ? "1m" : "2m"
  path     = local.through
  labels   = { a = toy.attribute.path }
  content  = each.value
  rule {
    port = length(toy.block.path)
  }
  dynamic "rule" {
    for_each = [toy.dynamic.path]
    content {
      port = 1
    }
  }
  lifecycle {
    keep = toy.keep.path != ""
    precondition {
      condition     = toy.condition.path != ""
      error_message = "x"
    }
  }
}
toy "count" {
  count = length(toy.each.path)
  path  = "/count"
}
`+strings.Join(func() (blocks []string) {
		for _, name := range []string{"local", "each", "when", "timeout", "attribute", "block", "dynamic", "keep", "condition"} {
			blocks = append(blocks, "toy \""+name+"\" {\n  path = \"/"+name+"\"\n}\n")
		}
		return blocks
	}(), ""))
	d := declared(t, plan, `toy.all["0644"]`)
	same(t, []engine.Addr{"toy.local", "toy.attribute", "toy.block", "toy.dynamic"}, d.Inputs)
	for _, name := range []engine.Addr{"toy.each", "toy.when", "toy.timeout", "toy.keep", "toy.condition"} {
		if !strings.Contains(sprint(d.DependsOn), " "+string(name)+" ") {
			t.Errorf("%s is not in %v", name, d.DependsOn)
		}
	}
	same(t, 9, len(d.DependsOn))
	same(t, 0, len(declared(t, plan, "toy.count[0]").Inputs))
}

func sprint(as []engine.Addr) string {
	var b strings.Builder
	for _, a := range as {
		b.WriteString(" " + string(a) + " ")
	}
	return b.String()
}
