// Package fetch gets large files whose SHA-256 is known: from several sources in order, in segments at once,
// so that what was got is never got twice and what is wrong is never taken for right.
package fetch

import (
	"context"
	"fmt"
	"io"
	"time"
)

// Source is a place that a file may be got from.
type Source interface {
	// String names the source for people: its address without passwords, tokens and queries.
	String() string
	// Open asks for the bytes of the file from off on: length of them, or all where length is -1. same is the
	// Version of an earlier Body of this source, "" for any: a source that can tell sends nothing of another
	// version from the middle on, but the whole file. Errors that are not one of this package's types are
	// passing ones, such as a connection that broke. The end of ctx ends the body too.
	Open(ctx context.Context, off, length int64, same string) (*Body, error)
}

// Body is what a source sends.
type Body struct {
	io.ReadCloser
	// Offset is where in the file it begins: what was asked for, or 0 where the source has no ranges or
	// has another version by now.
	Offset int64
	// Size is how long the whole file is in bytes, -1 where the source does not say.
	Size int64
	// Version tells one content of the source from another, as a strong ETag does; "" where nothing does.
	Version string
	// Ranges says that the source can be asked for any part, also for several at once.
	Ranges bool
}

// RefusedError is a source that will not serve the file however often it is asked: it has no such file, denies
// it, or serves something else, such as a login page.
type RefusedError struct {
	Source string
	// Why says what is wrong, and what to do where somebody can do something.
	Why string
}

func (e *RefusedError) Error() string { return e.Source + ": " + e.Why }

// BusyError is a source that asks to be left alone for a while.
type BusyError struct {
	Source string
	// Why is what it says, such as "429 Too Many Requests".
	Why string
	// After is how long it asks for, 0 where it does not say.
	After time.Duration
}

func (e *BusyError) Error() string {
	if e.After == 0 {
		return fmt.Sprintf("%s: %s", e.Source, e.Why)
	}
	return fmt.Sprintf("%s: %s: asks to come back in %s", e.Source, e.Why, e.After)
}

// UnreachableError is a source that no connection could be made to: it is not up, or this machine has no way there.
type UnreachableError struct{ Err error }

func (e *UnreachableError) Error() string { return e.Err.Error() }

// Unwrap returns why.
func (e *UnreachableError) Unwrap() error { return e.Err }
