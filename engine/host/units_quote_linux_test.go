package host_test

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// TestUnitsLog proves that an error quotes what the service itself said in this start, and no other.
func TestUnitsLog(t *testing.T) {
	needLab(t)
	b := newBooted(t)
	says := func(text string) string {
		return "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo " + text + " >&2; exit 3'\n"
	}
	b.have(map[string]string{"a0-x.service": says("first")})
	for _, text := range []string{"once", "twice"} {
		b.put(place("a0-x.service"), content(says(text)))
		check(t, b.h.Units.Do(t.Context(), host.DaemonReload, ""))
		err := b.h.Units.Do(t.Context(), host.StartUnit, "a0-x.service")
		failure, ok := errors.AsType[*host.JobError](err)
		if !ok || !strings.Contains(err.Error(), "\n  "+text) || len(failure.Log) > 10 {
			t.Errorf("the error does not quote %q, or too much: %v", text, err)
		}
		if text == "twice" && strings.Contains(err.Error(), "once") {
			t.Errorf("the error quotes an earlier start: %v", err)
		}
	}
}

// TestUnitsLogOfTheGone proves that an error quotes also a process that was gone, with its unit's start, before
// journald got to look whose line it is.
func TestUnitsLogOfTheGone(t *testing.T) {
	needLab(t)
	b := newBooted(t)
	says := func(text string) string {
		return "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo " + text + "; exit 3'\n"
	}
	b.have(map[string]string{"a0-x.service": says("first")})
	signal := func(name string) {
		if out, err := exec.Command("systemctl", "kill", "--signal="+name, "systemd-journald.service").CombinedOutput(); err != nil {
			t.Errorf("cannot send %s to journald: %v: %s", name, err, out)
		}
	}
	for _, text := range []string{"once", "twice"} {
		b.put(place("a0-x.service"), content(says(text)))
		check(t, b.h.Units.Do(t.Context(), host.DaemonReload, ""))
		check(t, b.h.Units.Do(t.Context(), host.ResetFailed, "a0-x.service"))
		signal("STOP")
		awake := make(chan bool)
		go func() {
			defer close(awake)
			defer signal("CONT")
			for exec.Command("systemctl", "is-failed", "a0-x.service").Run() != nil && t.Context().Err() == nil {
				time.Sleep(10 * time.Millisecond)
			}
		}()
		err := b.h.Units.Do(t.Context(), host.StartUnit, "a0-x.service")
		<-awake
		if err == nil || !strings.Contains(err.Error(), "\n  "+text) || !strings.Contains(err.Error(), "\n  a0-x.service: Failed with result") {
			t.Errorf("the error does not quote %q, or not systemd: %v", text, err)
		}
		if text == "twice" && strings.Contains(err.Error(), "once") {
			t.Errorf("the error quotes an earlier start: %v", err)
		}
	}
}

// TestUnitsLogAfterAStart proves that a start whose job is done fails, and quotes why, where the service ends badly
// soon after, or has yet to be cleaned up after its end.
func TestUnitsLogAfterAStart(t *testing.T) {
	needLab(t)
	b := newBooted(t)
	for _, more := range []string{"Type=simple\n", "Type=exec\n", "Type=exec\nExecStopPost=/bin/sleep 1\n"} {
		b.have(map[string]string{"a0-x.service": daemon})
		b.put(place("a0-x.service"), content("[Service]\nExecStart=/bin/sh -c 'sleep 0.1; echo on fire; exit 3'\n"+more))
		check(t, b.h.Units.Do(t.Context(), host.DaemonReload, ""))
		check(t, b.h.Units.Do(t.Context(), host.ResetFailed, "a0-x.service"))
		st, err := b.h.Units.Start(t.Context(), host.StartUnit, "a0-x.service")
		if err == nil || !strings.Contains(err.Error(), "exited with status 3; it is failed (failed)") || !strings.Contains(err.Error(), "\n  on fire") {
			t.Errorf("with %q the start gives %s, %v", more, st.Active, err)
		}
	}
	b.put(place("a0-x.service"), content(daemon))
	check(t, b.h.Units.Do(t.Context(), host.DaemonReload, ""))
	if st, err := b.h.Units.Start(t.Context(), host.RestartUnit, "a0-x.service"); err != nil || st.Active != "active" {
		t.Errorf("a service that runs is %s, %v", st.Active, err)
	}
}
