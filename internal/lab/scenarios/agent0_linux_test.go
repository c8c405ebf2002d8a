package scenarios

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

const plan = "/root/agent0"

// args are the plan with a service that the machine has.
var args = []string{"--var", "command=" + probe + " serve " + probeAddress, plan}

const (
	probeAddress = "127.0.0.1:8001"
	apiKey       = "a-key-of-sixteen"
)

func with(words ...string) []string { return append(append([]string{agent}, words...), args...) }

// agent0 is a machine that the example was applied to, with a probe beside its server. before is what it was like.
func agent0(t *testing.T) (h *host, before string) {
	t.Helper()
	h = servingHost(t)
	for _, tree := range []string{"../../../examples/agent0", "testdata/agent0"} {
		if err := h.PutTree(tree, plan); err != nil {
			t.Fatal(err)
		}
	}
	h.put(plan+"/key.auto.vars.hcl", "api_key = \""+apiKey+"\"\n", 0o600)
	h.put(plan+"/.env", "AGENT0_COLOUR=blue\n", 0o600)
	before = h.picture()
	out := h.run(with("apply", "--auto-approve")...)
	has(t, out, "user.agent0", "server.agent0/ready.front", "unit.probe", "drift.agent0/unit.")
	return h, before
}

func (h *host) colour() string {
	h.t.Helper()
	return h.run(probe, "get", "http://"+probeAddress+"/env/AGENT0_COLOUR")
}

// TestAgent0 is the life of a machine that the example describes: it is made, left alone, changed,
// rebooted, meddled with, repaired and taken back.
func TestAgent0(t *testing.T) {
	h, before := agent0(t)
	if got := h.colour(); got != "blue" {
		t.Errorf("the server runs with %q", got)
	}
	h.unchanged(args...)

	t.Run("it serves who has the key", func(t *testing.T) {
		has(t, h.run(probe, "post", "http://"+serverPort+"/v1/completions", question), "401")
		has(t, h.run("env", "PROBE_KEY="+apiKey, probe, "post", "http://"+serverPort+"/v1/completions", question), "violin")
	})
	t.Run("a changed variable restarts its units alone", func(t *testing.T) {
		starts := h.starts()
		h.put(plan+"/.env", "AGENT0_COLOUR=red\n", 0o600)
		h.run(with("apply", "--auto-approve")...)
		if got := h.restarted(starts); !slices.Equal(got, []string{"agent0-engine-a.service", "agent0.service", "probe.service"}) {
			t.Errorf("restarted are %v", got)
		}
		if got := h.colour(); got != "red" {
			t.Errorf("the server runs with %q", got)
		}
		h.unchanged(args...)
	})
	t.Run("a reboot needs no restart", func(t *testing.T) {
		if err := h.Reboot(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.until("a token was generated", func() bool { return h.property("agent0.service", "ActiveState") == "active" })
		if got := h.colour(); got != "red" {
			t.Errorf("the server runs with %q", got)
		}
		starts := h.starts()
		h.unchanged(args...)
		if got := h.restarted(starts); len(got) > 0 {
			t.Errorf("restarted are %v", got)
		}
	})
	t.Run("drift is named and repaired", h.meddles)
	t.Run("limits are enforced", h.enforces)
	t.Run("undo takes it back", func(t *testing.T) {
		out := h.run(agent, "undo", "--to", "1")
		has(t, out, "unit.probe", "server.agent0/unit.front")
		h.same("undo left the machine different", before, h.picture())
	})
}

// meddles changes by hand all that a hand would.
func (h *host) meddles(t *testing.T) {
	h.run("sed", "-i", "s/^MemoryMax=.*/MemoryMax=32M/", "/etc/systemd/system/probe.service")
	h.run("systemctl", "daemon-reload")
	h.run("systemctl", "disable", "probe.service")
	h.run("systemctl", "stop", "probe.service")
	h.run("systemctl", "stop", "agent0-converge-drift.timer")
	h.run("gpasswd", "-d", "agent0", "video")
	h.run("sh", "-c", "echo 7 > /proc/sys/net/core/somaxconn")
	out := h.exits(2, with("drift")...)
	has(t, out, "service.MemoryMax", "32M → 64M", "enabled", "state", "unit.probe", "gpu_group.agent0", "video",
		"sysctl.backlog", "7 → 4096", "drift: the host moved", "drift.agent0/unit.timer")
	h.run(with("apply", "--auto-approve")...)
	h.exits(0, with("drift")...)
	if got := h.property("probe.service", "MemoryMax"); got != strconv.Itoa(64<<20) {
		t.Errorf("systemd has a MemoryMax of %s", got)
	}
	if got := h.colour(); got != "red" {
		t.Errorf("the server runs with %q", got)
	}
	has(t, h.run("id", "-nG", "agent0"), "video")
	if got := strings.TrimSpace(h.get("/proc/sys/net/core/somaxconn")); got != "4096" {
		t.Errorf("net.core.somaxconn is %s", got)
	}
	if got := strings.TrimSpace(h.run("systemctl", "is-enabled", "probe.service")); got != "enabled" {
		t.Errorf("the unit is %s", got)
	}
}

// enforces has the server use more than it may.
func (h *host) enforces(t *testing.T) {
	h.run(probe, "get", "http://"+probeAddress+"/spin")
	if h.throttled(t) == 0 {
		t.Error("CPUQuota=20% throttled nothing in a second of CPU time")
	}
	first := h.property("probe.service", "InvocationID")
	rc, out, err := h.Run(t.Context(), []string{probe, "get", "http://" + probeAddress + "/eat"})
	if err != nil || rc == 0 {
		t.Fatalf("it ate without end: %d %v %s", rc, err, out)
	}
	h.until("the server was killed and started again", func() bool {
		now := h.property("probe.service", "InvocationID")
		return now != first && now != "" && h.property("probe.service", "ActiveState") == "active"
	})
	if got := h.colour(); got != "red" {
		t.Errorf("the server runs with %q", got)
	}
	h.unchanged(args...)
}

// throttled is how often the server had to wait for CPU time.
func (h *host) throttled(t *testing.T) int {
	group := h.property("probe.service", "ControlGroup")
	stat := h.run("sh", "-c", "cat /sys/fs/cgroup/cpu"+group+"/cpu.stat /sys/fs/cgroup"+group+"/cpu.stat 2>/dev/null | grep nr_throttled")
	for line := range strings.Lines(stat) {
		if n, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(line, "nr_throttled "))); err == nil {
			return n
		}
	}
	t.Fatalf("no count of throttling in %s: %s", group, stat)
	return 0
}
