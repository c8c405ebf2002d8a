package plans_test

import (
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/plans"
)

// offline is a root that does not tell some facts.
func offline(in *plans.Input) {
	in.Facts.Unknown = []string{"cpus", "memory", "gpus", "hostname", "distro"}
}

// TestDeferred holds what a plan says of resources that need a fact that the root does not tell.
func TestDeferred(t *testing.T) {
	for name, c := range map[string]struct {
		plan string
		want []string
	}{
		"attribute":        {`toy "a" { path = "/${host.hostname}" }`, []string{"toy.a needs host.hostname"}},
		"two facts":        {`toy "a" { path = "/${host.memory}/${host.cpus}" }`, []string{"toy.a needs host.cpus and host.memory"}},
		"part of a fact":   {`toy "a" { path = "/${host.distro.id}" }`, []string{"toy.a needs host.distro"}},
		"an index":         {`toy "a" { path = "/${host.gpus[0].name}" }`, []string{"toy.a needs host.gpus"}},
		"when":             {"toy \"a\" {\n path = \"/a\"\n when = host.memory < gib(8)\n}", []string{"toy.a needs host.memory"}},
		"absent":           {"toy \"a\" {\n path = \"/a\"\n absent = host.memory < gib(8)\n}", []string{"toy.a needs host.memory"}},
		"lifecycle":        {"toy \"a\" {\n path = \"/a\"\n lifecycle {\n keep = host.cpus > 1\n }\n}", []string{"toy.a needs host.cpus"}},
		"for_each":         {"toy \"a\" {\n path = \"/${each.key}\"\n for_each = host.gpus[*].name\n}", []string{"toy.a needs host.gpus"}},
		"count":            {"toy \"a\" {\n path = \"/${count.index}\"\n count = length(host.gpus)\n}", []string{"toy.a needs host.gpus"}},
		"values of a map":  {"toy \"a\" {\n path = \"/${each.value}\"\n for_each = { a = host.cpus, b = 2 }\n}", []string{`toy.a["a"] needs host.cpus`, `toy.a["b"]`}},
		"dynamic":          {"toy \"a\" {\n path = \"/a\"\n dynamic \"rule\" {\n for_each = host.gpus\n content {\n port = rule.value.memory\n }\n }\n}", []string{"toy.a needs host.gpus"}},
		"in a dynamic":     {"toy \"a\" {\n path = \"/a\"\n dynamic \"rule\" {\n for_each = [1]\n content {\n port = host.cpus\n }\n }\n}", []string{"toy.a needs host.cpus"}},
		"nested block":     {"toy \"a\" {\n path = \"/a\"\n limits {\n memory = host.memory\n }\n}", []string{"toy.a needs host.memory"}},
		"secret":           {"toy \"a\" {\n path = \"/a\"\n token = sensitive(host.hostname)\n}", []string{"toy.a needs host.hostname"}},
		"try":              {"locals {\n small = try(host.memory < gib(8), false)\n}\ntoy \"a\" {\n path = \"/a\"\n when = local.small\n}", []string{"toy.a needs host.memory"}},
		"can":              {"toy \"a\" {\n path = can(host.gpus[0]) ? \"/gpu\" : \"/none\"\n}", []string{"toy.a needs host.gpus"}},
		"template":         {"toy \"a\" {\n path = \"/a\"\n content = templatefile(\"t\", { m = host.memory })\n}\n-- t --\n${m}\n", []string{"toy.a needs host.memory"}},
		"reference":        {"toy \"b\" {\n path = toy.a.path\n}\ntoy \"a\" { path = \"/${host.hostname}\" }", []string{"toy.b needs host.hostname", "toy.a needs host.hostname"}},
		"reference to all": {"toy \"b\" {\n path = \"/b\"\n paths = toy.a[*].path\n}\ntoy \"a\" {\n path = \"/a\"\n count = host.cpus\n}", []string{"toy.b needs host.cpus", "toy.a needs host.cpus"}},
		"a fact is enough": {`toy "a" { path = host.os == "linux" ? "/linux" : "/${host.hostname}" }`, []string{"toy.a"}},
		"left out":         {"toy \"a\" {\n path = \"/${host.hostname}\"\n when = false\n}", []string{"toy.a left out"}},
		"all left out":     {"toy \"a\" {\n path = \"/a\"\n count = host.cpus\n when = host.os == \"plan9\"\n}", []string{"toy.a left out"}},
		"unused local":     {"locals {\n twice = host.memory * 2\n}\ntoy \"a\" { path = \"/a\" }", []string{"toy.a"}},
		"depends_on":       {"toy \"a\" { path = \"/${host.hostname}\" }\ntoy \"b\" {\n path = \"/b\"\n depends_on = [toy.a]\n}", []string{"toy.a needs host.hostname", "toy.b"}},
		"precondition":     {"toy \"a\" {\n path = \"/a\"\n lifecycle {\n precondition {\n condition = host.cpus > 1\n error_message = \"x\"\n }\n }\n}", []string{"toy.a"}},
	} {
		t.Run(name, func(t *testing.T) {
			plan, diags := load(t, c.plan+"\n", offline)
			if len(diags) > 0 {
				t.Fatal(shown(t, plan, diags))
			}
			got := addrs(plan)
			for i, d := range plan.Resources {
				if d.Deferred == "" {
					continue
				}
				got[i] += " " + d.Deferred
				if d.Spec != nil || d.Kind == nil || d.Place.Start.Line == 0 {
					t.Errorf("got %+v", d)
				}
			}
			same(t, c.want, got)
			if ms := engine.Check(plan.Resources); len(ms) > 0 {
				t.Error(ms)
			}
			// The same plan on the machine that it is for waits for nothing.
			for _, d := range good(t, c.plan+"\n").Resources {
				if d.Deferred != "" {
					t.Errorf("%s %s where all facts are known", d.Addr, d.Deferred)
				}
			}
		})
	}
}

