package fetch

import (
	"errors"
	"fmt"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine/human"
)

// WrongDigestError is a source that serves another file than the one that is wanted.
type WrongDigestError struct {
	Source    string
	Want, Got [32]byte
	// Kept is where the wrong file lies for people to look at, "" where it was removed.
	Kept string
}

func (e *WrongDigestError) Error() string {
	text := fmt.Sprintf("%s: serves another file: its SHA-256 is %x and not %x", e.Source, e.Got, e.Want)
	if e.Kept != "" {
		text += "; it is kept as " + e.Kept
	}
	return text
}

// Tried is a source and why the file did not come from it.
type Tried struct {
	Source string
	Err    error
}

func (t Tried) String() string {
	text := t.Err.Error()
	if strings.HasPrefix(text, t.Source) {
		return text
	}
	return t.Source + ": " + text
}

// FailedError says that no source sent the file.
type FailedError struct {
	Tried []Tried
	// Kept of Size bytes are here for the next run; Size is -1 where nobody knows it.
	Kept, Size int64
}

func (e *FailedError) Error() string {
	var parts []string
	for _, t := range e.Tried {
		parts = append(parts, t.String())
	}
	text := strings.Join(parts, "; ")
	if len(parts) > 1 {
		text = "no source has it: " + text
	}
	switch {
	case e.Kept > 0 && e.Size > 0:
		text += fmt.Sprintf(" (%s of %s are kept for the next run)", human.Bytes(e.Kept), human.Bytes(e.Size))
	case e.Kept > 0:
		text += fmt.Sprintf(" (%s are kept for the next run)", human.Bytes(e.Kept))
	}
	return text
}

// Unwrap returns what each source said.
func (e *FailedError) Unwrap() []error {
	var out []error
	for _, t := range e.Tried {
		out = append(out, t.Err)
	}
	return out
}

// localError is a failure of this machine and not of a source: no other source will do better.
type localError struct{ err error }

func (e *localError) Error() string { return e.err.Error() }
func (e *localError) Unwrap() error { return e.err }

func local(err error) error {
	if err == nil {
		return nil
	}
	return &localError{err}
}

// anotherError says that a source has another file by now than the one that the bytes here are of.
type anotherError struct{ why string }

func (e *anotherError) Error() string { return e.why }

// errStalled is the end of a request that brought nothing for too long.
var errStalled = errors.New("it sent nothing for too long")
