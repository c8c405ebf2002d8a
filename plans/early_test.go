package plans_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/plans"
)

// longPlan has blocks that are declared while the file is parsed, and blocks that have to wait.
func longPlan() string {
	var b strings.Builder
	b.WriteString("locals {\n  base = toy.t5.path\n}\n")
	for i := range 1500 {
		fmt.Fprintf(&b, "toy \"t%d\" {\n  path = \"/srv/%d\"\n", i, i)
		switch i % 10 {
		case 0:
			b.WriteString("  labels = { a = \"b\", \"c d\" = 1 }\n  ports = [1, 2]\n  limits {\n    memory = \"1G\"\n  }\n  rule {\n    port = 1\n  }\n")
		case 1:
			b.WriteString("  when = false\n  size = 1\n")
		case 2:
			b.WriteString("  absent = true\n  timeout = \"5m\"\n")
		case 3:
			fmt.Fprintf(&b, "  mode = toy.t%d.mode\n  content = local.base\n", i-3)
		case 4:
			fmt.Fprintf(&b, "  depends_on = [toy.t%d]\n  lifecycle {\n    keep = true\n  }\n", i-1)
		case 5:
			b.WriteString("  content = <<-E\n    a heredoc\n    E\n  token = \"secret\"\n")
		case 6:
			b.WriteString("  count = 2\n")
		case 7:
			b.WriteString("  source = \"data\"\n")
		}
		b.WriteString("}\n")
	}
	return b.String()
}

// TestLongPlansSayTheSame holds that it makes no difference to a plan how its file is read: a
// check that does not hold is a diagnostic, for which the file is read as a whole.
func TestLongPlansSayTheSame(t *testing.T) {
	const fails = "check \"c\" {\n  assert {\n    condition     = %s\n    error_message = \"x\"\n  }\n}\n-- data --\nbeside"
	pieces := good(t, "-- plan.hcl --\n"+longPlan()+fmt.Sprintf(fails, "true"), func(in *plans.Input) { in.Path = relative(t, in.Path) })
	whole := good(t, "-- plan.hcl --\n"+longPlan()+fmt.Sprintf(fails, "false"), func(in *plans.Input) { in.Path = relative(t, in.Path) })
	same(t, 1650, len(pieces.Resources))
	same(t, len(whole.Resources), len(pieces.Resources))
	for i, d := range pieces.Resources {
		w := whole.Resources[i]
		d.Kind, w.Kind = nil, nil
		same(t, w, d)
	}
	same(t, "/srv/5", spec[toy](t, pieces, "toy.t3").Content.Reveal())
	same(t, []engine.Addr{"toy.t0", "toy.t5"}, declared(t, pieces, "toy.t3").DependsOn)
}

// TestSnippetsOfLongPlans holds that mistakes which are found later can still be shown.
func TestSnippetsOfLongPlans(t *testing.T) {
	dir := folder(t, "-- plan.hcl --\n"+longPlan()+"-- data --\n")
	plan, diags := plans.Load(plans.Input{Path: dir, Facts: facts(), Kinds: kinds()})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	mistake := plans.Diagnostics(engine.Mistakes{{Place: plan.Resources[1].Place, Summary: "No", Detail: "No."}})
	if got := shown(t, plan, mistake); !strings.Contains(got, "in toy \"t1\":\n  15: toy \"t1\" {") {
		t.Errorf("no snippet:\n%s", got)
	}
	again, _ := plans.Load(plans.Input{Path: dir, Facts: facts(), Kinds: kinds()})
	same(t, plan.Digest, again.Digest)
	if err := os.WriteFile(filepath.Join(dir, "plan.hcl"), []byte(strings.Repeat("# not the plan\n", 50)), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := shown(t, again, mistake); strings.Contains(got, "not the plan") {
		t.Errorf("a snippet of another text:\n%s", got)
	}
}

// TestMistakesOfLongPlans holds that all mistakes are reported, wherever they are found.
func TestMistakesOfLongPlans(t *testing.T) {
	for name, c := range map[string]struct{ tail, want string }{
		"invalid":        {"toy \"z\" {\n  path = \"z\"\n}\n", "The path must be absolute"},
		"wrong type":     {"toy \"z\" {\n  path = \"/z\"\n  size = \"x\"\n}\n", "a number is required"},
		"duplicate":      {"toy \"t7\" {\n  path = \"/z\"\n}\n", "It was first declared at"},
		"no such kind":   {"tyo \"z\" {\n  path = \"/z\"\n}\n", "\"tyo\" are not expected"},
		"not beside":     {"toy \"z\" {\n  path = \"/z\"\n  source = \"none\"\n}\n", "Cannot read none beside the plan"},
		"bad name":       {"toy \"a b\" {\n  path = \"/z\"\n}\n", "Invalid name"},
		"not UTF-8":      {"toy \"z\" {\n  path = \"/\xff\"\n}\n", "UTF-8"},
		"no such label":  {"toy \"z\" {\n  path = toy.t9999.path\n}\n", "no toy \"t9999\""},
		"nests":          {"locals {\n  a = " + strings.Repeat("[", 20_000) + "\n}\n", "nested 5,000 deep"},
		"count and each": {"toy \"z\" {\n  path = toy.t6.path\n}\n", "Missing instance"},
	} {
		t.Run(name, func(t *testing.T) {
			plan, diags := load(t, "-- plan.hcl --\n"+longPlan()+c.tail+"-- data --\n")
			got := shown(t, plan, diags)
			if !strings.Contains(strings.ReplaceAll(got, "\n", " "), c.want) || strings.Contains(got, "not available") {
				t.Errorf("%q is not in:\n%.600s", c.want, got)
			}
		})
	}
}

// TestHugeNumbers holds that no number takes long to be read or written.
func TestHugeNumbers(t *testing.T) {
	const typed = "variable \"n\" {\n  type = number\n}\n"
	for name, archive := range map[string]string{
		"exponent":          "locals {\n  a = 1e4000000\n}\n",
		"negative exponent": "output \"o\" {\n  value = \"${1e-4000000}\"\n}\n",
		"digits":            "locals {\n  a = " + strings.Repeat("9", 20_000) + "\n}\n",
		"JSON":              "-- plan.hcl.json --\n{\"locals\": {\"a\": -1.5E+4000000}}",
		"template in JSON":  "-- plan.hcl.json --\n{\"locals\": {\"a\": \"${1e4000000}\"}}",
		"template":          "output \"o\" {\n  value = templatefile(\"t\", {})\n}\n-- t --\n${1e4000000}\n",
		"value from a file": typed + "-- x.auto.vars.hcl --\nn = \"1e4000000\"\n",
	} {
		plan, diags := load(t, archive)
		if got := shown(t, plan, diags); len(diags) != 1 || !strings.Contains(strings.ReplaceAll(strings.ToLower(got), "\n", " "), "a number has at most 10000 digits") {
			t.Errorf("%s: %.500s", name, got)
		}
	}
	plan := good(t, "output \"o\" {\n  value = [1e9, \"1e4000000\", \"0x1e4000000\"]\n}\n-- plan.hcl.json --\n{\"locals\": {\"a\": [\"1e4000000\", 1e3]}}")
	same(t, `[1000000000,"1e4000000","0x1e4000000"]`, plan.Outputs["o"].Text())
}
