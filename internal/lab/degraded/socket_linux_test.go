package degraded_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/internal/lab/serving"
	"github.com/agent0-converge/agent0-converge/runtime/level"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// An engine of its own, as systemd keeps it, tells the front too why it cannot be started, and ends as failed when that has changed:
// so it is started again.
func TestEngineMissingBehindASocket(t *testing.T) {
	name := level.Prefix + string(level.Supported()[0])
	dir := t.TempDir()
	socket := filepath.Join(dir, "engine.sock")
	config := filepath.Join(dir, "engine.json")
	p := programs
	p.Engines = filepath.Join(dir, "engines")
	s := start(t, p, func(c *spec.Runtime) { c.Sockets = []string{socket} })
	b, err := json.Marshal(s.Config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, b, 0o600); err != nil {
		t.Fatal(err)
	}
	engine := func() *exec.Cmd {
		cmd := exec.Command(programs.Agent, "engine", "--config", config, "--socket", socket)
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	first := engine()
	s.Await(t, "told why", func(h serving.Health) bool { return strings.Contains(h.Reason, "install "+name) })
	copied(t, filepath.Join(programs.Engines, name), p.Engines, name)
	if err := first.Wait(); err == nil {
		t.Error("systemd would not start it again: it ended with status 0")
	}
	second := engine()
	defer func() { second.Process.Kill(); second.Wait() }()
	s.AwaitReady(t)
}
