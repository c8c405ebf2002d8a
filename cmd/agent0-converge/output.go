package main

import (
	"io"
	"os"

	"golang.org/x/term"
)

// output is the standard output. It remembers that something could not be written: what a plan
// would change is not said if nobody could read it. A run goes on all the same.
type output struct {
	w   io.Writer
	err error
}

func (o *output) Write(b []byte) (int, error) {
	n, err := o.w.Write(b)
	if o.err == nil {
		o.err = err
	}
	return n, err
}

// terminal returns the terminal that w writes to, or nil.
func terminal(w io.Writer) *os.File {
	if o, ok := w.(*output); ok {
		w = o.w
	}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return f
	}
	return nil
}
