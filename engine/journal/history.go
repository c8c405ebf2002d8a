package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
)

// Info says what a run is. What its caller leaves empty of User, PID and Boot, Start fills in.
type Info struct {
	ID int `json:"id"`
	// Verb is the command: apply, undo.
	Verb string `json:"verb"`
	// Plan is the plan's name, Digest that of its text.
	Plan   string `json:"plan,omitempty"`
	Digest string `json:"plan_digest,omitempty"`
	// To is the first run that an undo takes back.
	To int `json:"to,omitempty"`
	// Args are the command's arguments. Secrets that the run knows of are not shown.
	Args []string `json:"args,omitempty"`
	// User is who ran it: with sudo, who ran sudo.
	User string `json:"user,omitempty"`
	PID  int    `json:"pid,omitempty"`
	// Boot is the id of the boot in which it ran; empty for a root that is not running.
	Boot string `json:"boot,omitempty"`
	// Version is that of the program.
	Version string    `json:"version,omitempty"`
	Began   time.Time `json:"began"`
}

// Result is how a run ended.
type Result string

// The results. A run without one is at work still, or was cut short and not yet recovered from.
const (
	Converged   Result = "converged"
	Failed      Result = "failed"
	Interrupted Result = "interrupted"
)

// Counts are what a run did.
type Counts struct {
	// Changed is how many changes of the host ended well, Failed how many did not.
	Changed int `json:"changed"`
	Failed  int `json:"failed,omitempty"`
	// Settled is how many entries of the ledger changed alone.
	Settled int `json:"settled,omitempty"`
	// Cut is how many changes were begun and never ended.
	Cut int `json:"cut,omitempty"`
}

// RunInfo is one run in short.
type RunInfo struct {
	Info
	Ended  time.Time `json:"ended,omitzero"`
	Result Result    `json:"result,omitempty"`
	Counts
	// Moments are when it changed what, where that matters: in its own boot.
	Moments map[engine.Claim]Moment `json:"moments,omitempty"`
	// Mark is what became of a change that had to be confirmed, nil where there was none.
	Mark *engine.RunMark `json:"mark,omitempty"`
	// Kept says that Show and Past know its details.
	Kept bool `json:"-"`
}

// Run is one run in full.
type Run struct {
	RunInfo
	Changes []*RunChange
	// Calls are programs that ran outside of any change.
	Calls []Call
}

// RunChange is one change of a run.
type RunChange struct {
	Addr         engine.Addr
	Kind         string
	Origin       engine.Origin
	Action       engine.Action
	Claims       []engine.Claim
	Why          string
	Irreversible string
	// Fields are as they were shown; long values are shortened and secrets never in them.
	Fields []engine.FieldDiff
	Began  time.Time
	Took   time.Duration
	// Settled is a change of the ledger alone.
	Settled bool
	// Ended is false for a change that the run was cut short in.
	Ended bool
	// Error is how the change failed, or "".
	Error string
	Calls []Call

	begun *begun
	ended *ended
}

// Call is a program that a run ran.
type Call struct {
	Argv []string      `json:"argv"`
	Exit int           `json:"exit"`
	Took time.Duration `json:"took"`
	// Output is the end of what it printed.
	Output string `json:"output,omitempty"`
}

// newRun puts the records of a run together.
func newRun(recs []record) (*Run, error) {
	run := &Run{RunInfo: RunInfo{Info: *recs[0].Run, Kept: true}}
	open := map[int]*RunChange{}
	for _, r := range recs[1:] {
		var err error
		switch {
		case r.Begin != nil:
			open[r.Begin.N] = run.add(r.Begin, false)
		case r.Settle != nil:
			run.add(r.Settle, true)
		case r.Call != nil:
			if c := open[r.Call.N]; c != nil {
				c.Calls = append(c.Calls, r.Call.Call)
			} else {
				run.Calls = append(run.Calls, r.Call.Call)
			}
		case r.End != nil:
			c := open[r.End.N]
			if err = c.end(r.End); err == nil {
				run.note(c, r.End.At)
			}
			delete(open, r.End.N)
		case r.Done != nil:
			run.Ended, run.Result = r.Done.Time, r.Done.Result
			run.noteCut(r.Done.At)
		}
		if err != nil {
			return nil, err
		}
	}
	run.count()
	return run, nil
}

func (run *Run) add(b *begun, settled bool) *RunChange {
	c := &RunChange{
		Addr: b.Addr, Kind: b.Kind, Origin: b.Origin, Action: b.Action, Claims: b.Claims, Why: b.Why,
		Irreversible: b.Irreversible, Fields: b.Fields, Began: b.Time, Settled: settled, Ended: settled, begun: b,
	}
	run.Changes = append(run.Changes, c)
	return c
}

func (c *RunChange) end(e *ended) error {
	if c == nil {
		return fmt.Errorf("change %d ends without having begun", e.N)
	}
	c.Ended, c.Took, c.Error, c.ended = true, e.Took, e.Error, e
	if e.Why != "" {
		c.Why = e.Why
	}
	return nil
}

func (run *Run) count() {
	run.Counts = Counts{}
	for _, c := range run.Changes {
		switch {
		case c.Settled:
			run.Settled++
		case !c.Ended:
			run.Cut++
		case c.Error != "":
			run.Failed++
		default:
			run.Changed++
		}
	}
}

// Unfinished lists the changes that the run was cut short in: begun and never ended.
func (run *Run) Unfinished() []*RunChange {
	return slices.DeleteFunc(slices.Clone(run.Changes), func(c *RunChange) bool { return c.Ended })
}

// History lists the runs that recorded something, oldest first. Old ones are not Kept, and very
// old ones are not listed.
func (j *Journal) History() ([]RunInfo, error) {
	j.mu.RLock()
	defer j.mu.RUnlock()
	runs, err := j.state.history()
	if err != nil {
		return nil, err
	}
	for i := range runs {
		if runs[i].Mark, err = j.mark(runs[i].ID); err != nil {
			return nil, err
		}
	}
	return runs, nil
}

// Interrupted returns the last run if it did not say how it ended, or nil. Under the lock it was
// cut short; without it, it may be at work.
func (j *Journal) Interrupted() *Run {
	j.mu.RLock()
	defer j.mu.RUnlock()
	return j.state.open
}

// Show returns all that is recorded of the run id, or a *GoneError.
func (j *Journal) Show(id int) (*Run, error) {
	j.mu.RLock()
	last := j.state.last
	j.mu.RUnlock()
	if id < 1 || id > last {
		return nil, &GoneError{Run: id}
	}
	b, err := j.tree.ReadFile(runPath(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &GoneError{Run: id, Known: true}
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the journal: %w", err)
	}
	recs, size, err := parseRun(runPath(id), b, id == last)
	if err != nil {
		return nil, err
	}
	if len(recs) == 0 {
		return nil, &GoneError{Run: id}
	}
	run, err := newRun(recs)
	if err != nil {
		return nil, &DamagedError{Path: runPath(id), Offset: size, What: err.Error()}
	}
	run.Mark, err = j.mark(id)
	return run, err
}
