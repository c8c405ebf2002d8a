package journal

import "fmt"

// DamagedError is a journal that is not as it was written. It is never repaired by guessing.
type DamagedError struct {
	Path   string
	Offset int64
	// What is wrong there.
	What string
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("the journal is damaged: %s, at byte %d: %s. Bring %s back from a backup. "+
		"Without one, move it away and apply again: a new journal knows nothing of earlier runs, "+
		"so they cannot be undone and what plans have dropped is not removed",
		e.Path, e.Offset, e.What, Dir)
}

// NewerError is a journal that a newer version wrote.
type NewerError struct {
	Path         string
	Found, Known int
}

func (e *NewerError) Error() string {
	return fmt.Sprintf("%s has journal format %d and this version knows formats up to %d: "+
		"use the version that wrote it or a newer one. Nothing was changed", e.Path, e.Found, e.Known)
}

// LockedError is a host on which another run is at work.
type LockedError struct {
	// Holder is what that run says of itself: "pid 123, apply, since 2026-01-02T15:04:05Z".
	Holder string
	Err    error
}

func (e *LockedError) Error() string {
	holder := ""
	if e.Holder != "" {
		holder = " (" + e.Holder + ")"
	}
	return "another run is at work on this host" + holder + ": wait for it to end, or let --lock-timeout wait"
}

func (e *LockedError) Unwrap() error { return e.Err }

// GoneError is a run that was asked for and of which no details are kept.
type GoneError struct {
	Run int
	// Known says that there was such a run.
	Known bool
}

func (e *GoneError) Error() string {
	if !e.Known {
		return fmt.Sprintf("there is no run %d: history lists those that there are", e.Run)
	}
	return fmt.Sprintf("the details of run %d are no longer kept", e.Run)
}

// TidyError is a run that is recorded in full, after which old records could not be folded or
// removed. The next run tries again.
type TidyError struct{ Err error }

func (e *TidyError) Error() string {
	return "the run is recorded, but older records could not be tidied up: " + e.Err.Error()
}

func (e *TidyError) Unwrap() error { return e.Err }
