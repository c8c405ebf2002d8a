package host_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// perform does one step of a case.
func perform(t *testing.T, w world, s unitStep) {
	t.Helper()
	for name, text := range s.put {
		w.put(place(name), content(text))
	}
	for _, name := range s.remove {
		w.remove(place(name))
	}
	if s.do == "" {
		return
	}
	verb, unit, _ := strings.Cut(s.do, " ")
	switch verb {
	case "crash":
		w.crash(unit)
		return
	case "trigger":
		w.trigger(unit)
		return
	}
	within := settleLimit
	if s.within != 0 {
		within = s.within
	}
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	err := w.host().Units.Do(ctx, host.UnitVerb(verb), unit)
	failure, _ := errors.AsType[*host.JobError](err)
	switch {
	case s.err == "" && err != nil:
		t.Fatalf("%s: %v", s.do, err)
	case s.err != "" && failure == nil:
		t.Fatalf("%s: got %v, want a job that ends as %s", s.do, err, s.err)
	case s.err != "" && !strings.HasPrefix(failure.Result, s.err):
		t.Fatalf("%s ended as %q, want %s: %v", s.do, failure.Result, s.err, err)
	case !strings.Contains(errText(err), s.text):
		t.Fatalf("%s: %v, want an error with %q", s.do, err, s.text)
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// states reads all units of a step, in words.
func states(t *testing.T, w world, s unitStep) map[string]string {
	t.Helper()
	out := map[string]string{}
	for name := range s.want {
		st, err := w.host().View().Units.State(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = words(st)
	}
	return out
}

// words are the state of a unit in the few words that a case is about.
func words(st host.UnitState) string {
	text := st.Active + "/" + st.Sub
	for _, more := range []struct {
		is   bool
		text string
	}{
		{st.Load != "loaded", st.Load},
		{st.Result != "" && st.Result != "success", st.Result},
		{st.NeedReload, "need-reload"},
		{st.Job, "job"},
		{st.ConditionFailed, "condition"},
		{st.Invocation != "", "ran"},
	} {
		if more.is {
			text += " " + more.text
		}
	}
	return text
}

// waitFor reads until what is read is as wanted, or the limit is reached; it returns the last.
func waitFor(t *testing.T, w world, s unitStep) map[string]string {
	t.Helper()
	limit := time.Now().Add(settleLimit)
	for {
		got := states(t, w, s)
		if cmp.Equal(got, s.want) || time.Now().After(limit) {
			return got
		}
		pause()
	}
}

// TestUnitsPlayed runs the cases on the machine that hosttest plays.
func TestUnitsPlayed(t *testing.T) {
	for _, c := range unitCases() {
		t.Run(c.name, func(t *testing.T) {
			w := newPlayed(t, c)
			for name, text := range c.files {
				w.put(place(name), content(text))
			}
			for _, s := range c.steps {
				perform(t, w, s)
				if d := cmp.Diff(s.want, states(t, w, s)); d != "" {
					t.Fatalf("after %q (-want +got):\n%s", s.do, d)
				}
			}
		})
	}
}

// TestUnitsReal runs the same cases on the systemd of a machine, and compares in every step all that is
// read with what is read of the one that hosttest plays.
func TestUnitsReal(t *testing.T) {
	needLab(t)
	steps, compared, version := 0, 0, systemdVersion(t)
	for _, c := range unitCases() {
		if c.before != 0 && version >= c.before {
			t.Logf("%s: left out, systemd %d does it otherwise", c.name, version)
			continue
		}
		steps += len(c.steps)
		t.Run(c.name, func(t *testing.T) {
			fake, real := newPlayed(t, c), newBooted(t)
			real.clean(c)
			t.Cleanup(func() { real.cleanLater(c) })
			for name, text := range c.files {
				fake.put(place(name), content(text))
				real.put(place(name), content(text))
			}
			for _, s := range c.steps {
				perform(t, fake, s)
				perform(t, real, s)
				if d := cmp.Diff(s.want, waitFor(t, real, s)); d != "" {
					t.Fatalf("after %q (-want +systemd):\n%s", s.do, d)
				}
				same(t, s, real, fake)
				compared++
			}
		})
	}
	t.Logf("compared %d of %d steps of %d cases", compared, steps, len(unitCases()))
	if compared != steps {
		t.Errorf("compared %d of %d steps", compared, steps)
	}
}

// systemdVersion is that of the machine that the test runs on.
func systemdVersion(t *testing.T) (version int) {
	t.Helper()
	out, err := exec.Command("systemctl", "--version").Output()
	check(t, err)
	if _, err := fmt.Sscanf(string(out), "systemd %d", &version); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return version
}

// same compares all that both machines tell of the units of a step, but for what is different in
// every start.
func same(t *testing.T, s unitStep, real, fake world) {
	t.Helper()
	names := slices.Sorted(maps.Keys(s.want))
	glances(t, real, names)
	glances(t, fake, names)
	for name := range s.want {
		a, err := real.host().View().Units.State(t.Context(), name)
		check(t, err)
		b, err := fake.host().View().Units.State(t.Context(), name)
		check(t, err)
		if d := cmp.Diff(comparable(a), comparable(b), cmpopts.EquateEmpty()); d != "" {
			t.Errorf("after %q, %s (-systemd +fake):\n%s", s.do, name, d)
		}
	}
}

func comparable(st host.UnitState) host.UnitState {
	if st.Invocation != "" {
		st.Invocation = "some"
	}
	st.ActiveEnter = min(st.ActiveEnter, 1)
	if st.Result != "exit-code" {
		st.ExitStatus = 0 // of the last stop, which is by a signal
	}
	return st
}
