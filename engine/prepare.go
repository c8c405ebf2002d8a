package engine

import (
	"context"
	"fmt"
	"sync"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// Preparer gets what a change needs and takes long to get, such as gigabytes from a network. It does so
// before the run has the host to itself, beside other preparations and other runs, and touches nothing
// that plans manage. Apply must arrive without it too: what was prepared may be gone again.
type Preparer[S any] interface {
	// Prepares reports whether the change from have to want needs it. want is not nil.
	Prepares(have, want *S) bool
	// Prepare gets it, and tells how far it is, by one goroutine at a time.
	Prepare(ctx context.Context, h *host.Host, have, want *S, tell func(Progress)) error
}

// Progress is how far something long is.
type Progress struct {
	Addr Addr `json:"address"`
	// Done and Total are in bytes; Total is -1 where it is not known.
	Done  int64 `json:"done"`
	Total int64 `json:"total"`
	// Rate is in bytes a second, 0 where it is not known yet.
	Rate float64 `json:"rate"`
	// From says where it comes from.
	From string `json:"from,omitempty"`
	// Note says what else there is to say, such as what is waited for.
	Note string `json:"note,omitempty"`
	// Ended says that nothing more comes; Error then says why it came to nothing, or is empty.
	Ended bool   `json:"ended,omitempty"`
	Error string `json:"error,omitempty"`
}

// OptionalError is a change that could not be made, and that the plan can do without.
type OptionalError struct{ Err error }

func (e *OptionalError) Error() string { return e.Err.Error() }
func (e *OptionalError) Unwrap() error { return e.Err }

// preparations is how many things are prepared at once.
const preparations = 3

// Prepared is how the preparations of a plan's changes ended. The zero value has none.
type Prepared struct {
	mu    sync.Mutex
	ended map[Claim]error
}

// Awaits lists the changes of p that are to be prepared and have not been.
func (d *Prepared) Awaits(p *Plan) []*Change {
	var out []*Change
	for _, c := range p.Changes {
		if _, known := d.of(c); c.prepares() && !known {
			out = append(out, c)
		}
	}
	return out
}

// prepares reports whether c is to be made and needs preparation.
func (c *Change) prepares() bool {
	return (c.Action == Create || c.Action == Update) && c.Want != nil && c.Kind.prepares(c.Have, c.Want)
}

// Run prepares cs, a few at once, and keeps how each ended. An error is that of ctx.
func (d *Prepared) Run(ctx context.Context, h *host.Host, cs []*Change, tell func(Progress)) error {
	Planner{Parallelism: preparations}.each(len(cs), func(i int) {
		if ctx.Err() != nil {
			return
		}
		err := cs[i].prepare(ctx, h, tell)
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.ended == nil {
			d.ended = map[Claim]error{}
		}
		d.ended[cs[i].Claim()] = err
	})
	return context.Cause(ctx)
}

func (d *Prepared) of(c *Change) (error, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	err, known := d.ended[c.Claim()]
	return err, known
}

func (c *Change) prepare(ctx context.Context, h *host.Host, tell func(Progress)) error {
	limit := c.limit()
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("%s took longer than its timeout of %s", c.Addr, limit))
	defer cancel()
	var last Progress
	about := func(p Progress) {
		if last, last.Addr = p, c.Addr; tell != nil {
			tell(last)
		}
	}
	err := c.Kind.prepare(ctx, h, c.Have, c.Want, about)
	last.Ended = true
	if err != nil {
		err = c.cannot(err)
		last.Error = err.Error()
	}
	about(last)
	return err
}

// prepared returns why c cannot be begun, or nil. What was prepared in vain is tried again where this run
// has since changed something that c waits for.
func (r *run) prepared(ctx context.Context, c *Change) error {
	if !c.prepares() {
		return nil
	}
	if r.Prepared != nil {
		err, known := r.Prepared.of(c)
		if known && (err == nil || !r.moved(c)) {
			return err
		}
	}
	return c.prepare(ctx, r.Host, r.Tell)
}
