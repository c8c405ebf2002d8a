// Package supervise keeps an engine at work and gives it requests. An engine may die at any time: what was asked of it is
// asked of the next one, which goes on where the client was left. A request that engines die of is found out, and given up.
package supervise

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// Process is an engine that was started or found.
type Process struct {
	Conn net.Conn
	// Kill ends it, where that is ours to do. It may be called more than once.
	Kill func()
	// Wait returns, when its connection is lost, how it ended: "exit status 1", "signal: killed".
	Wait func() string
}

// Config is what a supervisor works with.
type Config struct {
	// Start starts or finds an engine, until the context ends.
	Start func(context.Context) (*Process, error)
	// Patience is how long a request waits for an engine to be replaced.
	Patience time.Duration
	// Hang is how long an engine that has work may say nothing; it is never less than ten of its longest steps.
	Hang time.Duration
	// Backoff is how long the second start in a row waits, and MaxBackoff the longest: each waits twice as long.
	Backoff, MaxBackoff time.Duration
}

// DefaultConfig is what there is to be said where nothing is, but for Start.
func DefaultConfig() Config {
	return Config{Patience: time.Minute, Hang: 10 * time.Second, Backoff: 100 * time.Millisecond, MaxBackoff: 10 * time.Second}
}

// Supervisor gives requests to an engine. Its methods may be called by several goroutines at once.
type Supervisor struct {
	cfg Config

	mu sync.Mutex
	// link is the engine that is there, nil while there is none.
	link *link
	// pending are all requests that have not ended, by ID, whether an engine has them or not.
	pending map[uint64]*request
	asked   map[uint64]chan *wire.Reply
	last    uint64
	status  wire.Status
	// proven says that an engine has been ready: then a request waits for the next one.
	proven     bool
	quarantine quarantine
	// changed is closed when the engine becomes ready or is lost.
	changed chan struct{}
	// trial is the suspect that an engine has for itself, nil if none has.
	trial *request
}

// New makes a supervisor, which does nothing until Run.
func New(cfg Config) *Supervisor {
	return &Supervisor{
		cfg: cfg, changed: make(chan struct{}), pending: map[uint64]*request{}, asked: map[uint64]chan *wire.Reply{},
		status: wire.Status{Why: "the engine is being started", Since: time.Now(), Exits: map[string]uint64{}},
	}
}

// Run keeps an engine at work until the context ends, which ends all requests and the engine.
func (s *Supervisor) Run(ctx context.Context) error {
	wait := time.Duration(0)
	for {
		ready, err := s.attend(ctx)
		if ctx.Err() != nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.abandon(ctx.Err())
			return ctx.Err()
		}
		if ready {
			wait = 0 // what it died of is found out, and given up
		}
		slog.Warn("the engine is gone", "error", err, "next_start_in", wait.String())
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		wait = min(max(2*wait, s.cfg.Backoff), s.cfg.MaxBackoff)
	}
}

// attend starts an engine and speaks with it until it is lost. It reports whether it became ready.
func (s *Supervisor) attend(ctx context.Context) (ready bool, err error) {
	p, err := s.cfg.Start(ctx)
	if err != nil {
		s.set(func(st *wire.Status) { st.Why = "the engine cannot be started: " + err.Error() })
		return false, err
	}
	l := newLink(s, p)
	err = l.run(ctx)
	how := p.Wait()
	s.lost(l, how)
	return l.ready != nil, errors.Join(err, errors.New(how))
}

func (s *Supervisor) set(change func(*wire.Status)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.status)
}

// Status returns what is known of the engine.
func (s *Supervisor) Status() wire.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.status
	st.Exits = maps.Clone(st.Exits)
	return st
}

// Changed returns a channel that is closed when the engine becomes ready or is lost.
func (s *Supervisor) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

func (s *Supervisor) change() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Generate computes one sequence. tell is called by this goroutine with its events, Accepted first; after Done it returns nil.
// Otherwise its error is a *wire.Refused, a *wire.UnavailableError, or that of the context, whose end cancels the request.
func (s *Supervisor) Generate(ctx context.Context, r *wire.Request, tell func(wire.Event)) error {
	q, err := s.begin(r)
	if err != nil {
		return err
	}
	defer s.forget(q)
	return q.follow(ctx, s.cfg.Patience, tell)
}

// begin takes a request in, if there is an engine for it or will be one.
func (s *Supervisor) begin(r *wire.Request) (*request, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.proven {
		return nil, &wire.UnavailableError{Reason: s.status.Why, RetryAfter: s.retryAfter()}
	}
	if s.quarantine.has(r) {
		return nil, condemned()
	}
	id := s.id()
	q := newRequest(r, id)
	s.pending[id] = q
	s.dispatch()
	return q, nil
}

// id returns a new ID.
func (s *Supervisor) id() uint64 {
	s.last++
	return s.last
}

// retryAfter is when an engine that is loading may be ready.
func (s *Supervisor) retryAfter() time.Duration {
	if l := s.status.Loading; l != nil && l.Done > 0.05 {
		left := time.Duration(float64(time.Since(s.status.Since)) * float64(1-l.Done) / float64(l.Done))
		return min(max(left.Round(time.Second), time.Second), time.Minute)
	}
	return 5 * time.Second
}

// forget ends a request, here and in the engine.
func (s *Supervisor) forget(q *request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.pending, q.id)
	if q.link != nil && q.link == s.link && !q.ended {
		q.link.send(&wire.ToEngine{Cancel: q.id})
	}
	q.link = nil
	if s.trial == q {
		s.trial = nil
		s.dispatch()
	}
}

// Ask has a question about the vocabulary answered.
func (s *Supervisor) Ask(ctx context.Context, m *wire.ToEngine) (*wire.Reply, error) {
	reply := make(chan *wire.Reply, 1)
	s.mu.Lock()
	l := s.link
	if l == nil || l.ready == nil {
		err := &wire.UnavailableError{Reason: s.status.Why, RetryAfter: s.retryAfter()}
		s.mu.Unlock()
		return nil, err
	}
	id := s.id()
	s.asked[id] = reply
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.asked, id)
		s.mu.Unlock()
	}()
	copied := *m
	if m.Tokenize != nil {
		q := *m.Tokenize
		q.ID, copied.Tokenize = id, &q
	} else {
		q := *m.Detokenize
		q.ID, copied.Detokenize = id, &q
	}
	l.send(&copied)
	select {
	case r := <-reply:
		return r, nil
	case <-l.gone:
		return nil, &wire.UnavailableError{Reason: "the engine was lost", RetryAfter: time.Second}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// abandon ends all requests.
func (s *Supervisor) abandon(err error) {
	for _, q := range s.pending {
		q.fail(err)
	}
}

// ordered returns the pending requests, oldest first.
func (s *Supervisor) ordered() []*request {
	return slices.SortedFunc(maps.Values(s.pending), func(a, b *request) int { return cmp.Compare(a.number, b.number) })
}
