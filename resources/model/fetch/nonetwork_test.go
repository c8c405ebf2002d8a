package fetch

import (
	"fmt"
	"syscall"
	"testing"
)

// A machine without a network does not get one by waiting: no source is asked twice. One that had sent something is
// waited for: a cable may be put back.
func TestNoNetworkIsNotWaitedFor(t *testing.T) {
	content := random(1, 300_000)
	none := fmt.Errorf("cannot reach far: %w", syscall.ENETUNREACH)
	m := newMachine(t)
	far, near := serve("far", content), serve("near", content)
	far.before = always(none)
	f := m.small()
	slept := waits(f)
	got, b := m.published(f, wanted(content, far, near))
	same(t, b, content)
	if far.requests() != 1 || got.Source != "near" || len(*slept) > 0 {
		t.Errorf("asked %d times, waited %v", far.requests(), *slept)
	}

	m = newMachine(t)
	cut := serve("cut", content)
	cut.before = func(n int, _, _ int64) error {
		if n == 2 {
			return none
		}
		return nil
	}
	f = m.small()
	f.Connections = 1
	cut.breaks = first(1, 100_000)
	slept = waits(f)
	_, b = m.published(f, wanted(content, cut))
	same(t, b, content)
	if len(*slept) == 0 {
		t.Error("a source that had sent something was given up when the network was gone for a moment")
	}
}
