package host

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestAhead: a clock shows what is told in steps only once a step has passed.
func TestAhead(t *testing.T) {
	at := time.Unix(1_700_000_000, 0)
	for _, c := range []struct {
		nanos time.Duration
		late  time.Duration // how long after it the clock is
		done  bool
	}{
		{123_456_789, 0, false}, {123_456_789, 1, true}, {123_456_789, -time.Millisecond, false},
		{0, time.Second, false}, {0, 2*time.Second + 1, true},
		{120 * time.Millisecond, 9 * time.Millisecond, false}, {120 * time.Millisecond, 11 * time.Millisecond, true},
	} {
		changed := at.Add(c.nanos)
		if got := ahead(changed, changed.Add(c.late)) < 0; got != c.done {
			t.Errorf("a clock %v after %v: settled %v", c.late, changed, got)
		}
	}
}

// TestSettleOfAnotherClock: what cannot be compared with this machine's clock settles by lasting.
func TestSettleOfAnotherClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun, last, changed := time.Now(), time.Now(), time.Unix(1, 5)
		look := func() (Info, error) {
			if time.Since(begun) < 300*time.Millisecond {
				last, changed = time.Now(), changed.Add(time.Millisecond)
			}
			return Info{ChangeTime: changed}, nil
		}
		info, err := settle(t.Context(), true, look)
		if kept := time.Since(last); err != nil || !info.ChangeTime.Equal(changed) || kept < distantTick || last.Equal(begun) {
			t.Errorf("settled as %v of %v, which was so for %v: %v", info.ChangeTime, changed, kept, err)
		}
	})
}

func TestSettleGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		size := int64(0)
		info, err := settle(t.Context(), true, func() (Info, error) { size++; return Info{Size: size}, nil })
		if _, unsettled := errors.AsType[*UnsettledError](err); !unsettled || info.Size != size {
			t.Errorf("%+v, %v", info, err)
		}
	})
}
