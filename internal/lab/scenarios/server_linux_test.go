package scenarios

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/internal/lab/serving"
)

const (
	servePlan  = "/root/serve/plan.hcl"
	modelPath  = "/opt/agent0/models/agent0-tiny.gguf"
	serverPort = "127.0.0.1:8000"
)

// serves is a plan with a server of agent0-tiny, and what else the block says.
func serves(more string) string {
	return `plan {
  name = "serve"
}

model "tiny" {
  path       = "` + modelPath + `"
  sources    = ["file:///media/usb/agent0-tiny.gguf"]
  unverified = true
}

server "agent0" {
  model   = model.tiny.path
  threads = 1
` + more + `}
`
}

// servingHost is a machine with the engine and a stick that has agent0-tiny.
func servingHost(t *testing.T) *host {
	t.Helper()
	dir := t.TempDir()
	if _, err := serving.Build(dir); errors.Is(err, serving.ErrCannotBuild) {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	h := booted(t)
	h.installEngine(dir)
	tiny, err := serving.Tiny()
	if err != nil {
		t.Fatal(err)
	}
	h.copyIn(tiny, "/media/usb/agent0-tiny.gguf", 0o644)
	return h
}

func (h *host) installEngine(dir string) {
	h.t.Helper()
	builds, err := filepath.Glob(filepath.Join(dir, "agent0-engine-*"))
	if err != nil || len(builds) == 0 {
		h.t.Fatalf("no engine in %s: %v", dir, err)
	}
	for _, b := range builds {
		h.copyIn(b, "/usr/lib/agent0/"+filepath.Base(b), 0o755)
	}
}

func (h *host) copyIn(from, to string, mode os.FileMode) {
	h.t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		h.t.Fatal(err)
	}
	h.put(to, string(b), mode)
}

// health is what /health says.
func (h *host) health() (out serving.Health) {
	h.t.Helper()
	body := h.run(probe, "get", "http://"+serverPort+"/health")
	if err := json.Unmarshal([]byte(body), &out); err != nil {
		h.t.Fatalf("/health: %v: %s", err, body)
	}
	return out
}

const question = `{"prompt":"<|im_start|>user\nWhat is a violin?<|im_end|>\n<|im_start|>assistant\n","temperature":0,"max_tokens":40}`

// asks has a text completed, and returns it.
func (h *host) asks() string {
	h.t.Helper()
	body := h.run(probe, "post", "http://"+serverPort+"/v1/completions", question)
	var out struct{ Choices []struct{ Text string } }
	if err := json.Unmarshal([]byte(body), &out); err != nil || len(out.Choices) != 1 || out.Choices[0].Text == "" {
		h.t.Fatalf("no text: %v: %s", err, body)
	}
	return out.Choices[0].Text
}

