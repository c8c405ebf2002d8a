package clients

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/internal/lab/serving"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// The lock names packages by what they contain, and no registry but the public one.
func TestLock(t *testing.T) {
	b, err := os.ReadFile("testdata/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range regexp.MustCompile(`"resolved": "([^"]*)"`).FindAllStringSubmatch(string(b), -1) {
		if !strings.HasPrefix(found[1], "https://registry.npmjs.org/") {
			t.Errorf("the lock names %s", found[1])
		}
	}
	packages, sums := strings.Count(string(b), `"node_modules/`), strings.Count(string(b), `"integrity": "sha512-`)
	if packages < 10 || packages != sums {
		t.Errorf("%d packages, %d of them with a sum", packages, sums)
	}
}

// JavaScript clients, as they come, are answered as they expect.
func TestJavaScript(t *testing.T) {
	s := real(t)
	ctx, stop := context.WithTimeout(t.Context(), 2*limit)
	defer stop()
	modules, err := Install(ctx)
	if errors.Is(err, ErrNoNPM) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	p, err := built()
	if err != nil {
		t.Fatal(err)
	}
	none, err := serve(p, func(c *spec.Runtime) { c.Engine.Model = []string{"/no/such/model.gguf"} })
	if err != nil {
		t.Fatal(err)
	}
	defer none.Close()
	if _, err := none.Until(ctx, func(h serving.Health) bool { return strings.Contains(h.Reason, "missing") }); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(modules.Dir, "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	root, err := serving.Root()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"common.mjs", "openai.mjs", "aisdk.mjs"} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
		if name == "common.mjs" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(ctx, modules.Node, "--test-reporter=tap", name)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "AGENT0_URL="+s.URL, "AGENT0_NONE="+none.URL, "AGENT0_KEY="+key, "AGENT0_TABLE="+filepath.Join(root, "docs/reference/openai.md"))
			out, err := cmd.CombinedOutput()
			tests := strings.Count(string(b), "\ntest('")
			if err != nil || strings.Count(string(out), "\nok ") != tests || tests == 0 {
				t.Errorf("%v: %d of %d tests\n%s", err, strings.Count(string(out), "\nok "), tests, out)
			}
		})
	}
}
