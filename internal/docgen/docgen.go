// Package docgen turns the doc comments of the kinds' structs into the reference: the pages in
// docs/reference, the manual page of plans, their JSON Schema and the words that "explain" prints. One
// struct is schema, state and documentation.
package docgen

import (
	"errors"
	"fmt"
	"go/ast"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/agent0-converge/agent0-converge/resources/all/reference"
)

// Kinds reads the kinds below the folder resources, by name.
func Kinds(resources string) ([]reference.Kind, error) {
	folders, err := os.ReadDir(resources)
	if err != nil {
		return nil, err
	}
	var kinds []reference.Kind
	for _, f := range folders {
		if !f.IsDir() || f.Name() == "all" || f.Name() == "internal" {
			continue
		}
		k, err := readKind(filepath.Join(resources, f.Name()))
		if err != nil {
			return nil, fmt.Errorf("cannot document %s: %w", f.Name(), err)
		}
		kinds = append(kinds, k)
	}
	slices.SortFunc(kinds, func(a, b reference.Kind) int { return strings.Compare(a.Name, b.Name) })
	return kinds, nil
}

// source is one package's structs and the name of its kind.
type source struct {
	structs map[string]*ast.StructType
	docs    map[string]string
	kind    string
}

func readKind(dir string) (reference.Kind, error) {
	src := source{structs: map[string]*ast.StructType{}, docs: map[string]string{}}
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return reference.Kind{}, err
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			return reference.Kind{}, err
		}
		src.add(f)
	}
	if src.kind == "" || src.structs["Spec"] == nil {
		return reference.Kind{}, errors.New("it has no struct Spec or no call of engine.NewKind")
	}
	attrs, err := src.attributes("Spec")
	if err != nil {
		return reference.Kind{}, err
	}
	return reference.Kind{Name: src.kind, Doc: about("Spec", src.docs["Spec"]), Attributes: attrs}, nil
}

func (s *source) add(f *ast.File) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GenDecl:
			for _, spec := range n.Specs {
				if ts, ok := spec.(*ast.TypeSpec); ok {
					if st, ok := ts.Type.(*ast.StructType); ok {
						s.structs[ts.Name.Name] = st
						s.docs[ts.Name.Name] = n.Doc.Text() + ts.Doc.Text()
					}
				}
			}
		case *ast.CallExpr:
			if name := newKindName(n); name != "" {
				s.kind = name
			}
		}
		return true
	})
}

// newKindName returns the name in a call engine.NewKind("name", …), or NewComposite.
func newKindName(c *ast.CallExpr) string {
	fun := c.Fun
	if ix, ok := fun.(*ast.IndexExpr); ok {
		fun = ix.X
	}
	sel, ok := fun.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != "NewKind" && sel.Sel.Name != "NewComposite" || len(c.Args) == 0 {
		return ""
	}
	lit, ok := c.Args[0].(*ast.BasicLit)
	if !ok {
		return ""
	}
	name, err := strconv.Unquote(lit.Value)
	if err != nil {
		return ""
	}
	return name
}

func (s *source) attributes(structName string) ([]reference.Attribute, error) {
	var out []reference.Attribute
	for _, f := range s.structs[structName].Fields.List {
		if f.Tag == nil || len(f.Names) != 1 {
			continue
		}
		tag, err := strconv.Unquote(f.Tag.Value)
		if err != nil {
			return nil, err
		}
		name, flags, _ := strings.Cut(reflect.StructTag(tag).Get("hcl"), ",")
		if name == "" {
			continue
		}
		a := reference.Attribute{Name: name, Type: typeName(f.Type), Label: flags == "label", Required: flags == ""}
		if a.Doc = about(f.Names[0].Name, f.Doc.Text()); a.Doc == "" {
			return nil, fmt.Errorf("%s.%s has no doc comment", structName, f.Names[0].Name)
		}
		if inner := elem(f.Type); flags == "block" && s.structs[inner] != nil {
			if a.Block, err = s.attributes(inner); err != nil {
				return nil, err
			}
		}
		out = append(out, a)
	}
	return out, nil
}

func elem(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return elem(e.X)
	case *ast.ArrayType:
		return elem(e.Elt)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// typeName says a Go type in the plan language's words.
func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.ArrayType:
		return "list(" + typeName(e.Elt) + ")"
	case *ast.MapType:
		return "map(" + typeName(e.Value) + ")"
	case *ast.SelectorExpr: // of engine
		switch e.Sel.Name {
		case "Addr":
			return "resource"
		case "List":
			return "list(string)"
		}
		return "string"
	case *ast.Ident:
		switch e.Name {
		case "int", "int64", "float64", "uint", "uint64":
			return "number"
		case "string", "bool", "any":
			return e.Name
		}
	}
	return "block"
}

// about is a doc comment without the Go name that it starts with: "Mode is octal" says "Octal".
func about(name, doc string) string {
	text := strings.TrimPrefix(plain(doc), name+" ")
	for _, verb := range []string{"is ", "are "} {
		text = strings.TrimPrefix(text, verb)
	}
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// plain is a doc comment as a paragraph of text each line.
func plain(doc string) string {
	var p comment.Parser
	pr := comment.Printer{TextWidth: -1}
	return strings.TrimSpace(string(pr.Text(p.Parse(doc))))
}

// Write writes the reference below root, the module's folder. With check it writes nothing and
// returns an error that names what is not up to date.
func Write(root string, check bool) error {
	kinds, err := Kinds(filepath.Join(root, "resources"))
	if err != nil {
		return err
	}
	files, err := render(kinds)
	if err != nil {
		return err
	}
	var stale []string
	for name, content := range files {
		path := filepath.Join(root, name)
		old, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if string(old) == content {
			continue
		}
		stale = append(stale, name)
		if !check {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
				return err
			}
		}
	}
	slices.Sort(stale)
	if check && len(stale) > 0 {
		return fmt.Errorf("not up to date, run make generate: %s", strings.Join(stale, ", "))
	}
	return nil
}
