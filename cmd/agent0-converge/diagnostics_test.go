package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

const page = `plan {
  name = "p"
}

file "motd" {
  path    = "/etc/motd"
  content = "größe ${upper("x")}"
}
`

// at is the range of the nth line's text.
func at(t *testing.T, text string) *hcl.Range {
	t.Helper()
	i := strings.Index(page, text)
	if i < 0 {
		t.Fatalf("%q is not in the page", text)
	}
	pos := func(i int) hcl.Pos {
		before := page[:i]
		return hcl.Pos{Line: 1 + strings.Count(before, "\n"), Column: 1 + i - (strings.LastIndex(before, "\n") + 1), Byte: i}
	}
	return &hcl.Range{Filename: "p.hcl", Start: pos(i), End: pos(i + len(text))}
}

func pageFile(t *testing.T) *hcl.File {
	t.Helper()
	f, diags := hclsyntax.ParseConfig([]byte(page), "p.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return f
}

func TestSnippets(t *testing.T) {
	end := hcl.Pos{Line: 9, Column: 1, Byte: len(page)}
	for _, tt := range []struct {
		name             string
		subject, context *hcl.Range
		code, marked     string
		line             int
		header           string
	}{
		{name: "a word", subject: at(t, `"/etc/motd"`), code: `  path    = "/etc/motd"`, marked: `"/etc/motd"`, line: 6, header: `file "motd"`},
		{name: "behind letters of two bytes", subject: at(t, `upper("x")`), code: `  content = "größe ${upper("x")}"`, marked: `upper("x")`, line: 7, header: `file "motd"`},
		{name: "with its context", subject: at(t, `name`), context: at(t, "plan {\n  name = \"p\""), code: "plan {\n  name = \"p\"", marked: "name", line: 1, header: "plan"},
		{name: "nothing, at the start of a line", subject: &hcl.Range{Filename: "p.hcl", Start: at(t, "file").Start, End: at(t, "file").Start}, code: `file "motd" {`, line: 5, header: `file "motd"`},
		{name: "behind the end", subject: &hcl.Range{Filename: "p.hcl", Start: end, End: end}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "s", Subject: tt.subject, Context: tt.context}
			got := jsonDiagnostics(hcl.Diagnostics{d}, map[string]*hcl.File{"p.hcl": pageFile(t)})[0].Snippet
			if tt.line == 0 {
				if got != nil && got.Code != "" {
					t.Errorf("there is nothing there, and %q is shown", got.Code)
				}
				return
			}
			if got == nil {
				t.Fatal("no snippet")
			}
			header := ""
			if got.Context != nil {
				header = *got.Context
			}
			marked := got.Code[got.HighlightStartOffset:got.HighlightEndOffset]
			if got.Code != tt.code || marked != tt.marked || got.StartLine != tt.line || header != tt.header {
				t.Errorf("line %d of %q: %q, marked %q", got.StartLine, header, got.Code, marked)
			}
		})
	}
}

// TestDiagnosticsHaveOpenTofusShape compares with the fields that annotators of pull requests read.
func TestDiagnosticsHaveOpenTofusShape(t *testing.T) {
	diags := hcl.Diagnostics{
		{Severity: hcl.DiagError, Summary: "Bad", Detail: "It <is>.", Subject: at(t, `"p"`)},
		{Severity: hcl.DiagWarning, Summary: "Odd", Subject: &hcl.Range{Filename: "elsewhere.hcl", Start: hcl.InitialPos, End: hcl.InitialPos}},
		{Severity: hcl.DiagError, Summary: "Nowhere"},
	}
	var out bytes.Buffer
	a := &app{stdout: &out}
	if err := a.writeJSON(validation(diags, map[string]*hcl.File{"p.hcl": pageFile(t)})); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	pos := func(line, column, byte float64) map[string]any {
		return map[string]any{"line": line, "column": column, "byte": byte}
	}
	want := map[string]any{
		"format_version": "1.0", "valid": false, "error_count": 2.0, "warning_count": 1.0,
		"diagnostics": []any{
			map[string]any{"severity": "error", "summary": "Bad", "detail": "It <is>.",
				"range": map[string]any{"filename": "p.hcl", "start": pos(2, 10, 16), "end": pos(2, 13, 19)},
				"snippet": map[string]any{"context": "plan", "code": `  name = "p"`, "start_line": 2.0,
					"highlight_start_offset": 9.0, "highlight_end_offset": 12.0, "values": []any{}}},
			map[string]any{"severity": "warning", "summary": "Odd", "detail": "",
				"range": map[string]any{"filename": "elsewhere.hcl", "start": pos(1, 1, 0), "end": pos(1, 1, 0)}},
			map[string]any{"severity": "error", "summary": "Nowhere", "detail": ""},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(out.String(), "It <is>.") {
		t.Error("what is no HTML was escaped as HTML")
	}
}

// TestSnippetsHoldNoValues: a diagnostic may have evaluated a secret.
func TestSnippetsHoldNoValues(t *testing.T) {
	expr, diags := hclsyntax.ParseExpression([]byte("var.s"), "p.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	d := &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "s", Subject: at(t, `"p"`), Expression: expr, EvalContext: &hcl.EvalContext{
		Variables: map[string]cty.Value{"var": cty.ObjectVal(map[string]cty.Value{"s": cty.StringVal("canary")})},
	}}
	b, err := json.Marshal(validation(hcl.Diagnostics{d}, map[string]*hcl.File{"p.hcl": pageFile(t)}))
	if err != nil || bytes.Contains(b, []byte("canary")) {
		t.Errorf("%v %s", err, b)
	}
}
