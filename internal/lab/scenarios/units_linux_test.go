package scenarios

import (
	"strings"
	"testing"
)

// one is a plan of one unit that is to run, with more lines in its block.
func one(service, more string) string {
	return `unit "x" {
  service = ` + service + `
  state   = "running"
` + more + `
}
`
}

// TestUnitsThatDoNotStart: what is wrong is said with the unit's state and what it wrote last, the
// run fails, and a plan that is put right converges.
func TestUnitsThatDoNotStart(t *testing.T) {
	h := booted(t)
	h.put("/usr/local/bin/fails", "#!/bin/sh\necho the disk is on fire\nexit 3\n", 0o755)
	for _, tt := range []struct {
		name, plan string
		says       []string
	}{
		{"it fails", one(`{ ExecStart = "/usr/local/bin/fails", Type = "exec" }`, ""),
			[]string{"unit.x", "x.service", "failed", "the disk is on fire", "3"}},
		{"it never becomes ready", one(`{ ExecStart = "/bin/sleep infinity", Type = "notify" }`, `  timeout = "3s"`),
			[]string{"unit.x", "ready", "activating"}},
		{"it gives up by itself", one(`{ ExecStart = "/bin/sleep infinity", Type = "notify", TimeoutStartSec = 1 }`, ""),
			[]string{"unit.x", "timeout"}},
		{"it is started too often", `unit "x" {
  unit    = { StartLimitBurst = 2, StartLimitIntervalSec = 600 }
  service = { ExecStart = "/usr/local/bin/fails", Restart = "on-failure", RestartSec = "10ms" }
  state   = "running"
}
`, []string{"unit.x", "the disk is on fire"}},
		{"there is no such program", one(`{ ExecStart = "/usr/local/bin/none" }`, ""), []string{"unit.x", "x.service"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h.put("/root/x.hcl", tt.plan, 0o644)
			out := h.exits(1, agent, "apply", "--auto-approve", "/root/x.hcl")
			has(t, out, tt.says...)
			h.exits(2, agent, "plan", "--detailed-exitcode", "/root/x.hcl")
			h.put("/root/x.hcl", one(`{ ExecStart = "/bin/sleep infinity" }`, ""), 0o644)
			h.run(agent, "apply", "--auto-approve", "/root/x.hcl")
			if got := h.property("x.service", "ActiveState"); got != "active" {
				t.Errorf("put right, it is %s", got)
			}
			h.unchanged("/root/x.hcl")
			h.put("/root/x.hcl", "plan {\n  name = \"x\"\n}\n", 0o644)
			h.run(agent, "apply", "--auto-approve", "--allow-prune", "/root/x.hcl")
			if got := h.property("x.service", "LoadState"); got != "not-found" {
				t.Errorf("pruned, it is %s", got)
			}
		})
	}
}

// TestOwnUnit: a run that is a part of a unit does not restart that unit, and is not asked to for ever.
func TestOwnUnit(t *testing.T) {
	h := booted(t)
	own := func(nice, word string) string {
		return `unit "self" {
  service = {
    Type      = "oneshot"
    ExecStart = "` + agent + ` apply --auto-approve /root/self.hcl"
    Nice      = ` + nice + `

    EnvironmentFile = env_file.own.path
  }
}

env_file "own" {
  path   = "/etc/own.env"
  values = { WORD = "` + word + `" }
  public = ["WORD"]
}
`
	}
	const notice = "this run is a part of self.service, which is not restarted: "
	h.put("/root/self.hcl", own("1", "a"), 0o644)
	if out := h.run(agent, "apply", "--auto-approve", "/root/self.hcl"); strings.Contains(out, notice) {
		t.Errorf("a run by hand says:\n%s", out)
	}
	for _, step := range []struct{ nice, word, says string }{
		{"2", "b", notice + "what changes takes effect when it next starts"},
		{"2", "c", notice + "the change of env_file.own takes effect when it next starts"},
	} {
		h.put("/root/self.hcl", own(step.nice, step.word), 0o644)
		h.run("systemctl", "start", "self.service")
		if got, env := h.property("self.service", "Result"), h.get("/etc/own.env"); got != "success" || !strings.Contains(env, step.word) {
			t.Errorf("the run ended as %s with %s", got, env)
		}
		if got := h.property("self.service", "Nice"); got != step.nice {
			t.Errorf("systemd has Nice=%s", got)
		}
		h.run("journalctl", "--sync")
		has(t, h.run("journalctl", "--no-pager", "-o", "cat", "-u", "self.service"), step.says)
		h.unchanged("/root/self.hcl")
	}
}

// TestStop: what is wanted stopped is, with the socket that would start it again.
func TestStop(t *testing.T) {
	h := booted(t)
	h.put("/etc/systemd/system/echo.service", "[Service]\nExecStart=/bin/sleep infinity\n", 0o644)
	h.put("/etc/systemd/system/echo.socket", "[Socket]\nListenStream=/run/echo.sock\n", 0o644)
	h.run("systemctl", "daemon-reload")
	h.run("systemctl", "start", "echo.socket", "echo.service")
	h.put("/root/stop.hcl", `unit "service" {
  name  = "echo.service"
  state = "stopped"
}

unit "socket" {
  name  = "echo.socket"
  state = "stopped"
}
`, 0o644)
	out := h.run(agent, "apply", "--auto-approve", "/root/stop.hcl")
	if socket, service := strings.Index(out, "unit.socket"), strings.Index(out, "unit.service"); socket < 0 || service < socket {
		t.Errorf("the socket does not come first:\n%s", out)
	}
	for _, name := range []string{"echo.service", "echo.socket"} {
		if got := h.property(name, "ActiveState"); got != "inactive" {
			t.Errorf("%s is %s", name, got)
		}
	}
	h.run(agent, "undo")
	for _, name := range []string{"echo.service", "echo.socket"} {
		if got := h.property(name, "ActiveState"); got != "active" {
			t.Errorf("after undo, %s is %s", name, got)
		}
	}
}
