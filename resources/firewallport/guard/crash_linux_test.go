package guard_test

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// A run that is killed right after the change leaves it to whoever was armed.
func TestKilledAfterTheChange(t *testing.T) {
	w := newWorld(t)
	w.before()
	r := w.login()
	r.start(w.argv("apply", job{Run: 2, Timeout: 2 * time.Second, Judge: true, Out: []owner.Line{old}, In: []owner.Line{cuts}, After: "exec nft"})...)
	w.until("the change", func() bool { return maps.Equal(w.running(), lines(cuts)) })
	w.wentBack(2)
	r.sees("EXIT signal: killed")
	if out := w.login().runs(1, w.argv("confirm", job{Run: 2})...); !strings.Contains(out, "is reverted already") {
		t.Errorf("too late: %s", out)
	}
	w.login().runs(0, w.argv("apply", job{Run: 3, Timeout: time.Minute, In: []owner.Line{wider}})...)
}

// A run that is killed while it waits can be confirmed all the same, and so not by whoever was connected.
func TestKilledWhileItWaits(t *testing.T) {
	w := newWorld(t)
	w.before()
	r := w.login()
	r.start(append([]string{"sh", "-c", `echo $$; exec "$@"`, "sh"}, w.argv("apply", job{Run: 2, Timeout: time.Minute, In: []owner.Line{others}})...)...)
	pid := strings.TrimSpace(r.sees("\n"))
	r.sees("confirm 2")
	w.login().runs(0, "kill", "-KILL", pid)
	r.sees("EXIT signal: killed")
	if out := r.runs(1, w.argv("confirm", job{Run: 2})...); !strings.Contains(out, "was there before the change") {
		t.Errorf("the old connection: %s", out)
	}
	w.login().runs(0, w.argv("confirm", job{Run: 2})...)
	w.is(lines(old, others), lines(old, others))
	w.until("its end", func() bool { return len(w.files()) == 0 && w.mark(2).Mark == engine.Confirmed })
}

// A run that is killed before it noted who was connected cannot be confirmed from any connection.
func TestKilledBeforeItKnew(t *testing.T) {
	w := newWorld(t)
	w.before()
	r := w.login()
	r.start(w.argv("apply", job{Run: 2, Timeout: 3 * time.Second, In: []owner.Line{others}, After: "exec nft"})...)
	r.sees("EXIT signal: killed")
	if out := w.login().runs(1, w.argv("confirm", job{Run: 2})...); !strings.Contains(out, "ended before it noted") {
		t.Error(out)
	}
	w.wentBack(2)
}

