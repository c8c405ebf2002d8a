package engine

import (
	"encoding/json"
	"fmt"
	"time"
)

// Action is what is to be done to one resource.
type Action string

// The actions.
const (
	NoOp   Action = "same"
	Create Action = "create"
	Update Action = "change"
	Remove Action = "remove"
	Defer  Action = "defer" // left to the first boot of an image
	Broken Action = "error" // could not be read, or cannot be done: see Err
)

// Origin says why a change is part of a plan.
type Origin string

// The origins.
const (
	FromPlan   Origin = "declared"
	FromLedger Origin = "dropped" // the plan no longer has it: back to what was there before
	FromUndo   Origin = "undo"
)

// Change is one resource on its way from what the host has to what is wanted.
type Change struct {
	Addr   Addr
	Kind   *Kind
	Place  Place
	Origin Origin
	Action Action
	// Spec names the thing; Have and Want are it as found and as wanted, nil for absent.
	Spec, Have, Want any
	// After is the thing as read back once the change was made.
	After  any
	Fields []FieldDiff
	// Why says what is not plain from the action, such as "no longer in the plan".
	Why string
	// Irreversible says why undo will not restore what was there, or "".
	Irreversible string
	Err          error

	Claims    []Claim
	Needs     []Claim
	DependsOn []Addr
	// Head is what the ledger will keep of it; Adopt says that the ledger has yet to learn of it
	// though the host need not change.
	Head  Head
	Adopt bool
	// Prior is the ledger's entry to go back to once an undo is done, nil for none.
	Prior *Entry

	declared Declared
	exact    bool      // every recorded attribute counts, not only those that want says
	left     *Recorded // what an undo expects to find
	deps     []int     // what it refers to and needs, as indexes while planning
	waits    []*Change // what must be done first
}

// Claim is the identity of what changes.
func (c *Change) Claim() Claim { return c.Claims[0] }

// post asks the postconditions.
func (c *Change) post(have any) error {
	for _, ask := range c.declared.Post {
		if err := ask(have); err != nil {
			return fmt.Errorf("%s: %w", c.Addr, err)
		}
	}
	return nil
}

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

// InUseError is a thing that is not removed because others use it, such as a directory with
// files that no plan knows.
type InUseError struct{ Detail string }

func (e *InUseError) Error() string { return e.Detail }

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

// Status is how one change ended.
type Status string

// The statuses.
const (
	Same      Status = "same"
	Done      Status = "done"
	Failed    Status = "failed"
	Skipped   Status = "skipped"   // what it depends on failed
	Untouched Status = "untouched" // the run ended before its turn
	Deferred  Status = "deferred"  // left to the first boot
	Kept      Status = "kept"      // was to go, and others still use it
)

// Result is one change and how it ended.
type Result struct {
	*Change
	Status  Status
	Err     error
	Because Addr // what a skipped change waited for
	Took    time.Duration
}

// MarshalJSON is the shape of one resource in --json.
func (r Result) MarshalJSON() ([]byte, error) {
	out := struct {
		Addr    Addr        `json:"address"`
		Kind    string      `json:"kind"`
		Action  Action      `json:"action"`
		Status  Status      `json:"status,omitempty"`
		Fields  []FieldDiff `json:"fields,omitempty"`
		Why     string      `json:"why,omitempty"`
		Irrev   string      `json:"irreversible,omitempty"`
		Place   string      `json:"place,omitempty"`
		Error   string      `json:"error,omitempty"`
		Because Addr        `json:"because,omitempty"`
		Took    float64     `json:"seconds,omitempty"`
	}{r.Addr, r.Kind.Name(), r.Action, r.Status, r.Fields, r.Why, r.Irreversible, r.Place.String(), "", r.Because, r.Took.Seconds()}
	if r.Err != nil {
		out.Error = r.Err.Error()
	}
	return json.Marshal(out)
}

// Report is how a run ended, change by change in the order in which they were made.
type Report struct {
	Results []Result
	// Stopped says why the run ended before its last change, or is nil.
	Stopped error
}

// Count returns how many changes ended with status s.
func (r *Report) Count(s Status) int {
	n := 0
	for _, res := range r.Results {
		if res.Status == s {
			n++
		}
	}
	return n
}

// Converged reports whether everything is as wanted.
func (r *Report) Converged() bool {
	return r.Stopped == nil && r.Count(Failed)+r.Count(Skipped)+r.Count(Untouched) == 0
}
