package host

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"
)

// BusyError says that a path is a mount point, as a file bind-mounted into a container is.
type BusyError struct{ Path string }

func (e *BusyError) Error() string {
	return "it is a mount point: it cannot be replaced atomically or removed"
}

// Unwrap makes it an EBUSY.
func (e *BusyError) Unwrap() error { return syscall.EBUSY }

// LockedError says that another process holds a lock.
type LockedError struct {
	Path string
	// Holder is what the process that has the lock wrote about itself.
	Holder string
}

func (e *LockedError) Error() string {
	if e.Holder == "" {
		return "cannot lock " + e.Path + ": another process holds it"
	}
	return "cannot lock " + e.Path + ": held by " + e.Holder
}

// UnknownAccountError says that a host has no such user or group.
type UnknownAccountError struct {
	// Kind is "user" or "group".
	Kind string
	Name string
}

func (e *UnknownAccountError) Error() string {
	return "the host has no " + e.Kind + " " + e.Name
}

// OfflineError says that a program was to run for a root that is not the running system.
type OfflineError struct{ Program string }

func (e *OfflineError) Error() string {
	return "cannot run " + e.Program + ": the root is not the running system"
}

// ProgramError says how a program failed.
type ProgramError struct {
	Argv []string
	// Exit is the exit status, -1 if the program did not start or was killed.
	Exit int
	// Output is the end of what the program printed, at most 64 KiB.
	Output string
	Err    error
}

func (e *ProgramError) Error() string {
	text := "cannot run " + strings.Join(e.Argv, " ") + ": " + e.Err.Error()
	if out := strings.TrimSpace(e.Output); out != "" {
		text += ": " + out
	}
	return text
}

// Unwrap returns why the program failed.
func (e *ProgramError) Unwrap() error { return e.Err }

// reason is an error in words that tell what to do about it.
type reason struct {
	text string
	err  error
}

func (r *reason) Error() string { return r.text }
func (r *reason) Unwrap() error { return r.err }

// named returns err as a failure to do something with a path inside the root. An error
// that names a path already stays as it is.
func named(verb, path string, err error) error {
	if err == nil {
		return nil
	}
	if _, done := errors.AsType[*fs.PathError](err); done {
		return err
	}
	return &fs.PathError{Op: "cannot " + verb, Path: path, Err: err}
}
