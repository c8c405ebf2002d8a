// Package archtest holds the rules of the tree as tests: who may import whom, and what no
// package of ours does.
package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/agent0-converge/agent0-converge/"

// source is one Go file of the tree.
type source struct {
	path    string // from the module's root
	pkg     string // its folder
	test    bool
	file    *ast.File
	imports []string // ours without the module's path, those of Go's library as "std:name"
}

func sources(t *testing.T) []source {
	t.Helper()
	var out []source
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && p != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if filepath.Ext(p) != ".go" {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, p)
		s := source{path: rel, pkg: filepath.ToSlash(filepath.Dir(rel)), test: strings.HasSuffix(p, "_test.go"), file: f}
		for _, im := range f.Imports {
			name, _ := strconv.Unquote(im.Path.Value)
			ours, isOurs := strings.CutPrefix(name, module)
			if first, _, _ := strings.Cut(name, "/"); !isOurs && !strings.Contains(first, ".") {
				ours = "std:" + name
			}
			s.imports = append(s.imports, ours)
		}
		out = append(out, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 20 {
		t.Fatalf("found only %d Go files", len(out))
	}
	return out
}

// forbidden says which imports a folder must not have, by prefix; the reasons stand in
// docs/design/architecture.md.
var forbidden = []struct {
	folder string
	not    []string
}{
	{"engine", []string{"plans", "resources", "runtime", "cmd", "internal", "github.com/hashicorp", "github.com/zclconf", "github.com/spf13"}},
	{"engine/host", []string{"engine/journal"}},
	{"plans", []string{"resources", "runtime", "cmd", "internal"}},
	{"resources", []string{"plans", "runtime", "cmd", "internal", "engine/journal", "github.com/hashicorp", "github.com/zclconf", "github.com/spf13", "std:os", "std:os/exec", "std:os/user"}},
	{"runtime", []string{"engine", "plans", "resources", "cmd"}},
}

// composites are the kinds made of others, and whose Spec they may use; of the runtime it is what it is configured with.
var composites = map[string][]string{
	"resources/file":      {"resources/directory"},
	"resources/envfile":   {"resources/directory"},
	"resources/symlink":   {"resources/directory"},
	"resources/logrotate": {"resources/directory"},
	"resources/user":      {"resources/directory", "resources/group"},
	"resources/sysctl":    {"resources/directory"},
	"resources/unit":      {"resources/directory"},
	"resources/drift":     {"resources/unit"},
	"resources/model":     {"resources/directory"},
	"resources/server":    {"resources/file", "resources/gpugroup", "resources/ready", "resources/unit", "resources/user", "runtime/spec"},
}

func TestImports(t *testing.T) {
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		for _, rule := range forbidden {
			if !within(s.pkg, rule.folder) {
				continue
			}
			for _, im := range s.imports {
				if slices.ContainsFunc(rule.not, func(n string) bool { return im == n || within(im, n) && !strings.HasPrefix(n, "std:") }) && !sibling(s.pkg, im) {
					t.Errorf("%s imports %s: %s must not", s.path, im, rule.folder)
				}
			}
		}
	}
}

// sibling allows what resources/all lists and what composites are made of.
func sibling(pkg, im string) bool {
	return slices.Contains(composites[pkg], im) || within(im, "resources") && (within(pkg, "resources/all") || within(im, "resources/internal") || within(im, kindOf(pkg)))
}

// kindOf is the folder of the kind that a package is a room of: resources/model of resources/model/fetch/web.
func kindOf(pkg string) string {
	parts := strings.SplitN(pkg, "/", 3)
	return strings.Join(parts[:min(2, len(parts))], "/")
}

func within(pkg, folder string) bool { return pkg == folder || strings.HasPrefix(pkg, folder+"/") }

func TestKindsDoNotImportEachOther(t *testing.T) {
	for _, s := range sources(t) {
		if !within(s.pkg, "resources") || s.test || within(s.pkg, "resources/all") {
			continue
		}
		for _, im := range s.imports {
			if within(im, "resources") && im != s.pkg && !sibling(s.pkg, im) {
				t.Errorf("%s imports the kind %s", s.path, im)
			}
		}
	}
}

func TestNoInitNoCgoNoGrabBags(t *testing.T) {
	for _, s := range sources(t) {
		if slices.Contains([]string{"util", "utils", "common", "helpers", "helper"}, filepath.Base(s.pkg)) {
			t.Errorf("%s: a package is named for what it holds", s.path)
		}
		if slices.Contains(s.imports, "std:C") && !within(s.pkg, "runtime/llama") && !within(s.pkg, "runtime/gpu") {
			t.Errorf("%s uses cgo", s.path)
		}
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s has an init function", s.path)
			}
		}
	}
}

// Platforms are told apart by file name, never by a branch.
func TestNoBranchOnPlatform(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || !slices.Contains(s.imports, "std:runtime") {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			branches := false
			switch n := n.(type) {
			case *ast.BinaryExpr:
				branches = (n.Op == token.EQL || n.Op == token.NEQ) && (isGOOS(n.X) || isGOOS(n.Y))
			case *ast.SwitchStmt:
				branches = n.Tag != nil && isGOOS(n.Tag)
			}
			if branches {
				t.Errorf("%s branches on runtime.GOOS", s.path)
			}
			return true
		})
	}
}

func isGOOS(e ast.Expr) bool {
	sel, ok := e.(*ast.SelectorExpr)
	return ok && sel.Sel.Name == "GOOS"
}

func TestEverythingExportedIsDocumented(t *testing.T) {
	packages := map[string]bool{}
	for _, s := range sources(t) {
		if s.test {
			packages[s.pkg] = packages[s.pkg] || s.file.Doc != nil
			continue
		}
		packages[s.pkg] = packages[s.pkg] || s.file.Doc != nil
		for _, d := range s.file.Decls {
			for _, name := range undocumented(d) {
				t.Errorf("%s: %s has no doc comment", s.path, name)
			}
		}
	}
	for pkg, documented := range packages {
		if !documented {
			t.Errorf("package %s has no comment", pkg)
		}
	}
}

// undocumented lists the exported names of one declaration that no comment explains. A method
// with the name of a well-known interface explains itself.
func undocumented(d ast.Decl) []string {
	known := []string{"Error", "Unwrap", "String", "Len", "Less", "Swap", "Push", "Pop", "Is", "Close"}
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc == nil && (d.Recv == nil || exportedReceiver(d) && !slices.Contains(known, d.Name.Name)) {
			return []string{d.Name.Name}
		}
	case *ast.GenDecl:
		var out []string
		for _, spec := range d.Specs {
			if ts, ok := spec.(*ast.TypeSpec); ok && ts.Name.IsExported() && d.Doc == nil && ts.Doc == nil {
				out = append(out, ts.Name.Name)
			}
			if vs, ok := spec.(*ast.ValueSpec); ok && vs.Names[0].IsExported() && d.Doc == nil && vs.Doc == nil && vs.Comment == nil {
				out = append(out, vs.Names[0].Name)
			}
		}
		return out
	}
	return nil
}

func exportedReceiver(d *ast.FuncDecl) bool {
	e := d.Recv.List[0].Type
	for {
		switch x := e.(type) {
		case *ast.StarExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return false
		}
	}
}
