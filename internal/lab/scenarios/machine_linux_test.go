package scenarios

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/agent0-converge/agent0-converge/internal/lab/machine"
)

const (
	agent = machine.AgentPath
	probe = "/usr/local/bin/probe"
)

// host is a machine with the agent and the probe.
type host struct {
	*machine.Machine
	t *testing.T
}

func booted(t *testing.T) *host {
	t.Helper()
	h := &host{machine.Booted(t, machine.Options{InMemory: true}), t}
	if err := h.InstallAgent(); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "probe")
	cmd := exec.Command("go", "build", "-o", program, "./probe")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cannot build the probe: %v\n%s", err, out)
	}
	b, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	h.put(probe, string(b), 0o755)
	return h
}

func (h *host) put(name, content string, mode os.FileMode) {
	h.t.Helper()
	if err := h.Put(name, []byte(content), mode); err != nil {
		h.t.Fatal(err)
	}
}

func (h *host) get(name string) string {
	h.t.Helper()
	b, err := h.Get(name)
	if err != nil {
		h.t.Fatal(err)
	}
	return string(b)
}

// run runs a program that is to succeed.
func (h *host) run(argv ...string) string {
	h.t.Helper()
	return h.MustRun(h.t, argv...)
}

// exits runs a program that is to end with status rc.
func (h *host) exits(rc int, argv ...string) string {
	h.t.Helper()
	got, out, err := h.Run(h.t.Context(), argv)
	if err != nil || got != rc {
		h.t.Fatalf("%q: exit status %d, not %d, %v\n%s", argv, got, rc, err, out)
	}
	return string(out)
}

// outcome is what --json says of a run or a plan.
type outcome struct {
	Run       int
	Resources []struct {
		Address, Action, Status, Error string
		Fields                         []struct{ Name, Have, Want, Cause string }
	}
	Changes []struct {
		Address, Action, Error string
		Fields                 []struct{ Name, Have, Want, Cause string }
	}
	Summary map[string]int
}

func (h *host) json(rc int, argv ...string) outcome {
	h.t.Helper()
	out := h.exits(rc, argv...)
	var o outcome
	if err := json.Unmarshal([]byte(out), &o); err != nil {
		h.t.Fatalf("%q: %v\n%s", argv, err, out)
	}
	return o
}

// unchanged fails the test unless the plan finds all as wanted, and an apply of it does nothing.
func (h *host) unchanged(plan ...string) {
	h.t.Helper()
	h.exits(0, append([]string{agent, "plan", "--detailed-exitcode"}, plan...)...)
	if o := h.json(0, append([]string{agent, "apply", "--json"}, plan...)...); o.Run != 0 {
		h.t.Errorf("an apply with nothing to do recorded run %d: %+v", o.Run, o)
	}
}

// property is one property of a unit, in systemd's words.
func (h *host) property(unit, name string) string {
	h.t.Helper()
	return strings.TrimSpace(h.run("systemctl", "show", "--value", "--property", name, unit))
}

// starts are the present starts of all units of the machine that run, by name.
func (h *host) starts() map[string]string {
	h.t.Helper()
	out := h.run("systemctl", "show", "--property", "Id,InvocationID,ActiveState", "*.service", "*.socket", "*.timer")
	starts := map[string]string{}
	for block := range strings.SplitSeq(out, "\n\n") {
		p := map[string]string{}
		for line := range strings.Lines(block) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			p[key] = value
		}
		if p["ActiveState"] == "active" {
			starts[p["Id"]] = p["InvocationID"]
		}
	}
	return starts
}

// restarted lists the units that run and did not, or not this start of them, before.
func (h *host) restarted(before map[string]string) []string {
	h.t.Helper()
	var out []string
	now := h.starts()
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if before[name] != now[name] {
			out = append(out, name)
		}
	}
	return out
}

// picture is all that a machine is: its tree, and what systemd says of its units.
func (h *host) picture() string {
	h.t.Helper()
	tree := h.run(probe, "tree", "/var/lib/agent0-converge", "/var/lib/systemd", "/var/log", "/var/tmp", "/job", "/var/lib/logrotate", "/root",
		"/etc/group-", "/etc/gshadow-") // the last two are gpasswd's, of a hand that meddled
	files := h.run("systemctl", "list-unit-files", "--no-legend", "--no-pager")
	var states []string
	for line := range strings.Lines(h.run("systemctl", "list-units", "--all", "--plain", "--no-legend", "--no-pager", "--type", "service,socket,timer,target")) {
		if f := strings.Fields(line); len(f) > 3 && (f[2] == "active" || f[2] == "failed") && !passing.MatchString(f[0]) {
			states = append(states, strings.Join(f[:4], " "))
		}
	}
	return tree + "\n" + files + "\n" + strings.Join(states, "\n")
}

// passing are units that come and go by themselves, and a point of the boot that was passed: before the network.
var passing = regexp.MustCompile(`^(systemd-tmpfiles-clean|systemd-hostnamed|dpkg-db-backup|apt-daily.*|logrotate|e2scrub_all)\.service$|^run-|^network-pre\.target$`)

func (h *host) same(what, before, after string) {
	h.t.Helper()
	if d := cmp.Diff(strings.Split(before, "\n"), strings.Split(after, "\n")); d != "" {
		h.t.Errorf("%s (-before +after):\n%s", what, d)
	}
}

// until waits for a condition.
func (h *host) until(what string, holds func() bool) {
	h.t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for !holds() {
		if time.Now().After(deadline) {
			h.t.Fatalf("two minutes went by, and %s still does not hold", what)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func has(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("it does not say %q:\n%s", part, text)
		}
	}
}
