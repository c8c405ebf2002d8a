package supervise

import (
	"log/slog"
	"slices"
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// dispatch gives the engine what it does not have: all that is not suspected, or, as long as there are suspects, one of them
// at a time and nothing beside it, so that it is known of what an engine dies.
func (s *Supervisor) dispatch() {
	if s.current == nil || !s.ready() || s.current.link.trial != nil {
		return
	}
	l := s.current.link
	all := slices.DeleteFunc(s.ordered(), func(q *request) bool { return q.link != nil || q.ended })
	if at := slices.IndexFunc(all, func(q *request) bool { return q.suspect }); at >= 0 {
		switch q := all[at]; {
		case !s.idle(l):
		case s.give(l, q):
			l.trial = q
		default:
			s.dispatch() // it has come to its end
		}
		return
	}
	for _, q := range all {
		s.give(l, q)
	}
}

// idle reports whether the engine has nothing to do, as far as it has said.
func (s *Supervisor) idle(l *link) bool {
	return s.held(l) == 0 && len(l.state.Running) == 0 && l.state.Waiting == 0
}

// give submits a request, with what has come of it already. It has another ID each time: what was under way of an earlier
// one is not heard. It reports whether the engine can go on with it.
func (s *Supervisor) give(l *link, q *request) bool {
	if len(q.generated) > 0 && !q.model.Same(&l.ready.Model) {
		q.ended, q.suspect = true, false
		q.fail(otherModel())
		return false
	}
	delete(s.pending, q.id)
	q.id = s.id()
	s.pending[q.id] = q
	q.link, q.fresh = l, true
	r := q.req
	r.ID = q.id
	r.Generated = q.generated
	r.Replayed = q.accepted
	q.wait(false)
	l.send(&wire.ToEngine{Submit: &r})
	return true
}

// otherModel is what a client is told whose text nobody can go on with.
func otherModel() error {
	return &wire.UnavailableError{
		Reason: "the model was changed while this was being generated, and another model cannot go on with it: ask again", RetryAfter: time.Second,
	}
}

// cleared says that an engine went on with a request and lives. After a trial it gives the request back, so that the next
// suspect has the engine for itself too; what it has computed stays in its cache. An engine that is leaving gets nothing more.
func (s *Supervisor) cleared(q *request) {
	l := q.link
	if l.trial != q {
		return
	}
	l.trial = nil
	q.suspect, q.deaths, q.early = false, 0, 0 // it went further than those that died: it was not what they died of
	if !q.ended && l.post.role == serving {
		l.send(&wire.ToEngine{Cancel: q.id})
		q.link = nil
		q.wait(true)
	}
}

// lost takes in that an engine died, and of what it may have died.
func (s *Supervisor) lost(l *link, how string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := l.post
	if l.hung {
		how = "hung"
	}
	if !l.ending && p.ctx.Err() == nil {
		s.counts.Exits[how]++
	}
	switch {
	case l.ready != nil:
		p.why, p.since = "the engine was lost ("+how+") and is being started again", time.Now()
	case l.ending:
		p.why = "the engine is being started with its new configuration"
	case !l.failed:
		p.why = "the engine ended before it was ready (" + how + "): its log says why"
	}
	if p.link == l {
		p.link = nil
	}
	s.change()
	s.suspect(l)
	s.dispatch() // where it was not the one that has the requests
	s.nudge()
}

// suspect takes back what an engine had that died, and finds out of what it may have died.
func (s *Supervisor) suspect(l *link) {
	var had []*request
	for _, q := range s.ordered() {
		if q.link == l && !q.ended {
			had = append(had, q)
		}
	}
	computing := slices.ContainsFunc(had, func(q *request) bool { return q.running })
	for _, q := range had {
		if q.fresh {
			q.early++
		}
		// What the engine had not got to is suspected where nothing else is, or where that happens again.
		if q.running || q.fresh && (!computing || q.early > 1) {
			q.suspect = true
			if len(had) == 1 {
				q.deaths++
			}
		}
		s.orphan(q)
	}
}

// orphan takes back a request whose engine died. It is given up if it was alone with two of them.
func (s *Supervisor) orphan(q *request) {
	if q.deaths < 2 {
		s.back(q)
		return
	}
	slog.Error("two engines died of a request: it is given up", "request", q.id)
	s.counts.Quarantined++
	s.quarantine.add(&q.req)
	q.link, q.running, q.fresh = nil, false, false
	q.ended, q.suspect = true, false
	q.fail(condemned())
}

// back notes that no engine has a request any more.
func (s *Supervisor) back(q *request) {
	q.link, q.running, q.fresh = nil, false, false
	if len(q.generated) > 0 {
		s.counts.Continued++
	} else {
		s.counts.Replayed++
	}
	q.wait(true)
}
