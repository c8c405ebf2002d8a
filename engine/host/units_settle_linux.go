package host

import (
	"context"
	"time"
)

const (
	// settleTime is how long a unit is watched that counts as started before its program is. A program that
	// cannot be run, or that does not like its arguments, has ended by then on all but the busiest host.
	settleTime = 500 * time.Millisecond
	// settlePause lies between two looks at it.
	settlePause = 20 * time.Millisecond
)

// Settle looks whether a unit that was started stays up.
func (s *systemd) Settle(ctx context.Context, verb UnitVerb, name string, told time.Time) error {
	look := time.NewTicker(settlePause)
	defer look.Stop()
	for start := Monotonic(); ; {
		st, err := s.Unit(ctx, name)
		if err != nil {
			return err
		}
		if st.Failing() {
			return s.failure(ctx, &JobError{Verb: verb, Unit: name, Result: "failed"}, told)
		}
		early := st.Active == "active" && (st.Type == "simple" || st.Type == "idle")
		if !early || Monotonic()-start > settleTime {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil // the job is done; there is no time to watch
		case <-look.C:
		}
	}
}
