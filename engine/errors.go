package engine

import "fmt"

// Mistake is an error of a plan as a whole, with its place.
type Mistake struct {
	Place   Place
	Summary string
	Detail  string
}

// Mistakes are all the mistakes of a plan.
type Mistakes []Mistake

func (ms Mistakes) Error() string {
	s := ""
	for i, m := range ms {
		if i > 0 {
			s += "\n"
		}
		s += fmt.Sprintf("%s: %s: %s", m.Place, m.Summary, m.Detail)
	}
	return s
}

// NeedError is a change that lacks something on the host; it holds unless the plan provides it.
type NeedError struct {
	Claim Claim
	Err   error
}

func (e *NeedError) Error() string { return e.Err.Error() }
func (e *NeedError) Unwrap() error { return e.Err }

// ConflictError is something on the host that is in the way of a change; it holds unless the plan
// itself changes or removes what is claimed so.
type ConflictError struct {
	Claim Claim
	Err   error
}

func (e *ConflictError) Error() string { return e.Err.Error() }
func (e *ConflictError) Unwrap() error { return e.Err }

// InUseError is a thing that is not removed because others use it, such as a directory with
// files that no plan knows.
type InUseError struct{ Detail string }

func (e *InUseError) Error() string { return e.Detail }

// OccupiedError is a place that something else holds than what a kind manages, such as a directory
// where a file is to be.
type OccupiedError struct{ Detail string }

func (e *OccupiedError) Error() string { return e.Detail }

// NotConvergedError is a change that was made without an error and did not take.
type NotConvergedError struct {
	Addr   Addr
	Fields []FieldDiff
}

func (e *NotConvergedError) Error() string {
	if len(e.Fields) == 0 {
		return fmt.Sprintf("%s was applied without an error, but reading it again does not find it so", e.Addr)
	}
	return fmt.Sprintf("%s was applied without an error, but its %s did not take", e.Addr, e.Fields[0].Name)
}

// StaleError is a host that moved since it was looked at.
type StaleError struct {
	Addr   Addr
	Fields []FieldDiff
	Since  string // "the run" or "the plan was made"
}

func (e *StaleError) Error() string {
	s := fmt.Sprintf("%s is no longer as it was when %s", e.Addr, e.Since)
	for i, f := range e.Fields {
		if i == 0 {
			s += ": "
		} else {
			s += ", "
		}
		s += f.Name
	}
	return s
}

// AttributeError is a mistake in one attribute of a block.
type AttributeError struct {
	// Name is the attribute as a plan writes it.
	Name string
	Err  error
}

func (e *AttributeError) Error() string { return e.Name + ": " + e.Err.Error() }
func (e *AttributeError) Unwrap() error { return e.Err }

// Attribute returns the name, for whoever shows the mistake at its place.
func (e *AttributeError) Attribute() string { return e.Name }
