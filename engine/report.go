package engine

import (
	"encoding/json"
	"time"
)

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
	Left      Status = "left alone"
	Missing   Status = "missing" // could not be made, and the plan can do without: see Err
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
		Cause   Cause       `json:"cause,omitempty"`
		Why     string      `json:"why,omitempty"`
		Irrev   string      `json:"irreversible,omitempty"`
		Cost    *Cost       `json:"cost,omitempty"`
		Warns   []string    `json:"warnings,omitempty"`
		Place   string      `json:"place,omitempty"`
		Error   string      `json:"error,omitempty"`
		Because Addr        `json:"because,omitempty"`
		Took    float64     `json:"seconds,omitempty"`
	}{r.Addr, r.Kind.Name(), r.Action, r.Status, r.Fields, r.Cause, r.Why, r.Irreversible, r.Cost, r.Warnings, r.Place.String(), "", r.Because, r.Took.Seconds()}
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
