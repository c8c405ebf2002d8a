package docgen

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/agent0-converge/agent0-converge/resources/all"
	"github.com/agent0-converge/agent0-converge/resources/all/reference"
)

// The reference in the tree is the one that the structs say, and it has every kind.
func TestUpToDate(t *testing.T) {
	root := filepath.Join("..", "..")
	if err := Write(root, true); err != nil {
		t.Fatal(err)
	}
	kinds, err := reference.Kinds()
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for _, k := range kinds {
		documented[k.Name] = true
	}
	for _, k := range all.Kinds() {
		if !documented[k.Name()] {
			t.Errorf("kind %s is not in the reference", k.Name())
		}
	}
}

const gadget = `package gadget

// Spec is a gadget | of many. It does things.
type Spec struct {
	// Name of it.
	Name string ` + "`hcl:\"name,label\"`" + `
	// Size is how large it is, in bytes.
	Size int64 ` + "`hcl:\"size\"`" + `
	// Parts are what it is made of.
	Parts []Part ` + "`hcl:\"part,block\"`" + `
	hidden int
}

// Part is one of them.
type Part struct {
	// Keys hold by name.
	Keys map[string][]string ` + "`hcl:\"keys,optional\"`" + `
}

func Kind() *engine.Kind { return engine.NewKind[Spec]("gadget", nil) }
`

func write(t *testing.T, src string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "resources", "gadget")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "gadget.go"), []byte(src), 0o644); err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(dir)
}

func TestKinds(t *testing.T) {
	have, err := Kinds(write(t, gadget))
	if err != nil {
		t.Fatal(err)
	}
	want := []reference.Kind{{Name: "gadget", Doc: "A gadget | of many. It does things.", Attributes: []reference.Attribute{
		{Name: "name", Type: "string", Label: true, Doc: "Of it."},
		{Name: "size", Type: "number", Required: true, Doc: "How large it is, in bytes."},
		{Name: "part", Type: "list(block)", Doc: "What it is made of.", Block: []reference.Attribute{
			{Name: "keys", Type: "map(list(string))", Doc: "Hold by name."},
		}},
	}}}
	if d := cmp.Diff(want, have); d != "" {
		t.Fatal(d)
	}
	page := page(have[0])
	for _, line := range []string{"# gadget", "| `size` | number | required | How large it is, in bytes. |", "| `part.keys` | map(list(string)) |"} {
		if !strings.Contains(page, line) {
			t.Errorf("the page has no %q:\n%s", line, page)
		}
	}
}

// The manual page has every attribute and nothing that Markdown or man would take for its own.
func TestManual(t *testing.T) {
	kinds, err := Kinds(write(t, strings.ReplaceAll(gadget, "how large it is, in bytes.", "`*.x` [a_b_c] <d> \\\\e .f")))
	if err != nil {
		t.Fatal(err)
	}
	page := filepath.Join(t.TempDir(), "agent0-converge-plan.5")
	if err := os.WriteFile(page, []byte(manual(kinds)), 0o644); err != nil {
		t.Fatal(err)
	}
	mandoc, err := exec.LookPath("mandoc")
	if err != nil {
		t.Skip("mandoc is missing: install the package mandoc")
	}
	if out, err := exec.CommandContext(t.Context(), mandoc, "-T", "lint", "-W", "error", page).CombinedOutput(); err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
	out, err := exec.CommandContext(t.Context(), mandoc, "-T", "ascii", page).Output()
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(regexp.MustCompile(".\b").ReplaceAllString(string(out), "")), " ")
	for _, want := range []string{
		"size (number, required)", "`*.x` [a_b_c] <d> \\\\e .f", "in HCL (*.hcl)", "part.keys (map(list(string))) Hold by name.", "depends_on Resources and modules",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page has no %q:\n%s", want, text)
		}
	}
}

func TestUndocumentedIsAnError(t *testing.T) {
	_, err := Kinds(write(t, strings.Replace(gadget, "	// Size is how large it is, in bytes.\n", "", 1)))
	if err == nil || !strings.Contains(err.Error(), "Spec.Size has no doc comment") {
		t.Fatalf("got %v", err)
	}
}
