package chaos_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/internal/lab/serving"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// What cannot serve says why, and does not end with status 0.
func TestCannotServe(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	nothing := filepath.Join(t.TempDir(), "nothing")
	empty := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(empty, []byte("# none yet\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, command, says string
		change              func(*spec.Runtime)
	}{
		{"no listening at a taken address", "serve", "address already in use", func(r *spec.Runtime) { r.Server.Listen = taken.Addr().String() }},
		{"no address", "serve", "no.such.host", func(r *spec.Runtime) { r.Server.Listen = "no.such.host.invalid:1" }},
		{"no keys file", "serve", "cannot read the API keys", func(r *spec.Runtime) { r.Server.KeysFile = nothing }},
		{"a folder for keys", "serve", "cannot read the API keys", func(r *spec.Runtime) { r.Server.KeysFile = filepath.Dir(nothing) }},
		{"keys file without keys", "serve", "write one a line", func(r *spec.Runtime) { r.Server.KeysFile = empty }},
		{"no name of the model", "serve", "needs a name for its model", func(r *spec.Runtime) { r.Server.Model = "" }},
		{"no time to hang", "serve", "hang is 0s", func(r *spec.Runtime) { r.Hang = 0 }},
		{"no model", "serve", "model: there is none", func(r *spec.Runtime) { r.Engine.Model = nil }},
		{"socket that is no path", "serve", "absolute path", func(r *spec.Runtime) { r.Sockets = []string{"engine.sock"} }},
		{"engine of no model", "engine", "model: there is none", func(r *spec.Runtime) { r.Engine.Model = nil }},
		{"engine at no place", "engine", "there is no socket", func(*spec.Runtime) {}},
		{"engine at a socket in no folder", "engine --socket " + nothing + "/engine.sock", "cannot listen", func(*spec.Runtime) {}},
		{"engine of no front", "engine --fd 99", "descriptor 99", func(*spec.Runtime) {}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := spec.DefaultRuntime()
			r.Engines, r.Server.Listen, r.Engine.Model = programs.Engines, "127.0.0.1:0", []string{nothing}
			c.change(&r)
			b, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			refusesToRun(t, c.command, b, c.says)
		})
	}
	t.Run("configuration that is not JSON", func(t *testing.T) { refusesToRun(t, "serve", []byte("{"), "cannot read the configuration") })
	t.Run("configuration of another program", func(t *testing.T) { refusesToRun(t, "serve", []byte(`{"port": 8000}`), `unknown field "port"`) })
	t.Run("no configuration", func(t *testing.T) { refusesToRun(t, "serve", nil, "no such file") })
}

// refusesToRun runs a command with a configuration, nil for none, which has to end with another status than 0 and say something.
func refusesToRun(t *testing.T, command string, config []byte, says string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "server.json")
	if config != nil {
		if err := os.WriteFile(file, config, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithTimeout(t.Context(), serving.Patience)
	defer stop()
	cmd := exec.CommandContext(ctx, programs.Agent, append(strings.Fields(command), "--config", file)...)
	out, err := cmd.CombinedOutput()
	if err == nil || ctx.Err() != nil || !cmd.ProcessState.Exited() {
		t.Errorf("it ended with %v:\n%s", cmd.ProcessState, tail(string(out), 10))
	}
	if !strings.Contains(string(out), says) {
		t.Errorf("it does not say %q:\n%s", says, tail(string(out), 10))
	}
}

// Where there is no engine that can be run the server is there all the same, and says so to each who asks. It serves when the engine
// is installed.
func TestEngineMissing(t *testing.T) {
	p := programs
	p.Engines = t.TempDir()
	s, err := serving.Start(p, t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c := gather(t, s)
	h := s.Await(t, "out of order", func(h serving.Health) bool { return strings.Contains(h.Reason, "no engine in") })
	if h.Code != http.StatusServiceUnavailable || h.Status != "unavailable" {
		t.Errorf("health: %+v", h)
	}
	for range 20 {
		got := c.known[0].do(t.Context(), c.client, s.URL, nil)
		if _, properly := got.refused(); !properly || got.status != http.StatusServiceUnavailable || !strings.Contains(got.said, "no engine in") {
			t.Errorf("without an engine: %v", &got)
		}
	}
	all, err := filepath.Glob(filepath.Join(programs.Engines, "agent0-engine-*"))
	if err != nil || len(all) != 1 {
		t.Fatalf("engines: %v, %v", all, err)
	}
	b, err := os.ReadFile(all[0])
	if err != nil {
		t.Fatal(err)
	}
	part := filepath.Join(p.Engines, "part") // as a package manager does: under another name first
	if err := os.WriteFile(part, b, 0o755); err != nil {
		t.Fatal(err)
	}
	rename(t, part, filepath.Join(p.Engines, filepath.Base(all[0])))
	s.Await(t, "ready", func(h serving.Health) bool { return h.Ready })
	if err := c.healthy(); err != nil {
		t.Error(err)
	}
}
