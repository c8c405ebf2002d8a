package ready

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/enginetest"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

func service(text string) map[string]hosttest.File {
	return map[string]hosttest.File{"/etc/systemd/system/it.service": {Content: "[Service]\nExecStart=/x\n" + text}}
}

func TestConverges(t *testing.T) {
	stopped := &hosttest.SystemdConfig{}
	runs := &hosttest.SystemdConfig{Active: []string{"it.service"}}
	enginetest.Converges(t, Kind(), []enginetest.Case[Spec]{
		{Name: "stopped", Files: service(""), Systemd: stopped, Spec: &Spec{Label: "it"}, Want: engine.Create},
		{Name: "runs", Files: service(""), Systemd: runs, Spec: &Spec{Unit: "it.service"}, Want: engine.NoOp},
		{Name: "notify", Files: service("Type=notify\n"), Systemd: stopped, Spec: &Spec{Label: "it"}, Want: engine.Create},
		{Name: "is to be stopped", Files: service(""), Systemd: runs, Spec: &Spec{Label: "it"}, Absent: true, Want: engine.Remove},
		{Name: "is stopped as it is to be", Files: service(""), Systemd: stopped, Spec: &Spec{Label: "it"}, Absent: true, Want: engine.NoOp},
		{Name: "an image", Files: service(""), Offline: true, Spec: &Spec{Label: "it"}, Want: engine.NoOp},
	})
}

func TestValidate(t *testing.T) {
	for _, unit := range []string{"it.socket", "it@.service", "it", "../x.service", ""} {
		err := (&Spec{Unit: unit}).Validate()
		if at, ok := errors.AsType[*engine.AttributeError](err); !ok || at.Name != "unit" {
			t.Errorf("%q: %v", unit, err)
		}
	}
}

// What was started and is not ready is none that is ready, and whoever waits for it is told so when the time is up.
func TestNotReady(t *testing.T) {
	m := hosttest.New(t, hosttest.Config{
		Files: service("Type=notify\n"), Systemd: &hosttest.SystemdConfig{Units: map[string]hosttest.Behaviour{"it.service": {NeverReady: true}}},
	})
	want := &Spec{Unit: "it.service"}
	ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer stop()
	err := resource{}.Apply(ctx, m.Host(), nil, want)
	if _, ok := errors.AsType[*host.JobError](err); !ok || !strings.Contains(err.Error(), "READY=1") {
		t.Errorf("a service that is never ready: %v", err)
	}
	have, err := resource{}.Read(t.Context(), m.View(), want)
	if have != nil || err != nil {
		t.Errorf("it is read as %+v (%v)", have, err)
	}
}
