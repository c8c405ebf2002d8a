package supervise

import (
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// failedRetry is when to try again after a model could not be loaded.
const failedRetry = 30 * time.Second

// greeted takes in an engine.
func (s *Supervisor) greeted(l *link, h *wire.Hello) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := l.post
	p.link, l.hello = l, h
	p.why, p.since, p.moved = "the engine is starting", time.Now(), time.Now()
	if p.role == proving && h.Config != p.config {
		if p.stale {
			s.refuse(otherConfig)
		} else {
			p.stale = true
			l.end() // it was left from before; another is started for who comes next
		}
	}
	s.nudge()
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
		if q, ok := s.asked[m.Reply.ID]; ok && q.link == l {
			q.reply <- m.Reply
			delete(s.asked, m.Reply.ID)
		}
	case m.Loading != nil:
		if l.loading == nil || l.loading.Done != m.Loading.Done {
			l.post.moved = time.Now()
		}
		l.loading, l.post.why = m.Loading, "the model is being loaded"
	case m.Failed != "":
		s.failed(l, m.Failed)
	case m.Ready != nil:
		s.proved(l, m.Ready)
	case m.Ending:
		l.bye = true
	}
}

// failed takes in that an engine will have no model.
func (s *Supervisor) failed(l *link, why string) {
	p := l.post
	l.failed, l.loading, p.why = true, nil, why
	switch {
	case l.ending:
	case p.role == proving:
		s.refuse(why)
	case p.role == serving:
		s.change()
		s.despair(l, why)
	}
}

// despair gives up the requests that an engine had, or that wait for one: none will be there soon.
func (s *Supervisor) despair(l *link, why string) {
	s.proven, s.hope = false, false
	for _, q := range s.pending {
		if q.link == nil || q.link == l {
			q.fail(&wire.UnavailableError{Reason: why, RetryAfter: failedRetry})
		}
	}
}

// proved takes in that an engine has generated a token.
func (s *Supervisor) proved(l *link, r *wire.Ready) {
	if l.ending {
		return // it is not to get anything
	}
	l.post.log().Info("the engine has generated a token", "model", r.Model.Path, "backend", r.Backend, "device", r.Device, "degraded", r.Degraded,
		"load", r.Load.String())
	l.ready, l.loading = r, nil
	l.post.why, l.post.since = "", time.Now()
	if l.post.role == serving {
		s.proven = true
		s.change()
		s.dispatch()
	}
	s.nudge()
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
		case e.Begun != nil:
			if q.begun {
				continue
			}
			q.begun = true
		case e.Token != nil:
			q.generated = append(q.generated, e.Token.ID)
			q.model = &l.ready.Model
			s.cleared(q)
		case e.Done != nil, e.Refused != nil:
			q.ended = true
			s.cleared(q)
		}
		q.add(e)
	}
	if step.State == nil {
		return
	}
	l.state = *step.State
	for _, q := range s.pending {
		if q.link == l {
			q.running = false
		}
	}
	for _, id := range step.State.Running {
		if q := s.pending[id]; q != nil && q.link == l {
			q.running = true
		}
	}
	s.dispatch() // a suspect may wait for this
}
