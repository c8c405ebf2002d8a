// Package examples proves that the plans in examples and in the documentation are plans.
package examples

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/journal"
	"github.com/agent0-converge/agent0-converge/plans"
	"github.com/agent0-converge/agent0-converge/resources/all"
)

// laptop is the machine that the examples are for.
var laptop = host.Facts{
	OS: "linux", Arch: "amd64", Kernel: "6.1.0", Hostname: "falcon", Init: "systemd", Virtualization: "none",
	Distro: host.Distro{ID: "debian", Version: "12", Name: "Debian GNU/Linux 12"}, SELinux: "disabled",
	Firewall: "nftables", CPUs: 8, Memory: 16 << 30,
}

func kindNamed(name string) (*engine.Kind, bool) {
	for _, k := range all.Kinds() {
		if k.Name() == name {
			return k, true
		}
	}
	return nil, false
}

func load(path string) (*plans.Plan, hcl.Diagnostics) {
	plan, diags := plans.Load(plans.Input{Path: path, Facts: laptop, Kinds: all.Kinds(), AllowMissingSecrets: true})
	if !diags.HasErrors() {
		diags = append(diags, plans.Diagnostics(engine.Check(plan.Resources))...)
	}
	return plan, diags
}

// stock is the least that a root of a system has.
func stock(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range map[string]string{
		"etc/passwd": "root:x:0:0:root:/root:/bin/sh\n", "etc/group": "root:x:0:\nvideo:x:44:\n",
		"usr/local/bin/agent0-converge": "#!/bin/sh\n", "usr/lib/agent0/agent0-engine-x86-64-v2": "#!/bin/sh\n",
		"usr/lib/systemd/systemd": "#!/bin/sh\n", "usr/sbin/nft": "#!/bin/sh\n",
	} {
		full := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// plan compares what is declared with a root that has little.
func plan(t *testing.T, p *plans.Plan) *engine.Plan {
	t.Helper()
	h, err := host.Open(host.Options{Root: stock(t), Facts: &laptop})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	j, err := journal.Open(h.Files.Tree, kindNamed)
	if err != nil {
		t.Fatal(err)
	}
	out, err := engine.Planner{View: h.View(), Ledger: j, Kinds: kindNamed, Name: p.Name}.Plan(t.Context(), p.Resources)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestEveryExamplePlans(t *testing.T) {
	dirs, err := filepath.Glob("*/plan.hcl")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, name := range dirs {
		t.Run(filepath.Dir(name), func(t *testing.T) {
			p, diags := load(filepath.Dir(name))
			if len(diags) > 0 {
				t.Fatal(diags)
			}
			changes := plan(t, p).Changes
			if len(changes) == 0 {
				t.Error("it changes nothing")
			}
			for _, c := range changes {
				if c.Action == engine.Broken && os.Getuid() <= 0 { // only root gives files away
					t.Errorf("%s: %v", c.Addr, c.Err)
				}
			}
			src, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if out, _ := plans.Format(src, name); string(out) != string(src) {
				t.Error("it is not in the canonical layout: run fmt")
			}
		})
	}
}

// block is a plan in a page.
type block struct {
	page string
	line int
	text string
}

// file is the name of a module's file or of a lock file, which the first line says, or "" for a plan.
func (b block) file() string {
	first, _, _ := strings.Cut(b.text, "\n")
	if name, ok := strings.CutPrefix(first, "# "); ok && filepath.Ext(name) == ".hcl" && (strings.Contains(name, "/") || strings.HasSuffix(name, ".lock.hcl")) {
		return name
	}
	return ""
}

// write puts a block, and the modules and lock files of its page, into a new folder.
func write(t *testing.T, b block, all []block) (file string) {
	t.Helper()
	dir := t.TempDir()
	put := func(name, text string) string {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return name
	}
	for _, m := range all {
		if m.page == b.page && m.file() != "" {
			put(m.file(), m.text)
		}
	}
	return put("plan.hcl", b.text)
}

// blocks lists what stands between "```hcl" and "```" in a page.
func blocks(page, text string) (out []block) {
	var at *block
	for i, line := range strings.SplitAfter(text, "\n") {
		trimmed := strings.TrimSpace(line)
		switch {
		case at == nil && trimmed == "```hcl":
			at = &block{page: page, line: i + 2}
		case at != nil && trimmed == "```":
			out, at = append(out, *at), nil
		case at != nil:
			at.text += line
		}
	}
	if at != nil {
		out = append(out, *at)
	}
	return out
}

func documented(t *testing.T) (out []block) {
	t.Helper()
	pages := []string{"../README.md"}
	err := filepath.WalkDir("../docs", func(name string, _ fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(name) == ".md" {
			pages = append(pages, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		b, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, blocks(page, string(b))...)
	}
	return out
}

func TestEveryDocumentedPlanPlans(t *testing.T) {
	bs := documented(t)
	if len(bs) == 0 {
		t.Fatal("the documentation shows no plan")
	}
	for _, b := range bs {
		if b.file() != "" {
			continue // it is tested where it is used
		}
		t.Run(fmt.Sprintf("%s:%d", filepath.Base(b.page), b.line), func(t *testing.T) {
			p, diags := load(write(t, b, bs))
			for _, d := range diags {
				line := b.line
				if d.Subject != nil {
					line += d.Subject.Start.Line - 1
				}
				t.Errorf("%s:%d: %s: %s", b.page, line, d.Summary, d.Detail)
			}
			if !t.Failed() {
				plan(t, p)
			}
		})
	}
}

func TestBlocksAreFound(t *testing.T) {
	got := blocks("p", "a\n```hcl\nx = 1\n```\n```sh\nls\n```\n- b\n  ```hcl\n  y\n  ```\n")
	want := []block{{"p", 3, "x = 1\n"}, {"p", 10, "  y\n"}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, not %v", got, want)
	}
}
