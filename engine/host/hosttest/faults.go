package hosttest

import (
	"slices"
	"sync"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// ErrStopped is what every change gets once StopAt has stopped the machine.
const ErrStopped = stopped("the machine was stopped by the test")

type stopped string

func (s stopped) Error() string { return string(s) }

// faults count the changes of a machine and fail those that the test chose.
type faults struct {
	mu     sync.Mutex
	ops    []host.Op
	calls  []host.Call
	failAt int
	err    error
	stopAt int
	fired  bool
}

func (f *faults) watch(op host.Op) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ops = append(f.ops, op)
	n := len(f.ops)
	switch {
	case f.stopAt > 0 && n >= f.stopAt:
		f.fired = true
		return ErrStopped
	case f.failAt > 0 && n == f.failAt:
		f.fired = true
		return f.err
	}
	return nil
}

func (f *faults) ran(c host.Call) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, c)
}

// FailAt fails the n-th change from now, counted from 1, once. It forgets the changes so
// far and any other fault.
func (f *faults) FailAt(n int, err error) {
	f.Reset()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failAt, f.err = n, err
}

// StopAt fails the n-th change from now, counted from 1, and all later ones, as if the
// machine had died before it. It forgets the changes so far and any other fault.
func (f *faults) StopAt(n int) {
	f.Reset()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopAt = n
}

// Reset starts the machine again: no fault, no changes so far.
func (f *faults) Reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ops, f.calls, f.failAt, f.stopAt, f.err, f.fired = nil, nil, 0, 0, nil, false
}

// Fired reports whether the fault happened: a sweep whose fault never fires proves nothing.
func (f *faults) Fired() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fired
}

// Changes returns how many changes there were, those that failed included.
func (f *faults) Changes() int { return len(f.Ops()) }

// Ops returns the changes, those that failed included.
func (f *faults) Ops() []host.Op {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.ops)
}

// Calls returns the programs that were run to change something.
func (f *faults) Calls() []host.Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}
