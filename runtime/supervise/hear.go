package supervise

import (
	"log/slog"
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// failedRetry is when to try again after a model could not be loaded.
const failedRetry = 30 * time.Second

// greeted takes in an engine.
func (s *Supervisor) greeted(l *link, h *wire.Hello) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.link = l
	s.status.Hello, s.status.Loading, s.status.Ready = h, nil, nil
	s.status.Why, s.status.Since = "the engine is starting", time.Now()
}

// hear takes in what an engine says.
func (s *Supervisor) hear(l *link, m *wire.FromEngine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.heard = time.Now()
	switch {
	case m.Step != nil:
		s.step(l, m.Step)
	case m.Reply != nil:
		if reply := s.asked[m.Reply.ID]; reply != nil {
			reply <- m.Reply
			delete(s.asked, m.Reply.ID)
		}
	case m.Loading != nil:
		s.status.Loading, s.status.Why = m.Loading, "the model is being loaded"
	case m.Failed != "":
		l.failed = true
		s.status.Loading, s.status.Why = nil, m.Failed
		s.change()
		s.proven = false // it will not be back soon
		s.abandon(&wire.UnavailableError{Reason: m.Failed, RetryAfter: failedRetry})
	case m.Ready != nil:
		slog.Info("the engine has generated a token", "model", m.Ready.Model.Path, "load", m.Ready.Load.String())
		l.ready = m.Ready
		s.status.Loading, s.status.Ready, s.status.Why, s.status.Since = nil, m.Ready, "", time.Now()
		s.proven = true
		s.change()
		s.dispatch()
	}
}

// step takes in the events of requests, and which of them the engine computes next.
func (s *Supervisor) step(l *link, step *wire.Step) {
	for _, e := range step.Events {
		q := s.pending[e.ID]
		if q == nil || q.link != l {
			continue
		}
		switch {
		case e.Accepted != nil:
			q.fresh = false
			if q.accepted {
				continue // that was told the first time
			}
			q.accepted = true
		case e.Token != nil:
			q.generated = append(q.generated, e.Token.ID)
			s.cleared(q)
		case e.Done != nil, e.Refused != nil:
			q.ended = true
			s.cleared(q)
		}
		q.add(e)
	}
	if step.State != nil {
		s.status.State = *step.State
		for _, q := range s.pending {
			q.running = false
		}
		for _, id := range step.State.Running {
			if q := s.pending[id]; q != nil && q.link == l {
				q.running = true
			}
		}
		s.dispatch() // a suspect may wait for this
	}
}
