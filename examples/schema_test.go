package examples

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/santhosh-tekuri/jsonschema/v6"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/plans"
	"github.com/agent0-converge/agent0-converge/resources/all"
	"github.com/agent0-converge/agent0-converge/resources/all/reference"
)

// planSchema is the schema as the program writes it, checked by the schema of schemas.
func planSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	kinds, err := reference.Kinds()
	if err != nil {
		t.Fatal(err)
	}
	schema, err := plans.JSONSchema(all.Kinds(), reference.About(kinds))
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(schema)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("plan.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("plan.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func validate(t *testing.T, s *jsonschema.Schema, text []byte) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	return s.Validate(doc)
}

// converter writes a plan in JSON.
type converter struct {
	t   *testing.T
	src []byte
	// names are the attributes whose expressions are names and not values.
	names []string
	// each rewrites what means all instances of a block with for_each, for which JSON has no splat.
	each *strings.Replacer
}

// static are the attributes whose expressions are names, of the language and of all kinds.
func static() []string {
	out := []string{"depends_on", "ignore_changes", "type"}
	for _, k := range all.Kinds() {
		for i := range k.Type().NumField() {
			if f := k.Type().Field(i); f.Type == reflect.TypeFor[[]engine.Addr]() {
				name, _, _ := strings.Cut(f.Tag.Get("hcl"), ",")
				out = append(out, name)
			}
		}
	}
	return out
}

func (c converter) body(b *hclsyntax.Body) map[string]any {
	out := map[string]any{"//": "a comment"}
	for name, a := range b.Attributes {
		out[name] = c.expr(name, a.Expr)
	}
	for _, nested := range b.Blocks {
		var v any = c.body(nested.Body)
		for _, label := range slices.Backward(nested.Labels) {
			v = map[string]any{label: v}
		}
		many, _ := out[nested.Type].([]any)
		out[nested.Type] = append(many, v)
	}
	return out
}