// A restart loses what ran, and the next run finds out.
func TestRestartGoesBack(t *testing.T) {
	w := newWorld(t)
	w.before()
	r := w.login()
	r.start(w.argv("apply", job{Run: 2, Timeout: time.Hour, In: []owner.Line{others}})...)
	r.sees("confirm 2")
	w.restart()
	if got := w.running(); len(got) != 0 {
		t.Fatalf("it still runs: %v", got)
	}
	if got := w.persistent(); !maps.Equal(got, lines(old)) {
		t.Errorf("persistent: %v", got)
	}
	if out, err := w.console("confirm", job{Run: 2}); err == nil || !strings.Contains(out, "the host was restarted") {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := w.console("settle", job{}); err != nil || out != "0\n" {
		t.Errorf("%v\n%s", err, out)
	}
	if m := w.mark(2); m.Mark != engine.Reverted || !strings.Contains(m.Why, "restarted") || len(w.files()) != 0 {
		t.Errorf("%v, %v", m, w.files())
	}
}

// Whoever confirms and whoever takes back at the same moment: one of them wins, and both states agree.
func TestConfirmationRacesWithTheDeadline(t *testing.T) {
	w := newWorld(t)
	w.before()
	rounds := 24
	if os.Getenv("AGENT0_LAB") != "" {
		rounds = 200
	}
	won := map[engine.Mark]int{}
	early := 20 * time.Millisecond // than the deadline; whoever loses comes sooner in the next round
	for i := range rounds {
		run, alive := 100+i, i%2 == 0
		j := job{Run: run, Timeout: time.Second, In: []owner.Line{others}}
		r := w.login()
		r.start(append([]string{"sh", "-c", `echo $$; exec "$@"`, "sh"}, w.argv("apply", j)...)...)
		pid := strings.TrimSpace(r.sees("\n"))
		r.sees("confirm " + strconv.Itoa(run))
		if !alive {
			w.login().runs(0, "kill", "-KILL", pid)
		}
		time.Sleep(time.Until(w.deadline()) - early) // not for something to have happened, but as near to it as it gets
		out, err := w.console("confirm", job{Run: run})
		w.until("an end", func() bool { return len(w.files()) == 0 && w.mark(run).Mark != "" })
		m := w.mark(run).Mark
		won[m]++
		early += map[engine.Mark]time.Duration{engine.Confirmed: -3, engine.Reverted: 3}[m] * time.Millisecond
		if (err == nil) != (m == engine.Confirmed) {
			t.Errorf("round %d is %s, and the confirmation ended with %v: %s", i, m, err, out)
		}
		want := lines(old)
		if m == engine.Confirmed {
			want = lines(old, others)
		}
		w.is(want, want)
		if alive {
			r.ends(map[engine.Mark]int{engine.Confirmed: 0, engine.Reverted: 1}[m])
		}
		if out, err := w.console("apply", job{Run: run, Out: []owner.Line{others}}); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	t.Logf("%d rounds: %v", rounds, won)
	if won[engine.Confirmed] == 0 || won[engine.Reverted] == 0 || won[engine.Confirmed]+won[engine.Reverted] != rounds {
		t.Errorf("it was no race: %v", won)
	}
}

// deadline is when the change that waits goes back.
func (w *world) deadline() time.Time {
	w.t.Helper()
	for _, name := range w.files() {
		b, err := os.ReadFile(filepath.Join(w.path(engine.ConfirmDir), name))
		if at := untilOf(b); err == nil && !at.IsZero() {
			return at
		}
	}
	return time.Now()
}

// faultSweep stops or fails a run at each change of the host that it makes, and lets whoever is left end what it began.
func faultSweep(t *testing.T, name string, j job, who func(w *world, j job)) {
	t.Helper()
	counter := newWorld(t)
	counter.before()
	first := j
	first.Count = "/var/lib/count"
	who(counter, first)
	points := counted(t, counter.path("/var/lib/count"))
	step := 3
	if os.Getenv("AGENT0_LAB") != "" {
		step = 1
	}
	var mu sync.Mutex
	due, hit, outcomes := 0, 0, map[string]int{}
	t.Run("points", func(t *testing.T) {
		for n := 1; n <= points; n++ {
			for i, how := range []string{"stop", "fail"} {
				if (2*n+i)%step != 0 {
					continue
				}
				due++
				t.Run(fmt.Sprintf("%s at %d", how, n), func(t *testing.T) {
					t.Parallel()
					fault := j
					if fault.Stop = n; how == "fail" {
						fault.Stop, fault.Fail = 0, n
					}
					fault.Count = "/var/lib/count"
					w := newWorld(t)
					w.before()
					who(w, fault)
					outcome := w.whole(j)
					reached := counted(t, w.path("/var/lib/count")) >= n
					mu.Lock()
					defer mu.Unlock()
					if reached {
						hit++
					}
					outcomes[outcome]++
				})
			}
		}
	})
	t.Logf("%s: %d points; %d of %d faults hit; %v", name, points, hit, due, outcomes)
	if hit != due || points < 15 {
		t.Errorf("%d of %d faults hit at %d points", hit, due, points)
	}
}

// counted is how many changes of the host were counted in a file.
func counted(t *testing.T, name string) int {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(string(b))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// whole waits until both states are as before, or both as wanted, without anybody's help; then a next run finds nothing
// that is in its way.
func (w *world) whole(j job) string {
	w.t.Helper()
	before, after := lines(old), lines(append(j.In, old)...)
	outcome := ""
	w.until("one of two states", func() bool {
		running, persistent := w.running(), w.persistent()
		switch {
		case maps.Equal(running, before) && maps.Equal(persistent, before):
			outcome = "as before"
		case maps.Equal(running, after) && maps.Equal(persistent, after):
			outcome = "as wanted"
		}
		return outcome != "" && !w.waits()
	})
	w.until("nothing in the way", func() bool {
		out, err := w.console("settle", job{})
		return err == nil && out == "0\n" && len(w.files()) == 0
	})
	want := map[string]map[string]owner.Line{"as before": before, "as wanted": after}[outcome]
	w.is(want, want)
	w.login()
	return outcome
}

// waits reports whether a process of this world is about to do something.
func (w *world) waits() bool {
	w.t.Helper()
	out, err := w.command("sh", "-c", "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '").Output()
	if err != nil && len(out) == 0 {
		w.t.Fatal(err)
	}
	return strings.Contains(string(out), "role take-back") || strings.Contains(string(out), "role apply") || strings.Contains(string(out), "role confirm")
}

// remotely runs it as one who is logged in.
func remotely(w *world, j job) {
	r := w.login()
	r.start(w.argv("apply", j)...)
	r.sees("EXIT ")
}

func TestFaultsOfAChangeThatStays(t *testing.T) {
	faultSweep(t, "stays", job{Run: 2, Timeout: 4 * time.Second, Judge: true, In: []owner.Line{others}}, remotely)
}

func TestFaultsOfAChangeThatGoesBack(t *testing.T) {
	faultSweep(t, "goes back", job{Run: 2, Timeout: time.Second, Judge: true, In: []owner.Line{keeps, cuts}}, remotely)
}

// The fault is that of whoever takes the change back of a run that was killed.
func TestFaultsOfTakingBack(t *testing.T) {
	faultSweep(t, "taking back", job{Run: 2, In: []owner.Line{others}}, func(w *world, j job) {
		r := w.login()
		r.start(w.argv("apply", job{Run: 2, Timeout: time.Second, In: j.In, After: "exec nft", Undertaker: &j})...)
		r.sees("EXIT signal: killed")
		w.until("nobody is at work", func() bool { return !w.waits() })
		if out, err := w.console("settle", job{}); err != nil { // another run finds what was left
			w.t.Logf("%v\n%s", err, out)
		}
		w.until("its end", func() bool {
			_, err := w.console("settle", job{})
			return err == nil && len(w.files()) == 0
		})
	})
}

// The fault is that of whoever confirms a change of a run that is gone.
func TestFaultsOfConfirming(t *testing.T) {
	faultSweep(t, "confirming", job{Run: 2, In: []owner.Line{others}}, func(w *world, j job) {
		r := w.login()
		r.start(append([]string{"sh", "-c", `echo $$; exec "$@"`, "sh"}, w.argv("apply", job{Run: 2, Timeout: 4 * time.Second, In: j.In})...)...)
		pid := strings.TrimSpace(r.sees("\n"))
		r.sees("confirm 2")
		w.login().runs(0, "kill", "-KILL", pid)
		if out, err := w.console("confirm", j); err != nil {
			w.t.Logf("%v\n%s", err, out)
		}
	})
}

// In a terminal multiplexer that was started from an old connection, it counts who is attached.
func TestConfirmInTmux(t *testing.T) {
	if _, err := exec.LookPath("tmux"); err != nil {
		t.Skip("needs tmux: apt install tmux")
	}
	w := newWorld(t)
	w.before()
	tmux := []string{"tmux", "-S", "/var/lib/tmux", "-f", "/dev/null"}
	first := w.login()
	first.runs(0, append(tmux, "new-session", "-d", "sh")...)
	r := w.login()
	r.start(w.argv("apply", job{Run: 2, Timeout: time.Hour, In: []owner.Line{others}})...)
	r.sees("confirm 2")
	inside := func(name string) string {
		line := "'" + strings.Join(w.argv("confirm", job{Run: 2}), "' '") + "' >/var/lib/" + name + " 2>&1; echo end >>/var/lib/" + name
		cmd := w.command(append(tmux, "send-keys", line, "Enter")...) // typed by nobody who is connected
		cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
		w.host.Start(cmd)
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
		text := ""
		w.until("an answer", func() bool {
			b, err := os.ReadFile(filepath.Join(w.dir, name))
			text = string(b)
			return err == nil && strings.HasSuffix(text, "end\n")
		})
		return text
	}
	if out := inside("first"); !strings.Contains(out, "was there before the change") {
		t.Errorf("with nobody attached: %s", out)
	}
	second := w.login()
	second.start("sh", "-c", `sleep 1000 | exec "$@"`, "sh", tmux[0], tmux[1], tmux[2], "-C", "attach")
	second.sees("%session-changed")
	if out := inside("second"); out != "end\n" {
		t.Errorf("with somebody attached from a new connection: %s", out)
	}
	r.ends(0)
	w.is(lines(old, others), lines(old, others))
}
