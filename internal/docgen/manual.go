package docgen

import (
	"fmt"
	"strings"

	"github.com/cpuguy83/go-md2man/v2/md2man"

	"github.com/agent0-converge/agent0-converge/plans"
	"github.com/agent0-converge/agent0-converge/resources/all/reference"
)

const manualHead = `% "AGENT0-CONVERGE-PLAN" "5" "Nov 2026" "agent0-converge" "agent0-converge"
# NAME
agent0-converge-plan \- what a machine is to be like, for agent0-converge

# DESCRIPTION
A plan is a file, or a folder of files, in HCL (\*.hcl) or in JSON (\*.hcl.json). It declares resources: blocks with a
kind, a label and attributes. Attributes are expressions; one that refers to another resource, as in
**file.motd.path**, makes that resource come first. A plan may also have the blocks **plan**, **variable**, **locals**,
**output**, **check** and **module**.

`

const manualEnd = `# SEE ALSO
**agent0-converge(1)**, **agent0-converge-explain(1)**, **agent0-converge-schema(1)**
`

// manual is the manual page of plans: every kind with its attributes.
func manual(kinds []reference.Kind) string {
	var b strings.Builder
	b.WriteString(manualHead)
	b.WriteString("# EVERY RESOURCE\n")
	for _, a := range plans.Arguments() {
		fmt.Fprintf(&b, "**%s**\n: %s\n\n", markdown(a.Name), markdown(a.Words))
	}
	b.WriteString("# KINDS\n")
	for _, k := range kinds {
		fmt.Fprintf(&b, "## %s\n%s\n\n", markdown(k.Name), markdown(k.Doc))
		manualRows(&b, "", k.Attributes)
	}
	b.WriteString(manualEnd)
	return string(md2man.Render([]byte(b.String())))
}

func manualRows(b *strings.Builder, prefix string, attrs []reference.Attribute) {
	for _, a := range attrs {
		if a.Label {
			continue // the block's own name
		}
		need := ""
		if a.Required {
			need = ", required"
		}
		fmt.Fprintf(b, "**%s** (%s%s)\n: %s\n\n", markdown(prefix+a.Name), markdown(a.Type), need, markdown(strings.ReplaceAll(a.Doc, "\n", " ")))
		manualRows(b, prefix+a.Name+".", a.Block)
	}
}

// markdown is plain text as Markdown has it.
func markdown(text string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "`", "\\`", "<", `\<`, ">", `\>`, "[", `\[`, "]", `\]`, "~", `\~`, "|", `\|`).Replace(text)
}
