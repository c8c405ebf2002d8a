// Package workload is what the benchmarks converge: files of 1 KiB each with an owner and a mode,
// said in the language of every tool that is measured.
package workload

import (
	"fmt"
	"strings"
)

// Name is the name of the i-th file.
func Name(i int) string { return fmt.Sprintf("f%05d.conf", i) }

// Content is the 1 KiB of the i-th file.
func Content(i int) []byte {
	line := fmt.Sprintf("setting_%05d = some value that differs from file to file\n", i)
	return []byte(strings.Repeat(line, 1024/len(line)+1)[:1023] + "\n")
}

// Plan says n files below dir as a plan of ours.
func Plan(dir string, n int) string {
	var b strings.Builder
	b.WriteString("plan {\n  name = \"bench\"\n}\n\n")
	for i := range n {
		fmt.Fprintf(&b, "file \"f%05d\" {\n  path    = \"%s/%s\"\n  owner   = \"root\"\n  mode    = \"0644\"\n  content = %q\n}\n\n",
			i, dir, Name(i), Content(i))
	}
	return b.String()
}

// CFEngine says the same as a CFEngine policy.
func CFEngine(dir string, n int) string {
	var b strings.Builder
	b.WriteString("body common control { bundlesequence => { \"main\" }; }\n")
	b.WriteString("body perms p { mode => \"0644\"; owners => { \"root\" }; }\nbundle agent main\n{\nfiles:\n")
	for i := range n {
		fmt.Fprintf(&b, "  \"%s/%s\" create => \"true\", perms => p, content => \"%s\";\n", dir, Name(i), Content(i))
	}
	b.WriteString("}\n")
	return b.String()
}
