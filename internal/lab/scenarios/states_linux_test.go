package scenarios

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/internal/lab/machine"
)

// TestEveryState has units in every state that systemd knows, and asks for each: what does a plan say that
// wants it enabled, not enabled, running or stopped, and what does an apply of it do.
func TestEveryState(t *testing.T) {
	h := booted(t)
	machine.GoTest(t, h.Machine, "./", "^TestEveryStateInside$")
}

func TestEveryStateInside(t *testing.T) {
	if os.Getenv(machine.InLab) == "" {
		t.Skip("needs to be inside a machine of the lab: TestEveryState takes it there")
	}
	// The generators of the distribution have nothing to say here, and run at each of many daemon-reloads.
	if err := tell("sh", "-c", "mkdir -p /run/systemd/system-generators && cd /run/systemd/system-generators && "+
		"for g in /usr/lib/systemd/system-generators/*; do ln -s /dev/null ${g##*/}; done"); err != nil {
		t.Fatal(err)
	}
	met, cells := map[string]int{}, 0
	for _, c := range append(fileStates(), activeStates()...) {
		for i, says := range []string{`enabled = true`, `enabled = false`, `state = "running"`, `state = "stopped"`} {
			t.Run(c.name+"/"+says, func(t *testing.T) {
				r := &rig{t, c}
				defer r.clean()
				r.make()
				met[c.state]++
				r.check(says, c.want[i])
				cells++
			})
		}
	}
	t.Logf("%d plans for units in %d states: %v", cells, len(met), met)
	for _, state := range states() {
		if met[state] == 0 {
			t.Errorf("no unit was %s", state)
		}
	}
	t.Log("no unit was refreshing: systemd 252 has no such state; what a plan takes it for is tested in resources/unit")
}

// states are UnitFileState and ActiveState as the D-Bus interface has them (org.freedesktop.systemd1(5)), without
// refreshing, which systemd has from version 256 on.
func states() []string {
	return strings.Fields("enabled enabled-runtime linked linked-runtime alias masked masked-runtime static indirect disabled " +
		"generated transient bad active reloading inactive failed activating deactivating maintenance")
}

// rig is one unit in one state.
type rig struct {
	t *testing.T
	c stateCase
}

const statePlan = "/root/state.hcl"

// try runs a program and returns its exit status and output.
func (r *rig) try(argv ...string) (rc int, out string) {
	r.t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	b, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		r.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(b)
}

func (r *rig) sh(script string) {
	r.t.Helper()
	if rc, out := r.try("sh", "-euc", script); rc != 0 {
		r.t.Fatalf("%s\nexit status %d: %s", script, rc, out)
	}
}

// now are the unit's states, and its present start.
func (r *rig) now() (file, active, start string) {
	r.t.Helper()
	_, out := r.try("systemctl", "show", "--property", "ActiveState,InvocationID", r.c.unit)
	for line := range strings.Lines(out) {
		switch key, value, _ := strings.Cut(strings.TrimSpace(line), "="); key {
		case "ActiveState":
			active = value
		case "InvocationID":
			start = value
		}
	}
	rc, out := r.try("systemctl", "is-enabled", r.c.unit)
	switch file = strings.TrimSpace(out); {
	case rc != 0 && strings.Contains(file, "No such file"):
		file = "none"
	case rc != 0 && strings.HasPrefix(file, "Failed"):
		file = "bad"
	}
	return file, active, start
}

// is reports whether the unit is in a state of either sort.
func (r *rig) is(state string) bool {
	file, active, _ := r.now()
	return file == state || active == state
}

// make brings the unit into its state.
func (r *rig) make() {
	r.t.Helper()
	for name, text := range r.c.files {
		r.sh("mkdir -p $(dirname " + name + ")")
		if err := os.WriteFile(name, []byte(text), 0o755); err != nil {
			r.t.Fatal(err)
		}
	}
	r.sh("systemctl daemon-reload")
	r.sh(r.c.make)
	for limit := time.Now().Add(time.Minute); !r.is(r.c.state); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(limit) {
			file, active, _ := r.now()
			r.t.Fatalf("after a minute the unit is %s and %s, not %s", file, active, r.c.state)
		}
	}
}

// clean takes the unit away.
func (r *rig) clean() {
	r.t.Helper()
	r.sh(r.c.clean + `
touch /run/go
systemctl stop it.service 2>/dev/null || true
find /etc/systemd/system /run/systemd /usr/lib/systemd/system /opt \( -name it -o -name it.service -o -name also.service \) -delete
rm -rf /run/go /var/lib/agent0-converge ` + statePlan + `
systemctl daemon-reload
systemctl reset-failed`)
}

// check asks for what a plan says, plans it and applies it.
func (r *rig) check(says string, want verdict) {
	t := r.t
	t.Helper()
	text := fmt.Sprintf("plan {\n  name = \"state\"\n}\n\nunit \"it\" {\n  name = %q\n  %s\n  timeout = \"3s\"\n}\n", r.c.unit, says)
	if err := os.WriteFile(statePlan, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	file, active, start := r.now()
	rc, out := r.try(agent, "plan", "--detailed-exitcode", statePlan)
	planned := 2
	switch {
	case want.refused != "":
		planned = 1
	case want.change == "":
		planned = 0
	}
	if rc != planned || !strings.Contains(out, want.refused) || !strings.Contains(out, want.change) {
		t.Errorf("plan: exit status %d, want %d and %q:\n%s", rc, planned, want.refused+want.change, out)
	}
	if f, a, s := r.now(); f != file || a != active || s != start {
		t.Errorf("a plan made of the %s, %s unit a %s, %s one", file, active, f, a)
	}
	rc, out = r.try(agent, "apply", "--auto-approve", statePlan)
	if failed := want.refused != "" || want.fails != ""; failed != (rc != 0) || !strings.Contains(out, want.refused) || !strings.Contains(out, want.fails) {
		t.Errorf("apply: exit status %d, want %q:\n%s", rc, want.refused+want.fails, out)
	}
	r.after(file, active, start, want)
	if want.refused != "" || want.fails != "" {
		return
	}
	if rc, out := r.try(agent, "plan", "--detailed-exitcode", statePlan); rc != 0 {
		t.Errorf("the plan after it: exit status %d:\n%s", rc, out)
	}
}

// after compares what the unit is after an apply with what it was.
func (r *rig) after(file, active, start string, want verdict) {
	r.t.Helper()
	f, a, s := r.now()
	switch {
	case want.then != "":
		if f != want.then && a != want.then {
			r.t.Errorf("after the apply it is %s and %s, not %s", f, a, want.then)
		}
	case f != file || a != active:
		r.t.Errorf("the apply made of the %s, %s unit a %s, %s one", file, active, f, a)
	}
	if a == "active" && active == "active" && s != start {
		r.t.Error("it was started anew")
	}
}
