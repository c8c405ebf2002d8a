package host

import (
	"context"
	"time"
)

const (
	// settleTime is how long a unit is watched that counts as started before its program is ready. A program
	// that cannot be run, or that does not like its arguments, has ended by then on all but the busiest host.
	settleTime = 500 * time.Millisecond
	// settlePause lies between two looks at it.
	settlePause = 20 * time.Millisecond
)

// Settle looks whether a unit that was started stays up. One that is on its way down is waited for, as only
// its end tells how it fared.
func (s *systemd) Settle(ctx context.Context, verb UnitVerb, name string, told time.Time) (UnitState, error) {
	look := time.NewTicker(settlePause)
	defer look.Stop()
	for start := Monotonic(); ; {
		st, err := s.Unit(ctx, name)
		if err != nil {
			return st, err
		}
		if st.Failing() {
			return st, s.failure(ctx, &JobError{Verb: verb, Unit: name, Result: "failed"}, told)
		}
		early := st.Active == "active" && (st.Type == "simple" || st.Type == "idle" || st.Type == "exec")
		if st.Active != "deactivating" && (!early || Monotonic()-start > settleTime) {
			return st, nil
		}
		select {
		case <-ctx.Done():
			return st, nil // the job is done; there is no time to watch
		case <-look.C:
		}
	}
}
