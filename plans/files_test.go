package plans_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/plans"
)

func TestFilesBesideThePlan(t *testing.T) {
	plan := good(t, `
toy "source" {
  path   = "/a"
  source = "files/motd"
}
toy "template" {
  path     = "/b"
  template = "files/hello.tftpl"
  free     = { name = "falcon", ports = [1, 2] }
}
toy "function" {
  path    = "/c"
  content = templatefile("files/hello.tftpl", { name = sensitive("s"), ports = [] })
  plain   = toy.source.content
}
-- files/motd --
welcome
-- files/hello.tftpl --
hello ${upper(name)}%{ for p in ports } ${p}%{ endfor }
`)
	same(t, engine.NewText("welcome\n"), spec[toy](t, plan, "toy.source").Content)
	same(t, engine.NewText("hello FALCON 1 2\n"), spec[toy](t, plan, "toy.template").Content)
	same(t, engine.NewSecret("hello S\n"), spec[toy](t, plan, "toy.function").Content)
	same(t, *engine.NewText("welcome\n"), spec[toy](t, plan, "toy.function").Plain)
}

func TestDirectoryOfFiles(t *testing.T) {
	archive := `
-- b.hcl --
toy "b" {
  path = toy.a.path
}
-- a.hcl.json --
{"toy": {"a": {"path": "/a"}}}
-- x.auto.vars.hcl --
unused = 1
-- notes.txt --
toy
-- .hidden.hcl --
toy
-- toys.lock.hcl --
a = { path = "/c" }
`
	plan := good(t, archive)
	same(t, []string{"toy.a", "toy.b"}, addrs(plan))
	same(t, "demo", plan.Name)
	same(t, 2, len(plan.Sources))

	plan, diags := load(t, "-- notes.txt --\n")
	if !diags.HasErrors() || !strings.Contains(shown(t, plan, diags), "holds neither *.hcl nor *.hcl.json") {
		t.Errorf("an empty folder: %v", diags)
	}
	if _, diags := plans.Load(plans.Input{Path: filepath.Join(t.TempDir(), "nowhere")}); !diags.HasErrors() {
		t.Error("a plan that is not there was read")
	}
}

// TestLockFilesAreNoPlans holds that what hcldecode reads may lie beside a plan, and in a module's folder.
func TestLockFilesAreNoPlans(t *testing.T) {
	plan := good(t, `
-- plan.hcl --
toy "locked" {
  for_each = hcldecode(file("toys.lock.hcl"))
  path     = each.value.path
  ports    = [for s in try(each.value.shards, []) : s.port]
}
module "m" {
  source = "./mod"
}
-- toys.lock.hcl --
a = { path = "/a" }
b = { path = "/b", shards = [{ port = 1 }, { port = 2 }] }
-- mod/main.hcl --
toy "locked" {
  for_each = hcldecode(file("mod.lock.hcl"))
  path     = each.value
}
-- mod/mod.lock.hcl --
c = "/c"
`)
	same(t, []string{"module.m.toy.locked[\"c\"]", "toy.locked[\"a\"]", "toy.locked[\"b\"]"}, slices.Sorted(slices.Values(addrs(plan))))
	same(t, 2, len(plan.Sources))

	_, diags := load(t, "-- only.lock.hcl --\na = 1\n")
	if !diags.HasErrors() || !strings.Contains(diags.Error(), "holds neither *.hcl nor *.hcl.json") {
		t.Errorf("a folder with a lock file alone: %v", diags)
	}
}

func TestNameOfThePlan(t *testing.T) {
	for _, c := range []struct{ archive, file, want string }{
		{"-- plan.hcl --\n", "", "demo"},
		{"-- plan.hcl --\n", "plan.hcl", "demo"},
		{"-- laptop.hcl --\n", "laptop.hcl", "laptop"},
		{"-- laptop.hcl.json --\n{}", "laptop.hcl.json", "laptop"},
		{"-- laptop.hcl --\nplan {\n  name = \"falcon-1\"\n}\n", "laptop.hcl", "falcon-1"},
	} {
		plan := good(t, c.archive, func(in *plans.Input) { in.Path = filepath.Join(in.Path, c.file) })
		same(t, c.want, plan.Name)
	}
}

func TestDigest(t *testing.T) {
	digest := func(archive string, vars ...string) string {
		return good(t, archive, func(in *plans.Input) {
			in.Path, in.Environ = relative(t, in.Path), vars
		}).Digest
	}
	plan := "variable \"a\" {\n  default = 1\n}\nvariable \"s\" {\n  sensitive = true\n  default = 1\n}\n"
	first := digest(plan)
	if digest(plan) != first || digest(plan, "AGENT0_VAR_s=2") != first {
		t.Error("the digest depends on more than sources and variables that are not sensitive")
	}
	if digest(plan, "AGENT0_VAR_a=2") == first || digest(plan+"\n") == first {
		t.Error("the digest does not depend on sources or variables")
	}
}

// relative goes to dir, so that the names of files are the same in every run.
func relative(t *testing.T, dir string) string {
	t.Helper()
	t.Chdir(dir)
	return "."
}
