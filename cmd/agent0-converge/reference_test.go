package main

import (
	"bytes"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// rendered are the pages of all commands by their names below docs/reference.
func rendered(t *testing.T) map[string]string {
	t.Helper()
	a := &app{stdin: strings.NewReader(""), stdout: &output{w: io.Discard}, stderr: io.Discard}
	root := a.root()
	root.DisableAutoGenTag = true
	out := map[string]string{}
	put := func(name string, write func(io.Writer) error) {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		out[name] = strings.TrimRight(b.String(), "\n") + "\n"
	}
	// Pages do not change with the day on which they are rendered.
	date := time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		name := strings.ReplaceAll(c.CommandPath(), " ", "-")
		header := &doc.GenManHeader{Section: "1", Date: &date, Source: "agent0-converge", Manual: "agent0-converge"}
		put("man/"+name+".1", func(w io.Writer) error { return doc.GenMan(c, header, w) })
		put("commands/"+name+".md", func(w io.Writer) error {
			return doc.GenMarkdownCustom(c, w, func(link string) string { return strings.ReplaceAll(link, "_", "-") })
		})
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() && sub.Name() != "help" {
				visit(sub)
			}
		}
	}
	visit(root)
	return out
}

const referenceDir = "../../docs/reference"

// written are the pages of commands that are there.
func written(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, pattern := range []string{"man/*.1", "commands/*.md"} {
		names, err := fs.Glob(os.DirFS(referenceDir), pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			b, err := os.ReadFile(filepath.Join(referenceDir, name))
			if err != nil {
				t.Fatal(err)
			}
			out[name] = strings.ReplaceAll(string(b), "\r\n", "\n")
		}
	}
	return out
}

// TestReference holds that the pages of commands, for people and for man, say what --help says. With
// AGENT0_UPDATE=1 it writes them.
func TestReference(t *testing.T) {
	want, have := rendered(t), written(t)
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if have[name] == want[name] {
			continue
		}
		if os.Getenv("AGENT0_UPDATE") == "" {
			t.Errorf("docs/reference/%s is not up to date: run make generate", name)
			continue
		}
		file := filepath.Join(referenceDir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(want[name]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name := range have {
		if _, ok := want[name]; ok {
			continue
		}
		if os.Getenv("AGENT0_UPDATE") == "" {
			t.Errorf("docs/reference/%s is of no command: remove it", name)
		} else if err := os.Remove(filepath.Join(referenceDir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestManPages holds that what is rendered is manual pages, to those who read them strictly.
func TestManPages(t *testing.T) {
	mandoc, err := exec.LookPath("mandoc")
	if err != nil {
		t.Skip("mandoc is missing: install the package mandoc")
	}
	pages, err := filepath.Glob(filepath.Join(referenceDir, "man", "*.[15]"))
	if err != nil || len(pages) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	for _, page := range pages {
		if out, err := exec.CommandContext(t.Context(), mandoc, "-T", "lint", "-W", "error", page).CombinedOutput(); err != nil {
			t.Errorf("%v:\n%s", err, out)
		}
		text, err := exec.CommandContext(t.Context(), mandoc, "-T", "utf8", page).Output()
		if err != nil {
			t.Error(err)
		}
		for _, section := range []string{"NAME", "DESCRIPTION"} {
			if !bytes.Contains(text, []byte(section)) && !bytes.Contains(text, []byte(section[:1]+"\b")) {
				t.Errorf("%s has no section %s:\n%s", page, section, text)
			}
		}
	}
}
