package plans_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/plans"
)

// TestLongFiles holds that a file that is parsed in pieces says what it says as a whole.
func TestLongFiles(t *testing.T) {
	block := func(i int) string { return fmt.Sprintf("toy \"t%d\" {\n  path = \"/%d\"\n}\n", i, i) }
	var long strings.Builder
	for i := range 3000 {
		long.WriteString(block(i))
	}
	n := 3000
	for _, c := range []struct{ name, tail, want string }{
		{"nothing else", "", ""},
		{"a brace in a heredoc", "toy \"h\" {\n  path = \"/h\"\n  content = <<E\n" + strings.Repeat("toy \"x\" {\n}\n", 3000) + "E\n}\n", ""},
		{"a brace in a comment", "/*" + strings.Repeat("toy \"x\" {\n}\n", 10000) + "*/\n", ""},
		{"a brace of an object", "locals {\n" + strings.Repeat("  a = {\n}\n", 1) + strings.Repeat("# a long comment that goes on and on\n", 5000) + "}\n", ""},
		{"windows line ends", strings.ReplaceAll(strings.Repeat("# long\n", 20000), "\n", "\r\n"), ""},
		{"a mistake at the end", "toy \"z\" {\n  paht = \"/z\"\n}\n", "line 9002, in toy \"z\":\n9002:   paht"},
		{"a syntax error at the end", "toy \"z\" {\n  path = \n}\n", "line 9002, in toy \"z\""},
		{"a duplicate", block(7), "demo/plan.hcl:22"},
		{"an attribute outside of blocks", "path = 1\n", "line 9001:\n9001: path = 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			plan, diags := load(t, "-- plan.hcl --\n"+long.String()+c.tail)
			got := shown(t, plan, diags)
			switch {
			case c.want != "" && !strings.Contains(got, c.want):
				t.Errorf("%q is not in:\n%s", c.want, got)
			case c.want == "" && (diags.HasErrors() || len(plan.Resources) < n):
				t.Errorf("%d resources and\n%.500s", len(plan.Resources), got)
			case c.want == "":
				same(t, 3*n-2, plan.Resources[n-1].Place.Start.Line)
			}
		})
	}
}

func TestTooDeep(t *testing.T) {
	for name, src := range map[string]string{
		"brackets":   "locals {\n a = " + strings.Repeat("[", 20_000) + "\n}\n",
		"blocks":     strings.Repeat("a {\n", 20_000),
		"templates":  "locals {\n a = \"" + strings.Repeat("${\"", 20_000) + "\n}\n",
		"operators":  "locals {\n a = " + strings.Repeat("!", 20_000) + "true\n}\n",
		"minus":      "locals {\n a = " + strings.Repeat("- ", 20_000) + "1\n}\n",
		"choices":    "locals {\n a = " + strings.Repeat("true ? 1 : ", 20_000) + "1\n}\n",
		"plus":       "locals {\n a = 1" + strings.Repeat(" + 1", 20_000) + "\n}\n",
		"traversal":  "locals {\n a = var" + strings.Repeat(".a", 20_000) + "\n}\n",
		"indexes":    "locals {\n a = local.b" + strings.Repeat("[local.c]", 20_000) + "\n}\n",
		"directives": "locals {\n a = \"" + strings.Repeat("%{ if true }", 20_000) + "\"\n}\n",
		"json":       strings.Repeat("[", 20_000),
	} {
		t.Run(name, func(t *testing.T) {
			file := "plan.hcl"
			if name == "json" {
				file += ".json"
			}
			_, diags := load(t, "-- "+file+" --\n"+src)
			if name != "traversal" && (len(diags) != 1 || diags[0].Summary != "Nested too deeply") {
				t.Errorf("got %d mistakes, such as %.200v", len(diags), diags)
			}
			if _, diags := plans.Format([]byte(src), file); !diags.HasErrors() && name != "traversal" && name != "json" {
				t.Error("it was formatted")
			}
		})
	}
}

// TestWideIsNotDeep holds that long files with much punctuation are not taken for deep ones.
func TestWideIsNotDeep(t *testing.T) {
	many := strings.Repeat("---- (((( [[[[ {{{{ \\n", 3000)
	plan := good(t, "toy \"a\" {\n  path = \"/a\"\n  content = \""+many+"\"\n  paths = [\n"+strings.Repeat("\"/a-b/${1 + 1}\",\n", 3000)+"]\n}\n")
	same(t, 3000, len(spec[toy](t, plan, "toy.a").Paths))
	json := `{"toy": {"a": {"path": "/a", "content": "` + many + `"}}}`
	good(t, "-- plan.hcl.json --\n"+json)
	_, diags := load(t, "-- plan.hcl.json --\n"+`{"toy": {"a": {"path": "${`+strings.Repeat(`\u0028`, 20_000)+`}"}}}`)
	if len(diags) != 1 || diags[0].Summary != "Nested too deeply" {
		t.Errorf("got %.200v", diags)
	}
}
