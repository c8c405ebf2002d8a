package gguf

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// FieldError is a header that was not taken.
type FieldError struct {
	// Field is what is wrong, in words such as `n_dims of tensor "blk.0.attn_q.weight"`. Keys, tensors, elements and
	// dimensions that have no name are counted from 0.
	Field string
	// Offset is where in the file the field begins.
	Offset int64
	// Err says what is wrong with it.
	Err error
}

func (e *FieldError) Error() string {
	return fmt.Sprintf("cannot take the GGUF header: %s at byte %d: %v", e.Field, e.Offset, e.Err)
}

func (e *FieldError) Unwrap() error { return e.Err }

// refuse is a FieldError about the field that format and args name.
func refuse(at int64, err error, format string, args ...any) error {
	return &FieldError{Field: fmt.Sprintf(format, args...), Offset: at, Err: err}
}

// show quotes a name from a file: what is not printable is escaped, and what is long is cut.
func show(name string) string {
	const most = 80
	if len(name) <= most {
		return strconv.Quote(name)
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(name[cut]) {
		cut--
	}
	return strconv.Quote(name[:cut]) + "…"
}
