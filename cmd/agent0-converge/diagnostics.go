package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"golang.org/x/term"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/plans"
)

// diagnostics writes what is wrong with a plan, with its source.
func (a *app) diagnostics(diags hcl.Diagnostics, files map[string]*hcl.File) {
	if len(diags) == 0 {
		return
	}
	width := uint(0)
	if f, ok := a.stderr.(*os.File); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			width = uint(w)
		}
	}
	colour := styleFor(a.stderr, a.noColor).on
	if err := hcl.NewDiagnosticTextWriter(a.stderr, files, width, colour).WriteDiagnostics(diags); err != nil {
		fmt.Fprintln(a.stderr, diags.Error())
	}
}

// failed reports a plan that cannot be used: its diagnostics, as text or JSON, are all there is.
func (a *app) failed(diags hcl.Diagnostics, files map[string]*hcl.File) error {
	if a.json {
		if err := a.writeJSON(validation(diags, files)); err != nil {
			return err
		}
	} else {
		a.diagnostics(diags, files)
	}
	return &exitStatus{exitError}
}

// mistakes turns the engine's mistakes into diagnostics; any other error it returns as it is.
func (a *app) mistakes(err error, files map[string]*hcl.File) error {
	var ms engine.Mistakes
	if !errors.As(err, &ms) {
		return err
	}
	return a.failed(plans.Diagnostics(ms), files)
}

func (a *app) writeJSON(v any) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// The JSON shapes of OpenTofu's "validate -json", so that tools which annotate pull requests
// read ours too (opentofu.org/docs/cli/commands/validate, format version 1.0).
type (
	jsonValidation struct {
		FormatVersion string           `json:"format_version"`
		Valid         bool             `json:"valid"`
		ErrorCount    int              `json:"error_count"`
		WarningCount  int              `json:"warning_count"`
		Diagnostics   []jsonDiagnostic `json:"diagnostics"`
	}
	jsonDiagnostic struct {
		Severity string       `json:"severity"`
		Summary  string       `json:"summary"`
		Detail   string       `json:"detail"`
		Range    *jsonRange   `json:"range,omitempty"`
		Snippet  *jsonSnippet `json:"snippet,omitempty"`
	}
	jsonRange struct {
		Filename string  `json:"filename"`
		Start    jsonPos `json:"start"`
		End      jsonPos `json:"end"`
	}
	jsonPos struct {
		Line   int `json:"line"`
		Column int `json:"column"`
		Byte   int `json:"byte"`
	}
	jsonSnippet struct {
		Context              *string    `json:"context"`
		Code                 string     `json:"code"`
		StartLine            int        `json:"start_line"`
		HighlightStartOffset int        `json:"highlight_start_offset"`
		HighlightEndOffset   int        `json:"highlight_end_offset"`
		Values               []struct{} `json:"values"`
	}
)

func validation(diags hcl.Diagnostics, files map[string]*hcl.File) jsonValidation {
	out := jsonValidation{FormatVersion: "1.0", Valid: !diags.HasErrors(), Diagnostics: jsonDiagnostics(diags, files)}
	for _, d := range out.Diagnostics {
		if d.Severity == "error" {
			out.ErrorCount++
		} else {
			out.WarningCount++
		}
	}
	return out
}

func jsonDiagnostics(diags hcl.Diagnostics, files map[string]*hcl.File) []jsonDiagnostic {
	out := make([]jsonDiagnostic, 0, len(diags))
	for _, d := range diags {
		j := jsonDiagnostic{Severity: "error", Summary: d.Summary, Detail: d.Detail}
		if d.Severity == hcl.DiagWarning {
			j.Severity = "warning"
		}
		if r := d.Subject; r != nil {
			j.Range = &jsonRange{r.Filename, jsonPos(r.Start), jsonPos(r.End)}
			if f := files[r.Filename]; f != nil {
				j.Snippet = snippet(d, f)
			}
		}
		out = append(out, j)
	}
	return out
}

// snippet returns the lines that a diagnostic is about. Values of expressions are left out: they
// may be secrets.
func snippet(d *hcl.Diagnostic, f *hcl.File) *jsonSnippet {
	about := *d.Subject
	if d.Context != nil {
		about = hcl.RangeOver(about, *d.Context)
	}
	var (
		code  strings.Builder
		start = -1
	)
	sc := hcl.NewRangeScanner(f.Bytes, about.Filename, bufio.ScanLines)
	for sc.Scan() {
		if !sc.Range().Overlaps(about) && !sc.Range().ContainsPos(about.Start) {
			continue
		}
		if start < 0 {
			start = sc.Range().Start.Byte
		}
		code.Write(sc.Bytes())
		code.WriteByte('\n')
	}
	if start < 0 {
		return nil
	}
	text := strings.TrimSuffix(code.String(), "\n")
	clamp := func(i int) int { return max(0, min(i-start, len(text))) }
	s := &jsonSnippet{Code: text, StartLine: about.Start.Line, Values: []struct{}{},
		HighlightStartOffset: clamp(d.Subject.Start.Byte), HighlightEndOffset: clamp(d.Subject.End.Byte)}
	if name := blockHeader(f, d.Subject.Start); name != "" {
		s.Context = &name
	}
	return s
}

// blockHeader returns the first line of the outermost block around pos: `file "motd"`.
func blockHeader(f *hcl.File, pos hcl.Pos) string {
	body, ok := f.Body.(interface{ OutermostBlockAtPos(hcl.Pos) *hcl.Block })
	if !ok {
		return ""
	}
	b := body.OutermostBlockAtPos(pos)
	if b == nil {
		return ""
	}
	line, _, _ := bytes.Cut(f.Bytes[b.DefRange.Start.Byte:], []byte("{"))
	return strings.TrimSpace(string(line))
}
