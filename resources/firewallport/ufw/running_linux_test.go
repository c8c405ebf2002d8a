package ufw

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// What runs changes and the files do not; then the files, and what runs does not; and both are what ufw makes of the
// files when it is loaded anew. All of it goes back.
func TestSet(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		for name, rules := range cases() {
			t.Run(name, func(t *testing.T) {
				w.t = t
				saved, files, state := w.saved(), w.files(), w.read()
				in := w.lines(rules...)
				wasRunning, wasPersistent := before(state.Running, in), before(state.Persistent, in)
				w.run(wasRunning, in)
				w.same("the files", files, w.files())
				w.running(in, nil)
				runs := w.saved()
				w.run(wasRunning, in)
				w.same("set a second time", runs, w.saved())
				w.persist(wasPersistent, in)
				w.same("what runs, once it persists", runs, w.saved())
				for _, l := range in {
					if got := w.read().Persistent[l.Key]; got != l {
						t.Errorf("%q persists as %q", l.Text, got.Text)
					}
				}
				w.load()
				w.same("loaded anew", w.saved(), runs)
				w.running(in, nil)
				w.persist(in, wasPersistent)
				w.same("the files, undone", files, w.files())
				w.run(in, wasRunning)
				w.same("what runs, undone", saved, w.saved())
			})
		}
	})
}

// The machine that is played prints what a kernel's iptables print.
func TestPlayedIsLikeReal(t *testing.T) {
	fake := played(t)
	for _, backend := range []string{"nft", "legacy"} {
		t.Run(backend, func(t *testing.T) {
			real := inNamespace(t, backend)
			step := func(do func(w *world)) {
				do(fake)
				do(real)
				fake.same(backend, fake.saved(), real.saved())
			}
			step(func(*world) {})
			for _, rules := range cases() {
				var was []owner.Line
				step(func(w *world) {
					in := w.lines(rules...)
					was = before(w.read().Running, in)
					w.run(was, in)
				})
				step(func(w *world) { w.run(w.lines(rules...), was) })
			}
			if _, err := fake.Host().Programs.RunInput(t.Context(), []byte("*filter\n-D ufw-user-input -p tcp --dport 1 -j ACCEPT\nCOMMIT\n"), "iptables-restore", "-n"); err == nil {
				t.Error("a rule that is not there was taken away")
			}
		})
	}
}

// Rules that somebody deleted do not run, though the files have them; set again, all is as it was.
func TestDeletedByHand(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		limited := wide("tcp", 2222, 2222)
		limited.Rate = rate()
		for name, in := range map[string][]owner.Line{"allow": w.lines(wide("tcp", 7000, 7010)), "limit": w.lines(limited)} {
			t.Run(name, func(t *testing.T) {
				w.t = t
				w.run(nil, in)
				w.persist(nil, in)
				whole := w.saved()
				points, healed := 0, 0
				for _, l := range in {
					tuple := mustParse(t, l.Text)
					for _, r := range tuple.rules() {
						points++
						w.iptables(tuple.family(), "-D "+r.chain+" "+r.spec)
						w.running(nil, []owner.Line{l})
						w.run(nil, in)
						w.running(in, nil)
						w.same("set again", whole, w.saved())
						if w.saved() == whole {
							healed++
						}
					}
				}
				if t.Logf("%d rules, %d put back", points, healed); points != healed || points == 0 {
					t.Error("not all were")
				}
				// What is left of a limit goes when the line does.
				w.iptables(ipv4(), "-D "+ipv4().input()+" "+mustParse(t, in[0].Text).rules()[0].spec)
				w.run(in, nil)
				w.persist(in, nil)
				runs := w.saved()
				w.load()
				w.same("taken away", w.saved(), runs)
			})
		}
	})
}

// Rules that were loaded from what iptables-save printed, as netfilter-persistent does, are known and taken away as well.
func TestLoadedByOthers(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		limited := wide("tcp", 2222, 2222)
		limited.Rate = rate()
		saved, in := w.saved(), w.lines(limited)
		w.run(nil, in)
		for _, line := range slices.Collect(strings.Lines(w.saved())) {
			if line = strings.TrimSuffix(line, "\n"); strings.Contains(line, "2222") {
				f := familyOf(strings.Contains(line, "ufw6"))
				w.iptables(f, "-D "+strings.TrimPrefix(asWritten(line), "-A ")+"\n"+line)
			}
		}
		w.running(in, nil)
		w.run(in, nil)
		w.same("taken away", saved, w.saved())
	})
}

