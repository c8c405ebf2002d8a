package docgen

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/agent0-converge/agent0-converge/plans"
	"github.com/agent0-converge/agent0-converge/resources/all"
	"github.com/agent0-converge/agent0-converge/resources/all/reference"
)

// render returns the files of the reference by their names from the module's folder.
func render(kinds []reference.Kind) (map[string]string, error) {
	words, err := json.MarshalIndent(kinds, "", "  ")
	if err != nil {
		return nil, err
	}
	files := map[string]string{"resources/all/reference/kinds.json": string(words) + "\n"}
	var index strings.Builder
	index.WriteString("# Reference\n\nGenerated from the structs in `resources/` by `make generate`.\n\n")
	for _, k := range kinds {
		files["docs/reference/"+k.Name+".md"] = page(k)
		fmt.Fprintf(&index, "- [%s](%s.md): %s\n", k.Name, k.Name, k.Summary())
	}
	index.WriteString("\nPlans in JSON are described by [plan.schema.json](plan.schema.json), the commands in [commands](commands/agent0-converge.md). " +
		"The pages in `man` say the same to `man`.\n")
	files["docs/reference/README.md"] = index.String()
	files["docs/reference/man/agent0-converge-plan.5"] = manual(kinds)
	files["docs/reference/plan.schema.json"], err = schema(kinds)
	return files, err
}

// schema is the JSON Schema of plans as "agent0-converge schema" writes it.
func schema(kinds []reference.Kind) (string, error) {
	s, err := plans.JSONSchema(all.Kinds(), reference.About(kinds))
	if err != nil {
		return "", err
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	err = enc.Encode(s)
	return b.String(), err
}

func page(k reference.Kind) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s\n\n", k.Name, k.Doc)
	b.WriteString("| attribute | type | | meaning |\n|---|---|---|---|\n")
	rows(&b, "", k.Attributes)
	return b.String()
}

func rows(b *strings.Builder, prefix string, attrs []reference.Attribute) {
	for _, a := range attrs {
		if a.Label {
			continue // the block's own name
		}
		need := ""
		if a.Required {
			need = "required"
		}
		doc := strings.ReplaceAll(strings.ReplaceAll(a.Doc, "\n", " "), "|", "\\|")
		fmt.Fprintf(b, "| `%s%s` | %s | %s | %s |\n", prefix, a.Name, a.Type, need, doc)
		rows(b, prefix+a.Name+".", a.Block)
	}
}
