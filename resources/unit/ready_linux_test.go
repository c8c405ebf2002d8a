package unit

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

// A service that was started and has not said that it is ready is not what a plan calls running: another run waits for it, and
// does not call it converged.
func TestNotReadyIsNotRunning(t *testing.T) {
	for kind, want := range map[string][]engine.FieldDiff{
		"notify": {{Name: "state", Have: "not ready", Want: running}},
		"exec":   nil,
	} {
		m := hosttest.New(t, hosttest.Config{
			Files:   files{"/etc/systemd/system/it.service": {Content: "[Service]\nType=" + kind + "\nExecStart=/x\n"}},
			Systemd: &hosttest.SystemdConfig{Units: map[string]hosttest.Behaviour{"it.service": {NeverReady: true}}},
		})
		ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
		err := m.Systemd().Do(ctx, host.StartUnit, "it.service")
		stop()
		if (err == nil) != (want == nil) {
			t.Fatalf("%s: its start: %v", kind, err)
		}
		spec := &Spec{Name: "it.service", State: running}
		have, err := resource{}.Read(t.Context(), m.View(), spec)
		if err != nil {
			t.Fatal(err)
		}
		if got := (resource{}).Diff(have, spec); !slices.Equal(got, want) {
			t.Errorf("%s: %v, not %v", kind, got, want)
		}
	}
}
