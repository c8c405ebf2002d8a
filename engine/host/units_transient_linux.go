package host

import (
	"context"
	"errors"
	"time"

	systemdbus "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
)

// monotonicTimer is what TimersMonotonic takes (org.freedesktop.systemd1(5)): a base and microseconds.
type monotonicTimer struct {
	Base string
	USec uint64
}

// execCommand is what ExecStart takes (org.freedesktop.systemd1(5)).
type execCommand struct {
	Path            string
	Args            []string
	UncleanIsFailed bool
}

func property(name string, value any) systemdbus.Property {
	return systemdbus.Property{Name: name, Value: dbus.MakeVariant(value)}
}

func (s TransientService) properties(kind string) []systemdbus.Property {
	return []systemdbus.Property{
		property("Description", s.Description),
		property("Type", kind),
		property("ExecStart", []execCommand{{s.Argv[0], s.Argv, false}}),
	}
}

// StartTimer makes one call of it, so that there is no timer without its service. The timer's accuracy is a millisecond,
// where the default is a minute. The service is started again until it has done its work, and is the last to go when
// memory runs out.
func (s *systemd) StartTimer(ctx context.Context, t TransientService, after time.Duration) error {
	timer := []systemdbus.Property{
		property("Description", t.Description),
		property("TimersMonotonic", []monotonicTimer{{"OnActiveSec", uint64(max(after, 0).Microseconds())}}),
		property("AccuracyUSec", uint64(time.Millisecond.Microseconds())),
		property("RemainAfterElapse", false),
		property("CollectMode", "inactive-or-failed"),
	}
	service := systemdbus.PropertyCollection{Name: t.Name, Properties: append(t.properties("simple"),
		property("Restart", "on-failure"), property("RestartUSec", uint64(5*time.Second.Microseconds())),
		property("OOMScoreAdjust", int32(-900)), property("CollectMode", "inactive-or-failed"))}
	return s.transient(ctx, "start-transient", t.TimerName(), timer, []systemdbus.PropertyCollection{service})
}

// RunOnce makes it a service whose start lasts until its end (Type=oneshot). One that failed stays until its error is
// put together, with what it wrote.
func (s *systemd) RunOnce(ctx context.Context, t TransientService) error {
	err := s.transient(ctx, "run-transient", t.Name, t.properties("oneshot"), nil)
	if err != nil {
		err = errors.Join(err, s.Do(ctx, ResetFailed, t.Name))
	}
	return err
}

// transient starts a unit without a file, and waits for its job.
func (s *systemd) transient(ctx context.Context, verb UnitVerb, name string, p []systemdbus.Property, aux []systemdbus.PropertyCollection) error {
	start, told, ended := Monotonic(), time.Now(), make(chan string, 1)
	var conn *systemdConn
	var id int
	err := s.repeatIf(ctx, unsent, func(c *systemdConn) (err error) {
		conn = c
		id, err = c.StartTransientUnitAux(ctx, name, "fail", p, aux, ended)
		return err
	})
	if err != nil {
		return &JobError{Verb: verb, Unit: name, Result: "refused", Err: err}
	}
	result := s.await(ctx, conn, StartUnit, name, id, ended, start)
	if result == "done" {
		return nil
	}
	return s.failure(ctx, &JobError{Verb: verb, Unit: name, Result: result}, told)
}
