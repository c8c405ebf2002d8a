package guard_test

import (
	"maps"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// Lines of the chain.
var (
	old    = owner.Line{Key: "50 old", Text: "tcp dport 9000 accept"}
	cuts   = owner.Line{Key: "20 cuts", Text: "tcp dport 22 ip saddr 192.0.2.2 drop"}
	keeps  = owner.Line{Key: "10 keeps", Text: "ct state established accept"}
	others = owner.Line{Key: "30 others", Text: "tcp dport 22 ip saddr 198.51.100.7 drop"}
	wider  = owner.Line{Key: "40 wider", Text: "tcp dport 8000 accept"}
)

func lines(all ...owner.Line) map[string]owner.Line {
	m := map[string]owner.Line{}
	for _, l := range all {
		m[l.Key] = l
	}
	return m
}

// before has the old line in both states.
func (w *world) before() {
	w.t.Helper()
	if out, err := w.console("apply", job{Run: 1, In: []owner.Line{old}}); err != nil {
		w.t.Fatalf("%v\n%s", err, out)
	}
	w.is(lines(old), lines(old))
}

func (w *world) is(running, persistent map[string]owner.Line) {
	w.t.Helper()
	if got := w.running(); !maps.Equal(got, running) {
		w.t.Errorf("running: %v, want %v", got, running)
	}
	if got := w.persistent(); !maps.Equal(got, persistent) {
		w.t.Errorf("persistent: %v, want %v", got, persistent)
	}
}

// wentBack waits for the end of a change, and wants nothing of it to be left.
func (w *world) wentBack(run int) {
	w.t.Helper()
	w.until("the change goes back", func() bool { return len(w.files()) == 0 && w.mark(run).Mark == engine.Reverted })
	w.is(lines(old), lines(old))
	w.login()
}

// A change that keeps nobody out is made at once.
func TestWiderIsMadeAtOnce(t *testing.T) {
	w := newWorld(t)
	w.before()
	w.login().runs(0, w.argv("apply", job{Run: 2, Timeout: time.Minute, In: []owner.Line{wider}, Out: []owner.Line{old}})...)
	w.is(lines(wider), lines(wider))
	if m := w.mark(2); m.Mark != "" || len(w.files()) != 0 {
		t.Errorf("%v, %v", m, w.files())
	}
}

// A change that cuts the operator off goes back, and the persistent state was never touched.
func TestCutGoesBack(t *testing.T) {
	w := newWorld(t)
	w.before()
	r := w.login()
	r.start(w.argv("apply", job{Run: 2, Timeout: 2 * time.Second, Judge: true, Out: []owner.Line{old}, In: []owner.Line{cuts}})...)
	w.until("the change", func() bool { return maps.Equal(w.running(), lines(cuts)) })
	if _, err := w.dial(w.peer, "192.0.2.1"); err == nil {
		t.Error("one could still get in: nothing is proven")
	}
	if got := w.persistent(); !maps.Equal(got, lines(old)) {
		t.Errorf("persistent: %v", got)
	}
	w.wentBack(2)
	out := r.ends(1) // the connection lived through it
	for _, want := range []string{"agent0-converge confirm 2", "rule 20 cuts", "Error: the change of the firewall went back: it was not confirmed in time"} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	// Nobody would confirm what else the run would do; another run may try again.
	if out := w.login().runs(1, w.argv("apply", job{Run: 2, Timeout: time.Minute, In: []owner.Line{cuts}})...); !strings.Contains(out, "went back") {
		t.Errorf("another change of the run: %s", out)
	}
}

// That an established connection lives is no reason to keep a change that lets no new one in.
func TestEstablishedIsNotEnough(t *testing.T) {
	w := newWorld(t)
	w.before()
	r := w.login()
	r.start(w.argv("apply", job{Run: 2, Timeout: 3 * time.Second, Judge: true, In: []owner.Line{keeps, cuts}})...)
	r.sees("to be confirmed within 3s from a NEW connection: agent0-converge confirm 2") // through the connection
	w.is(lines(old, keeps, cuts), lines(old))
	w.wentBack(2)
	r.ends(1)
}

// That a new connection would be let in is not enough either: evaluation may be wrong, and the connection shows it.
func TestEvaluationIsNotEnough(t *testing.T) {
	w := newWorld(t)
	w.before()
	w.login().start(w.argv("apply", job{Run: 2, Timeout: 2 * time.Second, Lie: true, In: []owner.Line{cuts}})...)
	w.until("the change", func() bool { return maps.Equal(w.running(), lines(old, cuts)) })
	w.wentBack(2)
}

// With both, the change stays by itself.
func TestStaysByItself(t *testing.T) {
	for name, from := range map[string]func(w *world, argv []string) []string{
		"ssh": func(_ *world, argv []string) []string { return argv },
		// sudo takes SSH_CONNECTION away; the process that runs it still has it.
		"sudo": func(_ *world, argv []string) []string {
			return append([]string{"sh", "-c", `env -i PATH="$PATH" "$@"; exit $?`, "sh"}, argv...)
		},
		// A daemon of the one who is logged in descends from nobody, and so all who are connected count.
		"orphan": func(_ *world, argv []string) []string {
			return append([]string{"sh", "-c", `env -i PATH="$PATH" setsid --fork --wait "$@"; exit $?`, "sh"}, argv...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.before()
			r := w.login()
			out := r.runs(0, from(w, w.argv("apply", job{Run: 2, Timeout: time.Minute, Judge: true, Out: []owner.Line{old}, In: []owner.Line{others}}))...)
			if !strings.Contains(out, "the change stays") || len(w.files()) != 0 {
				t.Errorf("files %v, and it says:\n%s", w.files(), out)
			}
			w.is(lines(others), lines(others))
		})
	}
}

// A confirmation from a new connection keeps the change, and one from an old connection does not.
func TestConfirm(t *testing.T) {
	w := newWorld(t)
	w.before()
	r, earlier := w.login(), w.login()
	r.start(w.argv("apply", job{Run: 2, Timeout: time.Minute, Out: []owner.Line{old}, In: []owner.Line{others}})...)
	r.sees("confirm 2")
	confirm := w.argv("confirm", job{Run: 2})
	asRoot := append([]string{"env", "-i"}, confirm...)
	for who, tt := range map[string]struct {
		from *remote
		argv []string
		want string
	}{
		"an earlier one":           {earlier, confirm, "was there before the change"},
		"an earlier one by sudo":   {earlier, append([]string{"sh", "-c", `"$@"; exit $?`, "sh"}, asRoot...), "was there before the change"},
		"one from the host itself": {w.loginFrom(w.host, "192.0.2.1"), confirm, "from this host itself"},
		"one over loopback":        {w.loginFrom(w.host, "127.0.0.1"), confirm, "from this host itself"},
		"one that is gone":         {w.login(), append([]string{"env", "SSH_CONNECTION=192.0.2.2 1 192.0.2.1 22"}, confirm...), "log in anew"},
	} {
		if out := tt.from.runs(1, tt.argv...); !strings.Contains(out, tt.want) {
			t.Errorf("%s: %s", who, out)
		}
	}
	w.is(lines(others), lines(old))
	w.login().runs(0, "sh", "-c", `env -i "$@"; exit $?`, "sh", confirm[0], confirm[1], confirm[2], confirm[3]) // as by sudo
	out := r.ends(0)
	if !strings.Contains(out, "run 2 is confirmed") {
		t.Errorf("it says:\n%s", out)
	}
	w.is(lines(others), lines(others))
	if m := w.mark(2); m.Mark != engine.Confirmed || len(w.files()) != 0 {
		t.Errorf("%v, %v", m, w.files())
	}
	if out := w.login().runs(1, confirm...); !strings.Contains(out, "confirmed already") {
		t.Errorf("again: %s", out)
	}
}

// Over IPv6, and where the number of the run is left out.
func TestConfirmOverIPv6(t *testing.T) {
	w := newWorld(t)
	w.before()
	r := w.loginFrom(w.peer, "2001:db8::1")
	r.start(w.argv("apply", job{Run: 2, Timeout: time.Minute, In: []owner.Line{others}})...)
	r.sees("confirm 2")
	if out := r.w.loginFrom(w.peer, "2001:db8::1").runs(0, w.argv("confirm", job{})...); strings.Contains(out, "Error") {
		t.Error(out)
	}
	r.ends(0)
	w.is(lines(old, others), lines(old, others))
}

// Whoever sits at a console is not kept out by a firewall.
func TestConfirmAtConsole(t *testing.T) {
	w := newWorld(t)
	w.before()
	r := w.login()
	r.start(w.argv("apply", job{Run: 2, Timeout: time.Minute, In: []owner.Line{cuts, keeps}})...)
	r.sees("confirm 2")
	if out, err := w.console("confirm", job{Run: 2}); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	r.ends(0)
	w.is(lines(old, keeps, cuts), lines(old, keeps, cuts))
}

// While one change waits, no other is made.
func TestOneAtATime(t *testing.T) {
	w := newWorld(t)
	w.before()
	r := w.login()
	r.start(w.argv("apply", job{Run: 2, Timeout: time.Minute, In: []owner.Line{others}})...)
	r.sees("confirm 2")
	for _, in := range []owner.Line{cuts, wider} {
		out := w.login().runs(1, w.argv("apply", job{Run: 3, Timeout: time.Minute, In: []owner.Line{in}})...)
		if !strings.Contains(out, "run 2 waits for a confirmation") {
			t.Errorf("%s: %s", in.Key, out)
		}
	}
	w.is(lines(old, others), lines(old))
	if out, err := w.console("confirm", job{}); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	r.ends(0)
}

// An operator who calls the run off wants its change taken back now.
func TestCalledOff(t *testing.T) {
	w := newWorld(t)
	w.before()
	r := w.login()
	r.start(append([]string{"sh", "-c", `"$@" & p=$!; trap 'kill -INT $p' USR1; echo shell $$; while kill -0 $p 2>/dev/null; do wait $p; s=$?; done; exit $s`, "sh"},
		w.argv("apply", job{Run: 2, Timeout: time.Hour, In: []owner.Line{others}})...)...)
	shell := strings.TrimSpace(strings.TrimPrefix(r.sees("shell "), "shell "))
	r.sees("confirm 2")
	w.login().runs(0, "sh", "-c", "kill -USR1 "+shell)
	r.sees("went back: it was called off: stopped by interrupt")
	w.wentBack(2)
	r.ends(1)
}

// Where nobody is connected, the host must stay reachable for somebody who could reach it.
func TestNobodyIsConnected(t *testing.T) {
	sample := []netip.Addr{netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("198.51.100.7")}
	for name, tt := range map[string]struct {
		in    []owner.Line
		judge bool
		stays bool
	}{
		"some are kept out":   {[]owner.Line{others}, true, true},
		"all are kept out":    {[]owner.Line{others, cuts}, true, false},
		"nobody can tell who": {[]owner.Line{others}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.before()
			out, err := w.console("apply", job{Run: 2, Timeout: time.Second, Judge: tt.judge, Sample: sample, In: tt.in})
			if tt.stays != (err == nil) {
				t.Errorf("%v\n%s", err, out)
			}
			if !tt.stays {
				w.wentBack(2)
				return
			}
			w.is(lines(append(tt.in, old)...), lines(append(tt.in, old)...))
		})
	}
}

// With strict, nothing is changed that systemd would not take back.
func TestStrict(t *testing.T) {
	w := newWorld(t)
	w.before()
	out := w.login().runs(1, w.argv("apply", job{Run: 2, Timeout: time.Minute, Strict: true, In: []owner.Line{others}})...)
	if !strings.Contains(out, "systemd does not run here") {
		t.Error(out)
	}
	w.is(lines(old), lines(old))
}
