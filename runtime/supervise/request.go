package supervise

import (
	"context"
	"sync"
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// request is something that was asked for, through all the engines that it takes.
type request struct {
	req wire.Request
	// number says which came first.
	number uint64

	// Of the supervisor, under its lock: by what ID it is known, the engine that has it, if any, what has come of it, and what it is suspected of.
	id        uint64
	link      *link
	accepted  bool // by any engine
	begun     bool // by any engine
	running   bool
	fresh     bool // the engine has it and has not said so
	ended     bool
	generated []int32
	model     *wire.Model // that generated it, nil while nothing is
	// suspect says that an engine may have died of it, deaths how many died that had nothing else, and early how many that
	// had it and had not said so.
	suspect bool
	deaths  int
	early   int

	mu     sync.Mutex
	events []wire.Event
	err    error
	// waits says that no engine has it.
	waits bool
	news  chan struct{}
}

func newRequest(r *wire.Request, id uint64) *request {
	return &request{id: id, number: id, req: *r, waits: true, news: make(chan struct{}, 1)}
}

// add hands over an event.
func (q *request) add(e wire.Event) {
	q.mu.Lock()
	q.events = append(q.events, e)
	q.mu.Unlock()
	q.wake()
}

func (q *request) fail(err error) {
	q.mu.Lock()
	q.err = err
	q.mu.Unlock()
	q.wake()
}

// wait says that no engine has it, or that one has it again.
func (q *request) wait(waits bool) {
	q.mu.Lock()
	q.waits = waits
	q.mu.Unlock()
	q.wake()
}

func (q *request) wake() {
	select {
	case q.news <- struct{}{}:
	default:
	}
}

func (q *request) take() (events []wire.Event, waits bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	events, q.events = q.events, nil
	return events, q.waits, q.err
}

// follow passes on the events until the last. Of patience it is how long there may be no engine.
func (q *request) follow(ctx context.Context, patience time.Duration, tell func(wire.Event)) error {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	waited := true
	for {
		events, waits, err := q.take()
		for _, e := range events {
			if e.Refused != nil {
				return e.Refused
			}
			tell(e)
			if e.Done != nil {
				return nil
			}
		}
		if err != nil {
			return err
		}
		if waits && !waited {
			timer.Reset(patience)
		}
		if waited = waits; !waits {
			timer.Stop()
		}
		select {
		case <-q.news:
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
			return &wire.UnavailableError{Reason: "no engine is ready yet", RetryAfter: 5 * time.Second}
		}
	}
}
