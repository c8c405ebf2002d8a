package plans_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
)

func p[T any](x T) *T { return &x }

func TestEveryTypeOfField(t *testing.T) {
	plan := good(t, `
toy "all" {
  path    = "/srv/all"
  mode    = 755
  on      = "true"
  off     = false
  size    = "42"
  bytes   = gib(3)
  ratio   = 1.5
  maybe   = ""
  number  = 0
  paths   = toset(["/b", "/a"])
  ports   = [80, "443"]
  labels  = { a = 1, "b c" = true, gone = null }
  free    = { n = 1, f = 1.5, b = true, s = "x", l = [1, "a"], o = { k = null }, none = null }
  content = "hello"
  plain   = "there"
  values  = { A = "1", B = sensitive("2") }
  token   = "t"
  limits {
    memory = "1G"
  }
  rule {
    port = 1
    nested {
      memory = "2G"
      secret = "s"
    }
  }
  rule {
    port = 2
    from = ["10.0.0.0/8"]
  }
}
`)
	same(t, &toy{
		Name: "all", Path: "/srv/all", Mode: "755", On: true, Off: p(false), Size: 42, Bytes: 3 << 30, Ratio: 1.5,
		Maybe: p(""), Number: p(0), Paths: []string{"/a", "/b"}, Ports: []int{80, 443},
		Labels: map[string]string{"a": "1", "b c": "true"},
		Free: map[string]any{
			"n": int64(1), "f": 1.5, "b": true, "s": "x", "l": []any{int64(1), "a"}, "o": map[string]any{"k": nil},
		},
		Content: engine.NewText("hello"), Plain: *engine.NewText("there"),
		Values: map[string]engine.Text{"A": *engine.NewText("1"), "B": *engine.NewSecret("2")},
		Token:  engine.NewSecret("t"),
		Limits: &limits{Memory: "1G"},
		Rules: []rule{
			{Port: 1, Nested: []limits{{Memory: "2G", Secret: engine.NewText("s")}}},
			{Port: 2, From: []string{"10.0.0.0/8"}},
		},
	}, spec[toy](t, plan, "toy.all"))
}

func TestInstances(t *testing.T) {
	for _, c := range []struct {
		name, head string
		want       []string
	}{
		{"a map", `for_each = { b = 2, a = 1 }`, []string{`toy.x["a"]`, `toy.x["b"]`}},
		{"a list", `for_each = ["b", "a"]`, []string{`toy.x["b"]`, `toy.x["a"]`}},
		{"a set", `for_each = toset(["b", "a", "b"])`, []string{`toy.x["a"]`, `toy.x["b"]`}},
		{"nothing", `for_each = {}`, []string{}},
		{"quotes in keys", `for_each = ["a\"b"]`, []string{`toy.x["a\"b"]`}},
		{"count", `count = 2`, []string{`toy.x[0]`, `toy.x[1]`}},
		{"count of none", `count = 0`, []string{}},
		{"one", ``, []string{`toy.x`}},
		{"left out", `when = false`, []string{`toy.x left out`}},
		{"some left out", "for_each = { a = 1, b = 2 }\n when = each.value > 1", []string{`toy.x["a"] left out`, `toy.x["b"]`}},
		{"values may be secret", `for_each = { a = sensitive("s") }`, []string{`toy.x["a"]`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			plan := good(t, "toy \"x\" {\n  path = \"/x\"\n  "+c.head+"\n}\n")
			same(t, c.want, addrs(plan))
		})
	}
}

func TestEachAndCountHaveValues(t *testing.T) {
	plan := good(t, `
toy "m" {
  for_each = { a = { port = 1 }, b = { port = 2 } }
  path     = "/${each.key}"
  size     = each.value.port
}
toy "n" {
  count = 2
  path  = "/${count.index}"
}
toy "l" {
  for_each = ["q"]
  path     = "/${each.value}"
}
`)
	same(t, 2, spec[toy](t, plan, `toy.m["b"]`).Size)
	same(t, "/1", spec[toy](t, plan, `toy.n[1]`).Path)
	same(t, "/q", spec[toy](t, plan, `toy.l["q"]`).Path)
}

