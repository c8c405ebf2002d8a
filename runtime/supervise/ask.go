package supervise

import (
	"context"
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// question is one about the vocabulary, and the engine that was asked.
type question struct {
	reply chan *wire.Reply
	link  *link
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
	if !s.proven && !s.hope {
		return nil, s.unavailable()
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

// unavailable says why there is no engine, and when there may be one.
func (s *Supervisor) unavailable() error {
	err := &wire.UnavailableError{Reason: starting, RetryAfter: 5 * time.Second}
	if s.current == nil {
		return err
	}
	err.Reason = s.current.why
	if l := s.current.link; l != nil && l.loading != nil && l.loading.Done > 0.05 {
		left := time.Duration(float64(time.Since(s.current.since)) * float64(1-l.loading.Done) / float64(l.loading.Done))
		err.RetryAfter = min(max(left.Round(time.Second), time.Second), time.Minute)
	}
	return err
}

// forget ends a request, here and in the engine.
func (s *Supervisor) forget(q *request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.pending, q.id)
	l := q.link
	if l == nil {
		return
	}
	if !q.ended {
		l.send(&wire.ToEngine{Cancel: q.id})
	}
	q.link = nil
	if l.trial == q {
		l.trial = nil
		s.dispatch()
	}
	if l.post.role == leaving {
		s.nudge() // it may have been the last
	}
}

// Ask has a question about the vocabulary answered.
func (s *Supervisor) Ask(ctx context.Context, m *wire.ToEngine) (*wire.Reply, error) {
	id, reply, l, err := s.question()
	if err != nil {
		return nil, err
	}
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.asked, id)
		if l.post.role == leaving {
			s.nudge()
		}
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

// question notes a new question to the engine that is there.
func (s *Supervisor) question() (uint64, <-chan *wire.Reply, *link, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil || s.current.link == nil || s.current.link.ready == nil {
		return 0, nil, nil, s.unavailable()
	}
	q := question{reply: make(chan *wire.Reply, 1), link: s.current.link}
	id := s.id()
	s.asked[id] = q
	return id, q.reply, q.link, nil
}
