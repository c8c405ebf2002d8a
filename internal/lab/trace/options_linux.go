package trace

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// ErrNotPermitted is that this machine does not let us trace: a test should say so and skip.
var ErrNotPermitted = errors.New("ptrace is not permitted here")

// When is the side of a point on which to kill.
type When string

// The two sides of a point: the call has no effect, or all of its effect.
const (
	Before When = "before"
	After  When = "after"
)

// Kill is where to kill a run. The zero Kill lets it finish.
type Kill struct {
	// N is the point's index, from 1.
	N int
	// When is the side of it.
	When When
}

// String is the kill in words, as in "killed before point 3".
func (k Kill) String() string {
	if k.N == 0 {
		return "not killed"
	}
	return fmt.Sprintf("killed %s point %d", k.When, k.N)
}

// KillBefore kills at the entry of point n, which does not happen.
func KillBefore(n int) Kill { return Kill{N: n, When: Before} }

// KillAfter kills when point n has happened and its caller does not know it yet.
func KillAfter(n int) Kill { return Kill{N: n, When: After} }

// Options say what counts and what to do with it.
type Options struct {
	// Under limits the points to files at or below these paths; empty means everywhere.
	// A sync of a whole file system counts in any case.
	Under []string
	// Kill is where to kill all processes of the run.
	Kill Kill
	// Record asks for Result.Events.
	Record bool
	// Extra makes points of further calls, such as sends to a netlink socket. It is asked about
	// each call that is not a point already, at its entry and perhaps twice, whatever Under says.
	Extra func(Syscall) bool
}

// Result is what a run did.
type Result struct {
	// Fired is whether the Kill was reached. A sweep must fail when it was not.
	Fired bool
	// Status is how the program itself ended.
	Status unix.WaitStatus
	// Points are those seen, the one that was killed last.
	Points []Point
	// Events are the points with their effects, if Options.Record is set.
	Events []Event
	// Blind lists what the program did that can change files unseen.
	Blind []string
}

// Exit is how the program ended, in words.
func (r Result) Exit() string {
	if r.Status.Signaled() {
		return "signal " + unix.SignalName(r.Status.Signal())
	}
	return fmt.Sprintf("exit %d", r.Status.ExitStatus())
}
