package template

import "fmt"

// SyntaxError says that a text is not a template, or asks for something that templates cannot have here.
type SyntaxError struct {
	Line   int // from 1
	Reason string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("template line %d: %s", e.Line, e.Reason) }

// RaisedError says that a template refuses the conversation (raise_exception): its sender has to change it.
type RaisedError struct {
	Message string
}

func (e *RaisedError) Error() string { return e.Message }

// EvalError says that a template does not work with the data it was given: Python would have raised a TypeError, an
// UndefinedError or their like.
type EvalError struct {
	Line   int // of the statement, from 1
	Reason string
}

func (e *EvalError) Error() string { return fmt.Sprintf("template line %d: %s", e.Line, e.Reason) }

// fail makes an EvalError; its line is filled in where the error leaves the template.
func fail(format string, a ...any) error { return &EvalError{Reason: fmt.Sprintf(format, a...)} }

// What a LimitError says has run out.
const (
	LimitSource  = "source"  // bytes or tokens of the template
	LimitFuel    = "fuel"    // work
	LimitTime    = "time"    // the deadline
	LimitMemory  = "memory"  // bytes built on the way
	LimitOutput  = "output"  // bytes printed
	LimitDepth   = "depth"   // macros, values or generators within each other
	LimitInteger = "integer" // 64 bits
	LimitRange   = "range"   // numbers of one range()
)

// LimitError says that a template was ended because it, or its data, asks for too much.
type LimitError struct {
	Which string // one of the Limit constants
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("the template was ended: it is over its limit of %s", e.Which)
}