func TestReferencesSeeDefaultsAndMakeEdges(t *testing.T) {
	plan := good(t, `
toy "z" {
  path   = "${toy.base.path}/z"
  mode   = toy.base.mode
  labels = { user = user.u.name, unit = toy.base.unit }
}
toy "base" {
  path = local.root
}
locals {
  root = "/srv/${user.u.name}"
  keys = toy.many["a"].path
}
user "u" {
  name = "agent0"
}
toy "many" {
  for_each = ["a", "b"]
  path     = "/m/${each.key}"
}
toy "one" {
  path  = local.keys
  paths = concat(toy.many[*].path, [for k, v in toy.many : v.path])
}
toy "exact" {
  path = toy.many["b"].path
}
toy "counted" {
  count = 2
  path  = "/c/${count.index}"
}
toy "splat" {
  path       = toy.counted[1].path
  paths      = toy.counted[*].path
  depends_on = [toy.exact, toy.many["a"]]
}
`)
	z := spec[toy](t, plan, "toy.z")
	same(t, "/srv/agent0/z", z.Path)
	same(t, "0644", z.Mode)
	same(t, map[string]string{"user": "agent0", "unit": "base.service"}, z.Labels)
	same(t, []string{"/m/a", "/m/b", "/m/a", "/m/b"}, spec[toy](t, plan, "toy.one").Paths)
	same(t, []string{"/c/0", "/c/1"}, spec[toy](t, plan, "toy.splat").Paths)
	for addr, want := range map[engine.Addr][]engine.Addr{
		"toy.base":  {"user.u"},
		"toy.z":     {"toy.base", "user.u"},
		"toy.exact": {`toy.many["b"]`},
		"toy.one":   {`toy.many["a"]`, "toy.many"},
		"toy.splat": {"toy.counted[1]", "toy.counted", "toy.exact", `toy.many["a"]`},
	} {
		same(t, want, declared(t, plan, addr).DependsOn)
	}
	if got := addrs(plan)[:2]; got[0] != "toy.z" || got[1] != "toy.base" {
		t.Errorf("resources are not in the order of the plan: %v", got)
	}
}

func TestMetaArguments(t *testing.T) {
	plan := good(t, `
toy "a" {
  path    = "/a"
  absent  = true
  timeout = "1m30s"
  lifecycle {
    keep            = true
    prevent_removal = host.cpus > 1
    ignore_changes  = [mode, limits]
    precondition {
      condition     = host.os == "linux"
      error_message = "Linux only."
    }
  }
}
`)
	d := declared(t, plan, "toy.a")
	if !d.Absent || d.Timeout != 90*time.Second || !d.Keep || !d.PreventRemoval {
		t.Errorf("got %+v", d)
	}
	same(t, []string{"mode", "limits"}, d.IgnoreChanges)
	same(t, "plan.hcl", filepath.Base(d.Place.File))
	same(t, engine.Position{Line: 1, Column: 1}, d.Place.Start)
}

func TestWhatIsLeftOutNeedNotMakeSense(t *testing.T) {
	plan := good(t, `
toy "gpu" {
  when = length(host.gpus) > 1
  path = "/${host.gpus[1].name}"
  lifecycle {
    precondition {
      condition     = false
      error_message = "Never asked."
    }
  }
}
toy "fine" {
  when = false
  path = "/fine"
}
toy "uses" {
  path = toy.fine.path
}
`)
	if d := declared(t, plan, "toy.gpu"); !d.LeftOut || d.Spec != nil {
		t.Errorf("got %+v", d)
	}
	same(t, "/fine", spec[toy](t, plan, "toy.fine").Path)
	same(t, "/fine", spec[toy](t, plan, "toy.uses").Path)
}

func TestPostcondition(t *testing.T) {
	plan := good(t, `
toy "a" {
  path = "/a"
  lifecycle {
    postcondition {
      condition     = self.size > toy.b.size && self.unit == "a.service"
      error_message = "${self.path} has ${self.size}."
    }
    postcondition {
      condition     = self.labels["k"] == "v"
      error_message = "No label."
    }
  }
}
toy "b" {
  path = "/b"
  size = 5
}
`)
	d := declared(t, plan, "toy.a")
	same(t, []engine.Addr{"toy.b"}, d.DependsOn)
	have := &toy{Name: "a", Path: "/a", Size: 6, Labels: map[string]string{"k": "v"}}
	for i, ask := range d.Post {
		if err := ask(have); err != nil {
			t.Errorf("postcondition %d: %v", i, err)
		}
		if err := ask(nil); err != nil {
			t.Errorf("postcondition %d of what is absent: %v", i, err)
		}
	}
	have.Size, have.Labels = 1, nil
	for i, want := range []string{"/a has 1. (postcondition at ", "cannot evaluate the postcondition at "} {
		if err := d.Post[i](have); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("postcondition %d says %v, not %s", i, err, want)
		}
	}
}

func TestDynamicBlocks(t *testing.T) {
	plan := good(t, `
locals {
  open = { http = 80, https = 443 }
}
toy "a" {
  for_each = ["x"]
  path     = "/a"
  dynamic "rule" {
    for_each = local.open
    content {
      port = rule.value
      from = [rule.key, each.key]
      dynamic "nested" {
        for_each = ["1G"]
        iterator = size
        content {
          memory = "${size.value}-${rule.key}"
        }
      }
    }
  }
  rule {
    port = 1
  }
  dynamic "limits" {
    for_each = user.u[*].name
    content {
      memory = limits.value
    }
  }
}
user "u" {
  name = "agent0"
}
`)
	x := spec[toy](t, plan, `toy.a["x"]`)
	same(t, []rule{
		{Port: 80, From: []string{"http", "x"}, Nested: []limits{{Memory: "1G-http"}}},
		{Port: 443, From: []string{"https", "x"}, Nested: []limits{{Memory: "1G-https"}}},
		{Port: 1},
	}, x.Rules)
	same(t, &limits{Memory: "agent0"}, x.Limits)
	same(t, []engine.Addr{"user.u"}, declared(t, plan, `toy.a["x"]`).DependsOn)
}
