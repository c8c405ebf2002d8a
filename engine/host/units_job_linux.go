package host

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/godbus/dbus/v5"
)

// Do tells systemd, and waits for the end of the job that follows from it.
func (s *systemd) Do(ctx context.Context, verb UnitVerb, name string) error {
	switch verb {
	case DaemonReload:
		err := s.repeat(ctx, func(c *systemdConn) error { return c.ReloadContext(ctx) })
		if err != nil {
			return fmt.Errorf("cannot daemon-reload: %w", err)
		}
		return nil
	case ResetFailed:
		err := s.repeat(ctx, func(c *systemdConn) error { return c.ResetFailedUnitContext(ctx, name) })
		if err != nil && !answered(err, "NoSuchUnit") {
			return fmt.Errorf("cannot reset-failed %s: %w", name, err)
		}
		return nil
	}
	told := time.Now()
	result, err := s.job(ctx, verb, name)
	if result == "done" || result == "skipped" {
		return nil
	}
	if result == "" {
		return fmt.Errorf("cannot %s %s: %w", verb, name, err)
	}
	return s.failure(ctx, &JobError{Verb: verb, Unit: name, Result: result, Err: err}, told)
}

// job makes a job and returns how it ended; what systemd said where it made none.
func (s *systemd) job(ctx context.Context, verb UnitVerb, name string) (result string, err error) {
	start, ended := Monotonic(), make(chan string, 1)
	var conn *systemdConn
	var id int
	err = s.repeatIf(ctx, unsent, func(c *systemdConn) error {
		conn = c
		id, err = c.enqueue(ctx, verb, name, ended)
		return err
	})
	switch {
	case err == nil:
		return s.await(ctx, conn, verb, name, id, ended, start), nil
	case conn == nil:
		return "", err
	case ctx.Err() != nil:
		return "unanswered" + after(start), nil
	case !lost(err):
		return "refused", err
	case !s.untouched(ctx, name, start):
		return s.lookAgain(ctx, verb, name, start), err
	}
	conn, again := s.current(ctx)
	if again != nil {
		return "", errors.Join(err, again)
	}
	if id, err = conn.enqueue(ctx, verb, name, ended); err != nil {
		return "refused", err
	}
	return s.await(ctx, conn, verb, name, id, ended, start), nil
}

// untouched reports whether nothing has become of a unit since start, and nothing is about to: then systemd did
// not get to hear of a job whose call it did not answer. Of a unit that it does not keep in memory it cannot tell.
func (s *systemd) untouched(ctx context.Context, name string, start time.Duration) bool {
	var changed time.Duration
	err := s.read(ctx, func(ctx context.Context, c *systemdConn) error {
		p, err := c.GetUnitPropertiesContext(ctx, name)
		if err != nil {
			return err
		}
		job, _ := p["Job"].([]any)
		at, _ := p["StateChangeTimestampMonotonic"].(uint64)
		if changed = time.Duration(at) * time.Microsecond; len(job) == 0 || job[0] != uint32(0) {
			changed = 0
		}
		return nil
	})
	return err == nil && changed > 0 && changed < start
}

// unsent reports whether err says that a call never left.
func unsent(err error) bool {
	return errors.Is(err, dbus.ErrClosed) || errors.Is(err, syscall.EPIPE)
}

// answered reports whether err is systemd's own error of that name.
func answered(err error, name string) bool {
	answer, ok := errors.AsType[dbus.Error](err)
	return ok && answer.Name == systemdName+"."+name
}

// repeat does what may be done twice, and does it again if the connection breaks meanwhile.
func (s *systemd) repeat(ctx context.Context, do func(*systemdConn) error) error {
	return s.repeatIf(ctx, lost, do)
}

// repeatIf does something, and does it again on a new connection if its error is such.
func (s *systemd) repeatIf(ctx context.Context, such func(error) bool, do func(*systemdConn) error) error {
	conn, err := s.current(ctx)
	if err != nil {
		return err
	}
	if err = do(conn); !such(err) {
		return err
	}
	conn.close()
	if conn, err = s.current(ctx); err != nil {
		return err
	}
	return do(conn)
}

// enqueue makes a job. Its end is told to ended, also if it comes before enqueue returns: go-systemd
// holds back the signals until it knows the job's name.
func (c *systemdConn) enqueue(ctx context.Context, verb UnitVerb, name string, ended chan<- string) (int, error) {
	switch verb {
	case StartUnit:
		return c.StartUnitContext(ctx, name, "replace", ended)
	case StopUnit:
		return c.StopUnitContext(ctx, name, "replace", ended)
	case RestartUnit:
		return c.RestartUnitContext(ctx, name, "replace", ended)
	case ReloadUnit:
		return c.ReloadUnitContext(ctx, name, "replace", ended)
	}
	return 0, fmt.Errorf("systemd knows no %q", verb)
}

// await returns how the job ended. Besides waiting for the signal it looks now and then whether the
// job is still there, so that a signal that got lost with a bus, or with systemd executing itself
// anew, does not make it wait for ever.
func (s *systemd) await(ctx context.Context, conn *systemdConn, verb UnitVerb, name string, id int,
	ended <-chan string, start time.Duration,
) string {
	look := time.NewTicker(jobPause)
	defer look.Stop()
	for gone := false; ; {
		select {
		case result := <-ended:
			return result
		case <-ctx.Done():
			return s.unfinished(ctx, name, start)
		case <-conn.raw[0].Context().Done():
			return s.lookAgain(ctx, verb, name, start)
		case <-conn.raw[1].Context().Done():
			return s.lookAgain(ctx, verb, name, start)
		case <-look.C:
			if gone { // and its signal has had time to arrive
				return s.lookAgain(ctx, verb, name, start)
			}
			err := conn.call(ctx, systemdPath, systemdManager+".GetJob", uint32(id)).Err
			gone = answered(err, "NoSuchJob") || lost(err)
		}
	}
}

// unfinished says in which state a unit is whose job the context did not wait for.
func (s *systemd) unfinished(ctx context.Context, name string, start time.Duration) string {
	ctx, done := context.WithTimeout(context.WithoutCancel(ctx), aftermathLimit)
	defer done()
	if st, err := s.Unit(ctx, name); err == nil {
		return "still " + st.Active + after(start)
	}
	return "unfinished" + after(start)
}

func after(start time.Duration) string {
	return " after " + (Monotonic() - start).Round(100*time.Millisecond).String()
}

// lookAgain finds out by the unit's state what became of a job of which the connection broke, or whose end
// was not told. The job itself is not made again: a service would be restarted twice.
func (s *systemd) lookAgain(ctx context.Context, verb UnitVerb, name string, start time.Duration) string {
	look := time.NewTicker(dialPause)
	defer look.Stop()
	for {
		st, err := s.Unit(ctx, name)
		switch {
		case ctx.Err() != nil:
			return s.unfinished(ctx, name, start)
		case err != nil:
			return "lost"
		case !st.Job:
			return judge(verb, st, start)
		}
		select {
		case <-ctx.Done():
			return s.unfinished(ctx, name, start)
		case <-look.C:
		}
	}
}

// judge says how a job ended that left a unit in a state.
func judge(verb UnitVerb, st UnitState, start time.Duration) string {
	up := st.Active == "active" || st.Active == "reloading" || st.Active == "refreshing"
	down := st.Active == "inactive" || st.Active == "failed"
	switch {
	case verb == StartUnit && up, verb == StopUnit && down, verb == RestartUnit && up && st.ActiveEnter >= start:
		return "done"
	case verb != StopUnit && st.Active == "failed":
		return "failed"
	}
	return "lost"
}