// Lines of IPv6 go where ufw was told to leave IPv6 alone meanwhile, and cannot come.
func TestIPv6SwitchedOff(t *testing.T) {
	w := played(t)
	in := w.lines(wide("tcp", 7000, 7000))
	w.run(nil, in)
	w.persist(nil, in)
	w.Put("/etc/default/ufw", hosttest.File{Content: "IPV6=no\n"})
	w.load()
	if s := w.read(); s.Running[in[0].Key] != in[0] || len(s.Running[in[1].Key].Text) != 0 || len(s.Persistent[in[1].Key].Text) != 0 {
		t.Errorf("%v", s)
	}
	w.run(in, nil)
	w.persist(in, nil)
	if strings.Contains(w.files()+w.saved(), "7000") {
		t.Error("it is still there")
	}
	if err := (Owner{}).SetRunning(t.Context(), w.Host(), nil, in); err == nil || !strings.Contains(err.Error(), "no chain ufw6-user-input") {
		t.Error(err)
	}
}

// A tuple for tcp and udp has the rules of ours among its own: they are not ours, and stay when ours go.
func TestBesideBothProtocols(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		saved, in := w.saved(), w.lines(wide("tcp", 9999, 9999))
		w.running(nil, in)
		w.run(nil, in)
		w.running(in, nil)
		w.run(in, nil)
		w.same("taken away", saved, w.saved())
		w.run(nil, in)
		w.persist(nil, in)
		// One of the two rules is gone: what is left counts as the other tuple's.
		w.iptables(ipv4(), "-D "+ipv4().input()+" -p tcp --dport 9999 -j ACCEPT")
		w.running(nil, in[:1])
		w.run(nil, in)
		w.running(in, nil)
		w.persist(in, nil)
		w.run(in, nil)
		if !strings.Contains(w.saved(), "-p tcp -m tcp --dport 9999 -j ACCEPT") {
			t.Error("another's rule is gone")
		}
	})
}

// Stopped before any of its changes and called again, it arrives; turned about, it is back.
func TestStoppedAnywhere(t *testing.T) {
	in := func(w *world) []owner.Line { return w.lines(cases()["many at once"]...) }
	clean := played(t)
	wasRunning, wasPersistent := before(clean.read().Running, in(clean)), before(clean.read().Persistent, in(clean))
	saved, files := clean.saved(), clean.files()
	both := func(w *world, outR, inR, outP, inP []owner.Line) error {
		return errors.Join(Owner{}.SetRunning(t.Context(), w.Host(), outR, inR), Owner{}.SetPersistent(t.Context(), w.Host(), outP, inP))
	}
	clean.Reset()
	check(t, both(clean, wasRunning, in(clean), wasPersistent, in(clean)))
	points, hit := clean.Changes(), 0
	for n := 1; n <= points; n++ {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			w := played(t)
			w.StopAt(n)
			if err := both(w, wasRunning, in(w), wasPersistent, in(w)); err == nil || !w.Fired() {
				t.Fatalf("it was not stopped: %v", err)
			}
			hit++
			w.Reset()
			check(t, both(w, wasRunning, in(w), wasPersistent, in(w)))
			w.same("what runs", clean.saved(), w.saved())
			w.same("the files", clean.files(), w.files())
			w.StopAt(n)
			if err := both(w, in(w), wasRunning, in(w), wasPersistent); err == nil {
				t.Error("it was not stopped on the way back")
			}
			w.Reset()
			check(t, both(w, in(w), wasRunning, in(w), wasPersistent))
			w.same("what runs, undone", saved, w.saved())
			w.same("the files, undone", files, w.files())
		})
	}
	if t.Logf("%d points, stopped at %d", points, hit); points != hit || points == 0 {
		t.Error("not at all of them")
	}
}

// As many lines as a rule may have are set, read and taken away.
func TestManyLines(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		rule := owner.Rule{Protocol: "tcp", Ports: ports(8000, 8000, 9000, 9010), IPv4: true}
		for i := range maxLines / 2 {
			rule.Sources = append(rule.Sources, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i), 0, 0}), 16))
		}
		saved, files, in := w.saved(), w.files(), w.lines(rule)
		if len(in) != maxLines {
			t.Fatalf("%d lines", len(in))
		}
		start := time.Now()
		w.run(nil, in)
		ran := time.Since(start)
		w.persist(nil, in)
		persisted := time.Since(start) - ran
		w.running(in, nil)
		t.Logf("%d lines: to run in %v, to persist in %v, read in %v", len(in), ran, persisted, time.Since(start)-ran-persisted)
		runs := w.saved()
		w.load()
		w.same("loaded anew", w.saved(), runs)
		w.run(in, nil)
		w.persist(in, nil)
		w.same("undone", saved, w.saved())
		w.same("the files, undone", files, w.files())
	})
}
