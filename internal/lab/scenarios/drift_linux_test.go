package scenarios

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestDriftTimer: the timer repairs what a hand changed, says so, and applies nothing but what was
// applied last, whatever is being written in the plan's folder.
func TestDriftTimer(t *testing.T) {
	h := booted(t)
	const plan = `plan {
  name = "laptop"
}

file "motd" {
  path    = "/etc/motd"
  content = "as it is meant\n"
}

drift "laptop" {
  every = "1min"
}
`
	h.put("/root/plan/plan.hcl", plan, 0o644)
	h.run(agent, "apply", "--auto-approve", "/root/plan")

	h.put("/run/systemd/system/agent0-converge-drift.timer.d/sooner.conf",
		"[Timer]\nOnBootSec=\nOnUnitActiveSec=\nOnUnitInactiveSec=\nOnActiveSec=1s\nOnUnitActiveSec=2s\nRandomizedDelaySec=0\nAccuracySec=1ms\n", 0o644)
	h.run("systemctl", "daemon-reload")
	h.run("systemctl", "restart", "agent0-converge-drift.timer")

	// Somebody edits the plan: half of it says something new, the rest is no plan at all.
	h.put("/root/plan/plan.hcl", strings.Replace(plan, "as it is meant", "pending", 1)+"\nfile \"half", 0o644)
	h.put("/etc/motd", "changed by hand\n", 0o644)
	h.until("the timer has repaired it", func() bool { return h.get("/etc/motd") == "as it is meant\n" })
	h.until("the status tells", func() bool {
		rc, out, err := h.Run(t.Context(), []string{agent, "status", "--json"})
		return err == nil && rc == 0 && corrected(t, out)
	})
	has(t, h.run(agent, "history"), "apply")
	if got := h.property("agent0-converge-drift.service", "Result"); got != "success" {
		t.Errorf("the service ended as %s", got)
	}
	for name, want := range map[string]string{"CPUWeight": "20", "IOSchedulingClass": "3", "MemoryMax": "268435456"} {
		if got := h.property("agent0-converge-drift.service", name); got != want {
			t.Errorf("%s of the service is %s, not %s", name, got, want)
		}
	}
	if h.get("/etc/motd") != "as it is meant\n" {
		t.Error("a plan that was being edited was applied")
	}
}

// corrected reports whether a status tells of the correction of the file.
func corrected(t *testing.T, out []byte) bool {
	t.Helper()
	var status struct {
		Plans []struct {
			Plan, Result string
			Corrected    struct{ Drift []struct{ Address string } }
		}
	}
	if err := json.Unmarshal(out, &status); err != nil {
		t.Fatalf("the status is no JSON: %v\n%s", err, out)
	}
	for _, p := range status.Plans {
		for _, d := range p.Corrected.Drift {
			if p.Plan == "laptop" && p.Result == "converged" && d.Address == "file.motd" {
				return true
			}
		}
	}
	return false
}
