package hosttest_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

// A timer without a file waits until it is stopped or its time passes, and then runs its service once.
func TestTransientTimer(t *testing.T) {
	var ran [][]string
	fails := errors.New("no")
	m := hosttest.New(t, hosttest.Config{Systemd: &hosttest.SystemdConfig{Command: func(argv []string) error {
		ran = append(ran, argv)
		if argv[0] == "/bin/fails" {
			return fails
		}
		return nil
	}}})
	h, s := m.Host(), host.TransientService{Name: "x.service", Argv: []string{"/bin/x", "1"}}
	if err := h.Units.StartTransientTimer(t.Context(), s, time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := h.Units.StartTransientTimer(t.Context(), s, time.Minute); err == nil || !strings.Contains(err.Error(), "already exists") {
		t.Errorf("twice: %v", err)
	}
	tell(t, m, host.DaemonReload, "")
	if got := m.Systemd().Waiting(); got["x.service"] != time.Minute || len(got) != 1 || len(ran) != 0 {
		t.Errorf("waiting %v, ran %v", got, ran)
	}
	if err := m.Systemd().Elapse("x.service"); err != nil || len(ran) != 1 || !slices.Equal(ran[0], s.Argv) {
		t.Errorf("%v, ran %v", err, ran)
	}
	if err := m.Systemd().Elapse("x.service"); err == nil || len(m.Systemd().Waiting()) != 0 {
		t.Error("it elapsed twice")
	}
	if err := h.Units.StartTransientTimer(t.Context(), s, time.Minute); err != nil {
		t.Fatal(err)
	}
	tell(t, m, host.StopUnit, "x.timer")
	if err := m.Systemd().Elapse("x.service"); err == nil {
		t.Error("it elapsed after it was stopped")
	}
	err := h.Units.RunTransient(t.Context(), host.TransientService{Name: "y.service", Argv: []string{"/bin/fails"}})
	if failure, ok := errors.AsType[*host.JobError](err); !ok || failure.Result != "failed" || !errors.Is(err, fails) {
		t.Errorf("a service that fails: %v", err)
	}
	if got := m.Calls(); len(got) != 6 || got[5].Exit != 1 || !slices.Equal(got[5].Argv, []string{"systemd", "run-transient", "y.service"}) {
		t.Errorf("calls: %+v", got)
	}
	m.FailAt(1, fails)
	if err := h.Units.StartTransientTimer(t.Context(), s, time.Minute); !errors.Is(err, fails) || len(m.Systemd().Waiting()) != 0 {
		t.Errorf("a change that may not be made: %v, %v", err, m.Systemd().Waiting())
	}
}
