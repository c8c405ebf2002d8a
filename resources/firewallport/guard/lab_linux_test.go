package guard_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/internal/lab/machine"
	"github.com/agent0-converge/agent0-converge/internal/lab/netns"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/guard"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// TestUnderSystemd proves it on a machine whose first process is systemd, by which a change is taken back there.
func TestUnderSystemd(t *testing.T) {
	m := machine.Booted(t, machine.Options{Packages: []string{"iproute2", "nftables", "util-linux", "mount"}, InMemory: true})
	machine.GoTest(t, m, ".", "^TestLab(Cut|Killed|Confirm|Stays|Unrunnable|Socket|Faults)")
	machine.GoTest(t, m, ".", "^TestLabBeforeRestart$")
	if err := m.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := m.Boot(t.Context()); err != nil {
		t.Fatal(err)
	}
	machine.GoTest(t, m, ".", "^TestLabAfterRestart$")
	machine.GoTest(t, m, ".", "^TestLabBeforeRestart$")
	if err := m.Reboot(t.Context()); err != nil {
		t.Fatal(err)
	}
	machine.GoTest(t, m, ".", "^TestLabAfterRestart$")
}

// labWorld is the machine that this test has to itself.
func labWorld(t *testing.T) *world {
	t.Helper()
	if os.Getenv(machine.InLab) == "" {
		t.Skip("needs a machine to itself: TestUnderSystemd runs it in one")
	}
	w := &world{t: t, dir: "/var/lib", self: own(t), systemd: true, host: netns.Own(t), peer: netns.New(t)}
	t.Cleanup(func() {
		for _, argv := range [][]string{{"nft", "flush", "ruleset"}, {"ip", "link", "del", "eth0"}} {
			if out, err := w.host.Try(nil, argv...); err != nil {
				t.Errorf("%v: %v\n%s", argv, err, out)
			}
		}
	})
	netns.Connect(w.host, w.peer)
	w.sshd()
	return w
}

// fresh has nothing of earlier tests.
func (w *world) fresh() {
	w.t.Helper()
	w.host.Run("nft", "flush", "ruleset")
	for _, name := range []string{engine.StateDir, chainFile} {
		if err := os.RemoveAll(name); err != nil {
			w.t.Fatal(err)
		}
	}
	w.before()
}

// noTimers wants none to be left that waits to take something back.
func (w *world) noTimers() {
	w.t.Helper()
	w.until("no timer", func() bool {
		return !strings.Contains(w.host.Run("systemctl", "list-units", "--all", "--plain", "--no-legend"), "agent0-converge-firewall")
	})
}

func TestLabCutGoesBack(t *testing.T) {
	w := labWorld(t)
	w.fresh()
	r := w.login()
	r.start(w.argv("apply", job{Run: 2, Timeout: 2 * time.Second, Judge: true, Out: []owner.Line{old}, In: []owner.Line{cuts}})...)
	w.until("the change", func() bool { return maps.Equal(w.running(), lines(cuts)) })
	w.wentBack(2)
	r.ends(1)
	w.noTimers()
}

func TestLabKilledAfterTheChange(t *testing.T) {
	w := labWorld(t)
	w.fresh()
	r := w.login()
	r.start(w.argv("apply", job{Run: 2, Timeout: 2 * time.Second, Judge: true, Out: []owner.Line{old}, In: []owner.Line{cuts}, After: "exec nft"})...)
	w.until("the change", func() bool { return maps.Equal(w.running(), lines(cuts)) })
	w.wentBack(2)
	r.sees("EXIT signal: killed")
	w.noTimers()
}

func TestLabConfirm(t *testing.T) {
	w := labWorld(t)
	w.fresh()
	r := w.login()
	r.start(w.argv("apply", job{Run: 2, Timeout: time.Hour, In: []owner.Line{others}})...)
	r.sees("confirm 2")
	if out := w.host.Run("systemctl", "list-timers", "--all"); !strings.Contains(out, "agent0-converge-firewall-2-") {
		t.Errorf("no timer is armed:\n%s", out)
	}
	w.login().runs(0, w.argv("confirm", job{Run: 2})...)
	r.ends(0)
	w.is(lines(old, others), lines(old, others))
	w.noTimers()
}

