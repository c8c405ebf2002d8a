package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/agent0-converge/agent0-converge/plans"
)

// specsuite lists the files of HCL's own test suite, which come with its module, and the examples.
func specsuite(t *testing.T) []string {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/hashicorp/hcl/v2").Output()
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, root := range []string{filepath.Join(strings.TrimSpace(string(dir)), "specsuite"), "../../examples"} {
		err := filepath.WalkDir(root, func(name string, _ fs.DirEntry, err error) error {
			// The suite writes what it expects of a file, .hcldec and .t, in HCL too.
			if ext := filepath.Ext(name); err == nil && (ext == ".hcl" || ext == ".hcldec" || ext == ".t") {
				files = append(files, name)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(files) < 20 {
		t.Fatalf("only %d files", len(files))
	}
	return files
}

// words are the tokens of a file that are not white space, with what they say.
func words(t *testing.T, src []byte) []string {
	t.Helper()
	tokens, _ := hclsyntax.LexConfig(src, "", hcl.InitialPos)
	var out []string
	for _, token := range tokens {
		switch token.Type {
		case hclsyntax.TokenNewline, hclsyntax.TokenEOF:
		case hclsyntax.TokenComment:
			out = append(out, strings.TrimSpace(string(token.Bytes)))
		case hclsyntax.TokenCHeredoc: // which "<<-" may indent
			out = append(out, strings.TrimSpace(string(token.Bytes)))
		default:
			out = append(out, string(token.Bytes))
		}
	}
	return out
}

func TestFormatChangesWhiteSpaceOnly(t *testing.T) {
	formatted, refused := 0, 0
	for _, name := range specsuite(t) {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		once, diags := plans.Format(src, name)
		if _, bad := hclsyntax.ParseConfig(src, name, hcl.InitialPos); bad.HasErrors() != diags.HasErrors() {
			t.Errorf("%s: parsing says %v, formatting %v", name, bad, diags)
			continue
		}
		if diags.HasErrors() {
			refused++
			leftAlone(t, src)
			continue
		}
		formatted++
		if diff := cmp.Diff(words(t, src), words(t, once)); diff != "" {
			t.Errorf("%s: more than white space changed:\n%s", name, diff)
		}
		twice, diags := plans.Format(once, name)
		if diags.HasErrors() || !bytes.Equal(once, twice) {
			t.Errorf("%s: formatting again changes it again: %v\n%s", name, diags, cmp.Diff(string(once), string(twice)))
		}
	}
	t.Logf("%d formatted, %d refused", formatted, refused)
	if formatted < 15 {
		t.Errorf("only %d files were formatted", formatted)
	}
}

// leftAlone runs the program on a file that does not parse.
func leftAlone(t *testing.T, src []byte) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "broken.hcl")
	if err := os.WriteFile(file, src, 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("agent0-converge", "fmt", file).CombinedOutput()
	after, readErr := os.ReadFile(file)
	if err == nil || readErr != nil || !bytes.Equal(src, after) || !bytes.Contains(out, []byte("Error:")) {
		t.Errorf("fmt of a file that does not parse: %v %v\n%s", err, readErr, out)
	}
}
