package nft

import (
	"fmt"
	"slices"
	"strings"
)

// header begins the script.
const header = `# Written by agent0-converge: a plan decides what is here, and what is changed by hand is put back. To change
# a port, change its block firewall_port and apply the plan. agent0-firewall.service loads this file when the
# host boots, and nftables.service whenever it has flushed all tables.
#
`

// ruleMark begins the comments from which the script is read back: a line's text each.
const ruleMark = "# rule "

// script is a file for nft(8) that makes the table of the entries: all of it in one transaction, whatever was there.
func script(entries []entry) string {
	var b strings.Builder
	b.WriteString(header)
	texts := make([]string, len(entries))
	for i, e := range entries {
		texts[i] = e.text
	}
	slices.Sort(texts)
	for _, t := range texts {
		b.WriteString(ruleMark + t + "\n")
	}
	fmt.Fprintf(&b, "\ntable inet %[1]s\ndelete table inet %[1]s\n\ntable inet %[1]s {\n", tableName)
	t := render(entries)
	for _, s := range t.sets {
		s.write(&b)
	}
	for i, c := range t.chains {
		if i > 0 {
			b.WriteByte('\n')
		}
		c.write(&b)
	}
	b.WriteString("}\n")
	return b.String()
}

func (s set) write(b *strings.Builder) {
	fmt.Fprintf(b, "\tset %s {\n\t\ttype %s\n", s.name, s.of.kind())
	if s.of.interval() {
		b.WriteString("\t\tflags interval\n")
	}
	b.WriteString("\t\telements = {\n")
	for _, sp := range s.spans {
		b.WriteString("\t\t\t" + sp.write(s.of))
		if sp.comment != "" {
			b.WriteString(` comment "` + sp.comment + `"`)
		}
		b.WriteString(",\n")
	}
	b.WriteString("\t\t}\n\t}\n\n")
}

func (c chain) write(b *strings.Builder) {
	fmt.Fprintf(b, "\tchain %s {\n", c.name)
	if c.base {
		b.WriteString("\t\ttype filter hook input priority filter; policy accept;\n")
	}
	for _, r := range c.rules {
		b.WriteString("\t\t" + r.say() + "\n")
	}
	b.WriteString("\t}\n")
}

// parseScript reads the rules that a script names. It takes those that it understands: that the script is what they make
// is told by writing it again.
func parseScript(s string) (entries []entry, err error) {
	for line := range strings.Lines(s) {
		text, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), ruleMark)
		if !ok {
			continue
		}
		e, bad := parseEntry(text)
		if bad != nil {
			err = bad
			continue
		}
		entries = append(entries, e)
	}
	return entries, err
}