func TestDeferredKeepsItsEdges(t *testing.T) {
	plan := good(t, `
user "u" {
}
toy "z" {
  path = "/z"
}
toy "a" {
  path       = "/${host.hostname}/${user.u.name == null}"
  depends_on = [toy.z]
}
toy "b" {
  path = "/b/${toy.a.mode}"
}
`, offline)
	same(t, []engine.Addr{"user.u", "toy.z"}, declared(t, plan, "toy.a").DependsOn)
	same(t, []engine.Addr{"toy.a"}, declared(t, plan, "toy.b").DependsOn)
}

// TestMistakesOfWhatIsDeferred holds that what no fact can mend is reported.
func TestMistakesOfWhatIsDeferred(t *testing.T) {
	for name, c := range map[string]struct{ plan, want string }{
		"another attribute": {"toy \"a\" {\n path = \"/${host.hostname}\"\n size = \"big\"\n}", "a number is required"},
		"unknown attribute": {"toy \"a\" {\n path = \"/${host.hostname}\"\n sise = 1\n}", `"sise" is not expected`},
		"missing attribute": {"toy \"a\" {\n mode = host.hostname\n}", `"path" is required`},
		"the wrong type":    {"toy \"a\" {\n path = \"/a\"\n on = host.gpus\n}", "bool required"},
		"unknown fact":      {"toy \"a\" {\n path = \"/${host.hostname}/${host.ram}\"\n}", "no fact"},
		"with for_each":     {"toy \"a\" {\n path = \"/${each.key}\"\n for_each = host.gpus[*].name\n size = \"big\"\n}", "a number is required"},
		"another reference": {"toy \"a\" {\n path = \"/${host.hostname}/${toy.c.path}\"\n}\ntoy \"c\" {\n path = \"/c\"\n when = false\n size = \"x\"\n}", "left out here"},
		"nested block":      {"toy \"a\" {\n path = host.hostname\n rule {\n port = \"x\"\n }\n}", "a number is required"},
		"sensitive output":  {"output \"o\" {\n value = sensitive(host.hostname)\n}", "Sensitive output"},
		"a known condition": {"check \"c\" {\n assert {\n condition = false\n error_message = \"Not on ${host.hostname}.\"\n }\n}", "What its error_message says needs host.hostname."},
	} {
		t.Run(name, func(t *testing.T) {
			plan, diags := load(t, c.plan+"\n", offline)
			got := shown(t, plan, diags)
			if len(diags) != 1 || !strings.Contains(strings.ReplaceAll(got, "\n", " "), c.want) {
				t.Errorf("not the one mistake %q:\n%s", c.want, got)
			}
		})
	}
}

func TestDeferredOutputsAndChecks(t *testing.T) {
	plan, diags := load(t, `
output "url" {
  value       = "http://${try(host.hostname, "localhost")}:8000"
  description = "where it answers"
}
output "key" {
  value     = "${sensitive("k")}-${host.hostname}"
  sensitive = true
}
output "whole" {
  value = { os = host.os, cpus = host.cpus }
}
output "os" {
  value = host.os
}
check "size" {
  assert {
    condition     = host.memory > gib(32)
    error_message = "Too small."
  }
  assert {
    condition     = host.os == "linux"
    error_message = "Linux only."
  }
}
`, offline)
	if len(diags) > 0 {
		t.Fatal(shown(t, plan, diags))
	}
	for name, want := range map[string][2]string{
		"url":   {"(known at first boot)", `{"sensitive":false,"type":"string","deferred":"needs host.hostname"}`},
		"key":   {"(sensitive)", `{"sensitive":true,"type":"string","deferred":"needs host.hostname"}`},
		"whole": {"(known at first boot)", `{"sensitive":false,"type":["object",{"cpus":"number","os":"string"}],"deferred":"needs host.cpus"}`},
		"os":    {"linux", `{"sensitive":false,"type":"string","value":"linux"}`},
	} {
		o := plan.Outputs[name]
		same(t, want[0], o.Text())
		j, err := o.MarshalJSON()
		if err != nil {
			t.Error(err)
		}
		same(t, want[1], string(j))
	}
	same(t, "where it answers", plan.Outputs["url"].Description)
	if len(plan.Checks) != 1 || !plan.Checks[0].Holds {
		t.Errorf("a check that cannot be asked was answered: %+v", plan.Checks)
	}
}

// TestPostconditionThatNeedsAFact holds that it is not asked where the fact is not known.
func TestPostconditionThatNeedsAFact(t *testing.T) {
	plan := good(t, "toy \"a\" {\n  path = \"/a\"\n  lifecycle {\n    postcondition {\n      condition = self.size > host.cpus\n      error_message = \"x\"\n    }\n  }\n}\n", offline)
	if err := declared(t, plan, "toy.a").Post[0](&toy{Path: "/a"}); err != nil {
		t.Error(err)
	}
}