func (c converter) expr(name string, e hclsyntax.Expression) any {
	text := string(e.Range().SliceBytes(c.src))
	if slices.Contains(c.names, name) {
		exprs, diags := hcl.ExprList(e)
		if diags.HasErrors() {
			return text
		}
		out := []any{}
		for _, e := range exprs {
			out = append(out, string(e.Range().SliceBytes(c.src)))
		}
		return out
	}
	v, diags := e.Value(nil)
	if tuple, ok := e.(*hclsyntax.TupleConsExpr); ok && diags.HasErrors() && name == "labels" { // of dynamic blocks: how many is written out
		out := []any{}
		for _, e := range tuple.Exprs {
			out = append(out, c.expr("", e))
		}
		return out
	}
	if diags.HasErrors() {
		return "${" + c.each.Replace(text) + "\n}" // a heredoc ends with its line
	}
	b, err := ctyjson.Marshal(v, v.Type())
	if err != nil {
		c.t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(bytes.ReplaceAll(b, []byte("${"), []byte("$${")), &out); err != nil {
		c.t.Fatal(err)
	}
	return out
}

// asJSON converts the plan in a file.
func asJSON(t *testing.T, file string) []byte {
	t.Helper()
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	f, diags := hclsyntax.ParseConfig(src, file, hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	body := f.Body.(*hclsyntax.Body)
	var each []string
	for _, b := range body.Blocks {
		if b.Body.Attributes["for_each"] != nil {
			name := b.Type + "." + b.Labels[0]
			each = append(each, name+"[*]", "values("+name+")[*]")
		}
	}
	c := converter{t: t, src: src, names: static(), each: strings.NewReplacer(each...)}
	out, err := json.MarshalIndent(c.body(body), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// said is what a plan declares, as text: in JSON, blocks of one kind stand together.
func said(p *plans.Plan) string {
	var lines []string
	for _, d := range p.Resources {
		// As it is recorded, not as fmt shows it: attributes may be pointers.
		err := engine.Seal(d.Spec, func(text engine.Text) (string, error) { return text.Reveal(), nil })
		r, encodeErr := d.Kind.Encode(d.Spec)
		spec, jsonErr := json.Marshal(r)
		lines = append(lines, fmt.Sprintf("%s %s %v %v %v %v\n", d.Addr, spec, d.DependsOn, d.LeftOut, d.Absent, errors.Join(err, encodeErr, jsonErr)))
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// TestEveryPlanInJSON holds that all examples, and all plans in the documentation, say the same in
// JSON, and that the schema takes them.
func TestEveryPlanInJSON(t *testing.T) {
	schema := planSchema(t)
	bs := documented(t)
	var files []string
	for _, b := range bs {
		if b.file() == "" {
			files = append(files, write(t, b, bs))
		}
	}
	examples, err := filepath.Glob("*/plan.hcl")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range examples {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(filepath.Dir(name))); err != nil {
			t.Fatal(err)
		}
		files = append(files, filepath.Join(dir, "plan.hcl"))
	}
	t.Logf("%d plans in the documentation, %d examples", len(files)-len(examples), len(examples))
	for _, file := range files {
		want, _ := load(file)
		text := asJSON(t, file)
		if err := validate(t, schema, text); err != nil {
			t.Errorf("%v:\n%s", err, text)
		}
		if err := os.WriteFile(file+".json", text, 0o644); err != nil {
			t.Fatal(err)
		}
		got, diags := load(file + ".json")
		if diags.HasErrors() {
			t.Errorf("%v:\n%s", diags, text)
		}
		if said(got) != said(want) {
			t.Errorf("in JSON it says\n%s, and in HCL\n%s", said(got), said(want))
		}
	}
}

// TestSchemaAndLoaderAgree holds that what the schema takes is a plan, and that it finds the
// mistakes that can be found without evaluating anything.
func TestSchemaAndLoaderAgree(t *testing.T) {
	schema := planSchema(t)
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "m"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "m", "m.hcl"), []byte("variable \"x\" {\n  default = 1\n}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		good bool
		text string
	}{
		{true, `{}`},
		{true, `[{"file": {"a": {"path": "/a", "content": ""}}}, {"locals": {"x": 1}}]`},
		{true, `{"file": {"a": {"path": "/a", "content": 12, "mode": null, "timeout": "1m30s"}, "b": [{"path": "/b", "content": "${1}"}]}}`},
		{true, `{"file": [{"a": {"path": "/a", "content": "x"}}, {"b": {"path": "/b", "content": "x", "depends_on": ["file.a", "directory.d[\"k\"]"]}}], "directory": {"d": {"path": "/d", "for_each": ["k"]}}}`},
		{true, `{"file": {"a": {"path": "/a", "content": "x", "when": "${host.cpus > 1}", "absent": "false", "count": "1", "lifecycle": {"keep": true, "ignore_changes": ["mode"], "precondition": [{"condition": "${true}", "error_message": "x"}]}}}}`},
		{true, `{"env_file": {"e": {"path": "/e", "values": {"A": 1, "B": null, "C": "${host.os}"}}}}`},
		{true, `{"env_file": {"e": {"path": "/e", "values": "${{}}"}}}`},
		{true, `{"module": {"m": {"source": "./m", "x": {"any": ["thing"]}, "count": 2}}, "output": {"o": {"value": null}}}`},
		{true, `{"variable": {"v": {"type": "list(string)", "default": [], "validation": {"condition": "${length(var.v) < 3}", "error_message": "x"}}}}`},
		{true, `{"check": {"c": {"assert": [{"condition": true, "error_message": "x"}]}}, "plan": [{"name": "p"}]}`},

		{false, `"plan"`},
		{false, `{"flie": {"a": {"path": "/a"}}}`},
		{false, `{"file": {"a": {"content": "no path"}}}`},
		{false, `{"file": {"a": {"path": "/a", "content": "x", "paht": "/a"}}}`},
		{false, `{"file": {"a b": {"path": "/a", "content": "x"}}}`},
		{false, `{"file": {}}`},
		{false, `{"file": {"path": "/a", "content": "x"}}`},
		{false, `{"file": {"a": {"path": ["/a"], "content": "x"}}}`},
		{false, `{"file": {"a": {"path": null, "content": "x"}}}`},
		{false, `{"file": {"a": {"path": "/a", "content": "x", "count": "many"}}}`},
		{false, `{"file": {"a": {"path": "/a", "content": "x", "count": 1.5}}}`},
		{false, `{"file": {"a": {"path": "/a", "content": "x", "when": "maybe"}}}`},
		{false, `{"file": {"a": {"path": "/a", "content": "x", "timeout": "ten minutes"}}}`},
		{false, `{"file": {"a": {"path": "/a", "content": "x", "depends_on": "file.b"}}}`},
		{false, `{"file": {"a": {"path": "/a", "content": "x", "depends_on": ["${file.b}"]}}}`},
		{false, `{"file": {"a": {"path": "/a", "content": "x", "for_each": 3}}}`},
		{false, `{"file": {"a": {"path": "/a", "content": "x", "lifecycle": [{}, {}]}}}`},
		{false, `{"file": {"a": {"path": "/a", "content": "x", "lifecycle": {"precondition": {"condition": true}}}}}`},
		{false, `{"env_file": {"e": {"path": "/e", "values": "A=1"}}}`},
		{false, `{"env_file": {"e": {"path": "/e", "values": {"A": ["1"]}}}}`},
		{false, `{"module": {"m": {"x": 1}}}`},
		{false, `{"module": {"m": {"source": "git::https://example.com"}}}`},
		{false, `{"output": {"o": {}}}`},
		{false, `{"variable": {"v": {"type": 1}}}`},
		{false, `{"check": {"c": {}}}`},
		{false, `{"plan": {"name": "a plan"}}`},
		{false, `{"plan": {"name": "a", "kind": "b"}}`},
	} {
		name := filepath.Join(dir, "plan.hcl.json")
		if err := os.WriteFile(name, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		p, diags := plans.Load(plans.Input{Path: name, Facts: laptop, Kinds: all.Kinds()})
		if diags.HasErrors() == c.good {
			t.Errorf("%s: the loader says of %d resources: %v", c.text, len(p.Resources), diags)
		}
		if err := validate(t, schema, []byte(c.text)); (err == nil) != c.good {
			t.Errorf("%s: the schema says: %v", c.text, err)
		}
	}
}
