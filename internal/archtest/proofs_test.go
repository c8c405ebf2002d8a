package archtest

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// What the design documents name as proof is there: tests, fuzz targets and scripts.
func TestProofsExist(t *testing.T) {
	tests := map[string]bool{}
	for _, s := range sources(t) {
		if !s.test {
			continue
		}
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				tests[f.Name.Name] = true
			}
		}
	}
	docs, err := filepath.Glob("../../docs/design/*.md")
	if err != nil || len(docs) < 3 {
		t.Fatalf("found %v, %v", docs, err)
	}
	named := 0
	for _, doc := range docs {
		b, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile("`((?:Test|Fuzz)[A-Z][A-Za-z0-9]*)`").FindAllSubmatch(b, -1) {
			if named++; !tests[string(m[1])] {
				t.Errorf("%s names %s, and there is no such test", filepath.Base(doc), m[1])
			}
		}
		for _, m := range regexp.MustCompile("script `([a-z-]+)`").FindAllSubmatch(b, -1) {
			named++
			if _, err := os.Stat("../../cmd/agent0-converge/testdata/script/" + string(m[1]) + ".txtar"); err != nil {
				t.Errorf("%s names the script %s: %v", filepath.Base(doc), m[1], err)
			}
		}
	}
	if named < 50 {
		t.Errorf("found only %d proofs", named)
	}
}
