package firewalld_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/resources/firewallport/firewalld"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// Panic mode and lockdown are errors that say so, after which it arrives.
func TestInsideRefusals(t *testing.T) {
	h := lab(t)
	h.reset()
	t.Cleanup(h.reset)
	ls := lines(t, h.View(), rule("8000", "8001"))
	refused := func(what string, err error, says string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", what, err)
		}
	}
	h.cmd("--panic-on")
	refused("panic", fw.SetRunning(t.Context(), h.Host, nil, ls), "firewall-cmd --panic-off")
	has(t, "none", read(t, h.View()).Running, nil)
	h.cmd("--panic-off")
	h.cmd("--add-lockdown-whitelist-command=/usr/bin/python3 /usr/bin/firewall-cmd*")
	h.cmd("--remove-lockdown-whitelist-uid=0") // or else root may do everything
	h.cmd("--lockdown-on")
	refused("lockdown", fw.SetRunning(t.Context(), h.Host, nil, ls), "firewall-cmd --lockdown-off")
	refused("lockdown, persistent", fw.SetPersistent(t.Context(), h.Host, nil, ls), "firewall-cmd --lockdown-off")
	h.cmd("--lockdown-off")
	set(t, h.Host, nil, ls)
	has(t, "then it does", read(t, h.View()).Persistent, ls)
	_, err := fw.Lines(t.Context(), h.View(), rule("8000", "1/day"))
	refused("one a day", err, "2/day")
	h.changes = 0
	refused("a limit that firewalld refuses", fw.SetRunning(t.Context(), h.Host, nil, []owner.Line{
		{Key: "x", Text: `public: rule port port="8000" protocol="tcp" accept limit value="1/d"`},
	}), "INVALID_LIMIT")
}

// A firewalld that could not load its configuration tells the stock one, which is not taken for the truth.
func TestInsideFailed(t *testing.T) {
	h := lab(t)
	h.reset()
	t.Cleanup(h.reset)
	if err := os.WriteFile("/etc/firewalld/zones/public.xml", []byte("<zone><bogus/></zone>"), 0o644); err != nil {
		t.Fatal(err)
	}
	h.run("systemctl", "restart", "firewalld.service")
	const says = "systemctl restart firewalld"
	if _, err := fw.Read(t.Context(), h.View()); err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("read: %v", err)
	}
	ls := []owner.Line{{Key: "public: port 8000/tcp", Text: "public: port 8000/tcp"}}
	if err := fw.SetPersistent(t.Context(), h.Host, nil, ls); err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("set: %v", err)
	}
	if err := fw.SetRunning(t.Context(), h.Host, nil, ls); err != nil { // what a restore has to be able to do
		t.Errorf("set what runs: %v", err)
	}
}

// Stopped, masked and killed, it is not active, says what to do, and is not started by being asked.
func TestInsideDown(t *testing.T) {
	h := lab(t)
	h.reset()
	t.Cleanup(h.reset)
	if on, err := firewalld.Active(t.Context(), h.View()); err != nil || !on {
		t.Fatalf("running: %v, %v", on, err)
	}
	ls := lines(t, h.View(), rule("8000"))
	down := func(what, says string) {
		t.Helper()
		if on, err := firewalld.Active(t.Context(), h.View()); err != nil || on {
			t.Errorf("%s: active is %v, %v", what, on, err)
		}
		_, read := fw.Read(t.Context(), h.View())
		_, lines := fw.Lines(t.Context(), h.View(), rule("8000"))
		set := fw.SetRunning(t.Context(), h.Host, nil, ls)
		for _, err := range []error{read, lines, set, fw.SetPersistent(t.Context(), h.Host, nil, ls)} {
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if got := h.state(); got == "active" || got == "activating" {
			t.Errorf("%s: it is %s by now", what, got)
		}
	}
	h.run("systemctl", "kill", "--signal=STOP", "firewalld.service")
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	if _, err := fw.Read(ctx, h.View()); err == nil || !strings.Contains(err.Error(), "does not answer") {
		t.Errorf("it hangs: %v", err)
	}
	cancel()
	h.run("systemctl", "kill", "--signal=CONT", "firewalld.service")

	h.run("systemctl", "kill", "--signal=KILL", "firewalld.service")
	until(t, "it is killed", func() bool { return h.state() != "active" })
	down("killed", "systemctl start firewalld")
	h.up()
	set(t, h.Host, nil, ls)
	h.run("systemctl", "stop", "firewalld.service")
	down("stopped", "enabled but does not run: systemctl start firewalld")
	h.run("systemctl", "disable", "firewalld.service")
	down("disabled", "systemctl enable --now firewalld")
	h.run("systemctl", "mask", "firewalld.service")
	down("masked", "masked")
	h.run("systemctl", "unmask", "firewalld.service")
	h.run("systemctl", "enable", "firewalld.service")
	h.up()
	has(t, "started again", read(t, h.View()).Running, ls)
}

// It is killed between two calls, before each of them in turn, and stopped as if it hung.
func TestInsideKilled(t *testing.T) {
	h := lab(t)
	h.reset()
	t.Cleanup(h.reset)
	ls := lines(t, h.View(), rule("8000", "8001-8002", "9000"))
	kill := func() {
		h.run("systemctl", "kill", "--signal=KILL", "firewalld.service")
		until(t, "it is killed", func() bool { return h.state() != "active" })
	}
	hit := 0
	for stop := range ls {
		h.changes, h.before = 0, map[int]func(){stop: kill}
		err := fw.SetPersistent(t.Context(), h.Host, nil, ls)
		if err == nil || !strings.Contains(err.Error(), "systemctl start firewalld") {
			t.Errorf("killed before call %d: %v", stop, err)
		}
		hit++
		h.before = nil
		h.run("systemctl", "reset-failed", "firewalld.service")
		h.up()
		set(t, h.Host, nil, ls)
		has(t, "again, running", read(t, h.View()).Running, ls)
		has(t, "again, persistent", read(t, h.View()).Persistent, ls)
		set(t, h.Host, ls, nil)
		if got := read(t, h.View()); len(got.Running)+len(got.Persistent) != 0 {
			t.Errorf("taken out: %v", got)
		}
	}
	t.Logf("killed before %d of %d calls", hit, len(ls))
	if hit != len(ls) {
		t.Errorf("killed before %d of %d calls", hit, len(ls))
	}
}

// until waits for a condition.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("two minutes went by, and not: %s", what)
		}
	}
}
