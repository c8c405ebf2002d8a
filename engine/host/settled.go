package host

import (
	"context"
	"time"
)

// UnsettledError says that later changes of a file might not show in its times, so that nothing must be remembered
// by them.
type UnsettledError struct{ Why string }

func (e *UnsettledError) Error() string { return "a change of it might go unnoticed: " + e.Why }

const (
	// maxAhead is how far ahead of the clock a time may be for the clock to be waited for: more than a clock is
	// turned back when it is put right by steps.
	maxAhead = time.Second
	// distantTick is longer than any tick of the clock of a file server.
	distantTick = 100 * time.Millisecond
	// patience is how long a file is waited for that is written to all the time.
	patience = 10 * time.Second
)

// Settle describes a path itself once the clock of its file system has gone beyond the time of its last change, which
// takes some milliseconds after a change and none later: any change that comes after gives it another ChangeTime,
// as two changes within one tick of that clock do not. Where that cannot be awaited the error is an
// *UnsettledError, and the description is returned all the same.
func (t Tree) Settle(ctx context.Context, name string) (Info, error) {
	far, err := t.distant(name)
	if err != nil {
		return Info{}, err
	}
	info, err := settle(ctx, far, func() (Info, error) { return t.Lstat(name) })
	return info, named("wait for the clock to pass", name, err)
}

// settle is Settle of what look sees. The clock is read before look, so that a change before the look is in what
// it sees, and one after it is later than the clock was.
func settle(ctx context.Context, far bool, look func() (Info, error)) (Info, error) {
	begun, seen, last := time.Now(), time.Time{}, Info{}
	for {
		now, at := coarse(), time.Now()
		info, err := look()
		if err != nil {
			return Info{}, err
		}
		if seen.IsZero() || !info.Unchanged(last) {
			seen, last = time.Now(), info
		}
		wait := ahead(info.ChangeTime, now)
		if far {
			wait = distantTick + grain(info.ChangeTime) - at.Sub(seen)
		}
		switch {
		case wait < 0:
			return info, nil
		case !far && info.ChangeTime.Sub(now) > maxAhead:
			return info, &UnsettledError{"it was last changed in the future (" + info.ChangeTime.UTC().Format(time.DateTime) + "): is the clock right?"}
		case at.Sub(begun) > patience:
			return info, &UnsettledError{"it is being written to"}
		}
		if err := pause(ctx, max(wait, time.Millisecond)); err != nil {
			return info, err
		}
	}
}

// ahead is how far a clock that shows now is from showing a time that no file system tells as c; below 0 it does.
func ahead(c, now time.Time) time.Duration { return c.Sub(now) + grain(c) }

// grain is in what steps the file system of a file tells times, as far as a time gives it away: in whole seconds
// (ext3, and ext4 with small inodes) or two of them (FAT), in hundredths (exFAT), or more exactly than the clock goes.
func grain(c time.Time) time.Duration {
	switch ns := time.Duration(c.Nanosecond()); {
	case ns == 0:
		return 2 * time.Second
	case ns%(10*time.Millisecond) == 0:
		return 10 * time.Millisecond
	}
	return 0
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
