package plans_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/plans"
)

func TestFormat(t *testing.T) {
	for _, c := range []struct{ name, file, in, want string }{
		{"aligns", "a.hcl", "toy \"a\" {\npath=\"/a\"\n  mode    =    \"1\" # why\n}\n", "toy \"a\" {\n  path = \"/a\"\n  mode = \"1\" # why\n}\n"},
		{"heredocs are left alone", "a.hcl", "toy \"a\" {\ncontent = <<EOT\n  a=1\n    b\nEOT\n}\n", "toy \"a\" {\n  content = <<EOT\n  a=1\n    b\nEOT\n}\n"},
		{"JSON is left alone", "a.hcl.json", "{ }", "{ }"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, diags := plans.Format([]byte(c.in), c.file)
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			same(t, c.want, string(got))
		})
	}
	broken := []byte("toy \"a\" {\n   path = \n")
	got, diags := plans.Format(broken, "a.hcl")
	if !diags.HasErrors() || !bytes.Equal(got, broken) {
		t.Errorf("a broken file became %q, %v", got, diags)
	}
}

// FuzzFormat holds that formatting changes white space alone, and nothing the second time.
func FuzzFormat(f *testing.F) {
	for _, seed := range seeds(f) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, src string) {
		once, diags := plans.Format([]byte(src), "a.hcl")
		if diags.HasErrors() {
			if string(once) != src {
				t.Fatalf("a broken file was changed to %q", once)
			}
			return
		}
		twice, diags := plans.Format(once, "a.hcl")
		if diags.HasErrors() || !bytes.Equal(once, twice) {
			t.Fatalf("formatted twice %q became %q, %v", once, twice, diags)
		}
		if bare(string(once)) != bare(src) {
			t.Fatalf("%q became %q", src, once)
		}
	})
}

func bare(s string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '\t' || r == '\r' {
			return -1
		}
		return r
	}, s)
}