func TestLabStaysByItself(t *testing.T) {
	w := labWorld(t)
	w.fresh()
	w.login().runs(0, w.argv("apply", job{Run: 2, Timeout: time.Minute, Judge: true, In: []owner.Line{others}})...)
	w.is(lines(old, others), lines(old, others))
	w.noTimers()
}

// A program that systemd cannot run takes nothing back: that is found before anything changes.
func TestLabUnrunnable(t *testing.T) {
	w := labWorld(t)
	w.fresh()
	argv := w.argv("apply", job{Run: 2, Timeout: time.Minute, Judge: true, In: []owner.Line{others}})
	argv[0] = "/mnt/agent"
	out := w.login().runs(1, append([]string{"unshare", "--mount", "sh", "-c",
		`mount -t tmpfs none /mnt && cp "$1" /mnt/agent && shift && exec "$@"`, "sh", w.self}, argv...)...)
	if !strings.Contains(out, "nobody would take the change back") || !strings.Contains(out, "203") && !strings.Contains(out, "No such file") {
		t.Errorf("it says: %s", out)
	}
	w.is(lines(old), lines(old))
	if len(w.files()) != 0 {
		t.Errorf("left over: %v", w.files())
	}
	w.noTimers()
}

// A sample of the faults, with systemd's own calls among them.
func TestLabFaults(t *testing.T) {
	w := labWorld(t)
	hit, due := 0, 0
	w.fresh()
	remotely(w, job{Run: 2, Timeout: time.Minute, Judge: true, In: []owner.Line{others}, Count: "/var/lib/count"})
	points := counted(t, "/var/lib/count")
	for n := 1; n <= points; n += 3 {
		for _, fail := range []bool{false, true} {
			w.fresh()
			j := job{Run: 2, Timeout: 2 * time.Second, Judge: true, In: []owner.Line{others}, Stop: n, Count: "/var/lib/count"}
			if fail {
				j.Stop, j.Fail = 0, n
			}
			due++
			remotely(w, j)
			outcome := w.whole(j)
			if counted(t, j.Count) >= n {
				hit++
			}
			t.Logf("%d, fails %v: %s", n, fail, outcome)
			w.noTimers()
		}
	}
	t.Logf("%d points; %d of %d faults hit", points, hit, due)
	if hit != due || points < 30 {
		t.Errorf("%d of %d faults at %d points", hit, due, points)
	}
}

// Where systemd listens for sshd, the port is that of the socket.
func TestLabSocket(t *testing.T) {
	w := labWorld(t)
	w.fresh()
	dir := "/run/systemd/system"
	for name, text := range map[string]string{
		"ssh.socket": "[Socket]\nListenStream=22\nListenStream=\nListenStream=[::]:2222\nAccept=yes\n", "ssh@.service": "[Service]\nExecStart=/bin/true\n",
		"other.socket": "[Socket]\nListenStream=9090\nAccept=yes\n", "other@.service": "[Service]\nExecStart=/bin/true\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	w.host.Run("systemctl", "daemon-reload")
	w.host.Run("systemctl", "start", "ssh.socket", "other.socket")
	defer w.host.Run("systemctl", "stop", "ssh.socket", "other.socket")
	h, err := host.Open(host.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if got, err := guard.SSHPorts(t.Context(), h.View()); err != nil || !slices.Equal(got, []uint16{22, 2222}) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestLabBeforeRestart(t *testing.T) {
	w := labWorld(t)
	w.fresh()
	r := w.login()
	r.start(append([]string{"sh", "-c", `echo $$; exec "$@"`, "sh"}, w.argv("apply", job{Run: 2, Timeout: time.Hour, In: []owner.Line{others}})...)...)
	pid := strings.TrimSpace(r.sees("\n"))
	r.sees("confirm 2")
	w.login().runs(0, "kill", "-KILL", pid)
	w.is(lines(old, others), lines(old))
}

func TestLabAfterRestart(t *testing.T) {
	w := labWorld(t)
	if got := w.running(); len(got) != 0 {
		t.Errorf("it still runs: %v", got)
	}
	if got := w.persistent(); !maps.Equal(got, lines(old)) {
		t.Errorf("persistent: %v", got)
	}
	if out, err := w.console("settle", job{}); err != nil || out != "0\n" {
		t.Errorf("%v\n%s", err, out)
	}
	if m := w.mark(2); m.Mark != engine.Reverted || len(w.files()) != 0 {
		t.Errorf("%v, %v", m, w.files())
	}
}