// TestServer is the life of a server: an apply waits for a token, what is killed or hangs is replaced while the port stays
// open, and another setting is taken up without a restart.
func TestServer(t *testing.T) {
	h := servingHost(t)
	before := h.picture()
	h.put(servePlan, serves(""), 0o644)
	h.run(agent, "apply", "--auto-approve", servePlan)
	if got := h.property("agent0.service", "ActiveState"); got != "active" {
		t.Errorf("after the apply the front is %s", got)
	}
	text := h.asks()
	t.Logf("it says: %s", text)
	h.unchanged(servePlan)

	t.Run("units are confined and work", h.rated)
	t.Run("systemctl start returns when a token was generated", func(t *testing.T) {
		h.run("systemctl", "restart", "agent0.service")
		if got := h.health(); !got.Ready {
			t.Errorf("health: %+v", got)
		}
	})
	t.Run("a connection starts the service", func(t *testing.T) {
		h.run("systemctl", "stop", "agent0.service")
		if got := h.asks(); got != text {
			t.Errorf("it says %q", got)
		}
		h.until("the service runs", func() bool { return h.property("agent0.service", "ActiveState") == "active" })
	})
	t.Run("a killed engine is replaced", func(t *testing.T) {
		pid := h.health().Engine.PID
		h.run("kill", "-KILL", strconv.Itoa(pid))
		if got := h.asks(); got != text {
			t.Errorf("it says %q", got)
		}
		if got := h.health().Engine.PID; got == pid {
			t.Errorf("the engine is still %d", got)
		}
	})
	t.Run("an engine that hangs is replaced", func(t *testing.T) {
		front, pid := h.property("agent0.service", "MainPID"), h.health().Engine.PID
		h.run("kill", "-STOP", strconv.Itoa(pid))
		if got := h.asks(); got != text {
			t.Errorf("it says %q", got)
		}
		if got := h.health().Engine.PID; got == pid {
			t.Errorf("the engine is still %d", got)
		}
		if got := h.property("agent0.service", "MainPID"); got != front {
			t.Errorf("the front was %s and is %s", front, got)
		}
	})
	t.Run("another setting costs no restart", func(t *testing.T) {
		front := h.property("agent0.service", "MainPID")
		h.put(servePlan, serves("  context = 512\n"), 0o644)
		h.run(agent, "apply", "--auto-approve", servePlan)
		h.until("the engine has the setting", func() bool {
			return strings.Contains(h.run(probe, "get", "http://"+serverPort+"/health"), `"context":512`)
		})
		if got := h.property("agent0.service", "MainPID"); got != front {
			t.Errorf("the front was %s and is %s", front, got)
		}
		h.unchanged(servePlan)
	})
	t.Run("a connection made during a restart is answered", func(t *testing.T) {
		h.run("systemctl", "restart", "--no-block", "agent0.service")
		if got := h.asks(); got != text {
			t.Errorf("it says %q", got)
		}
	})
	t.Run("another file at the model's path is taken up by a reload", func(t *testing.T) {
		h.until("it is ready", func() bool { return h.health().Ready })
		front, pid := h.property("agent0.service", "MainPID"), h.health().Engine.PID
		h.run("touch", modelPath)
		h.run("systemctl", "reload", "agent0.service")
		h.until("another engine has it", func() bool { now := h.health(); return now.Ready && now.Engine.PID != pid })
		if got := h.property("agent0.service", "MainPID"); got != front {
			t.Errorf("the front was %s and is %s", front, got)
		}
		if got := h.asks(); got != text {
			t.Errorf("it says %q", got)
		}
		h.until("one engine is left", func() bool {
			a, b := h.property("agent0-engine-a.service", "ActiveState"), h.property("agent0-engine-b.service", "ActiveState")
			return (a == "active") != (b == "active")
		})
	})
	t.Run("undo takes it back", func(t *testing.T) {
		h.run(agent, "undo", "--to", "1")
		h.same("undo left the machine different", before, h.picture())
	})
}

// worst is the exposure that systemd-analyze may find, of 10.
const worst = 1.5

// rated has systemd rate what runs.
func (h *host) rated(t *testing.T) {
	for _, name := range []string{"agent0.service", "agent0-engine-a.service"} { // what is first in use is a
		if got := h.property(name, "ActiveState"); got != "active" {
			t.Errorf("%s is %s: what does not run is confined easily", name, got)
		}
		out := h.run("systemd-analyze", "security", "--no-pager", name)
		_, said, ok := strings.Cut(out, "Overall exposure level for "+name+":")
		fields := strings.Fields(said)
		if !ok || len(fields) == 0 {
			t.Fatalf("no rating: %s", out)
		}
		rating, err := strconv.ParseFloat(fields[0], 64)
		if err != nil || rating > worst {
			t.Errorf("%s is exposed %s of 10 (%v), more than %v:\n%s", name, fields[0], err, worst, out)
		}
		t.Logf("%s: %s", name, fields[0])
	}
}

// TestServerWithoutModel: the port is open and says why nothing is computed, the service is not ready, and is when the model
// comes.
func TestServerWithoutModel(t *testing.T) {
	h := servingHost(t)
	h.put(servePlan, serves(""), 0o644)
	h.run(agent, "apply", "--auto-approve", servePlan)
	h.run("systemctl", "stop", "agent0.service", "agent0-engine-a.service", "agent0-engine-b.service")
	h.run("mv", modelPath, modelPath+".away")
	h.run("systemctl", "start", "--no-block", "agent0.service")
	h.until("the reason is told", func() bool {
		_, out, err := h.Run(t.Context(), []string{probe, "get", "http://" + serverPort + "/health"})
		return err == nil && strings.Contains(string(out), "503") && strings.Contains(string(out), modelPath+" is missing")
	})
	if got := h.property("agent0.service", "ActiveState"); got != "activating" {
		t.Errorf("without a model the service is %s", got)
	}
	if got := h.property("agent0.service", "StatusText"); !strings.Contains(got, "missing") {
		t.Errorf("it says of itself %q", got)
	}
	out := h.exits(2, agent, "plan", "--detailed-exitcode", servePlan)
	has(t, out, "server.agent0/ready.front", "is being started and says of itself: not ready: the model "+modelPath+" is missing")
	h.run("mv", modelPath+".away", modelPath)
	h.until("it is ready", func() bool { return h.property("agent0.service", "ActiveState") == "active" })
	h.asks()
}
