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
	l := s.link
	if l == nil || l.ready == nil || s.trial != nil {
		return
	}
	all := s.ordered()
	if at := slices.IndexFunc(all, func(q *request) bool { return q.suspect }); at >= 0 {
		if s.idle() {
			s.trial = all[at]
			s.give(l, s.trial)
		}
		return
	}
	for _, q := range all {
		if q.link == nil {
			s.give(l, q)
		}
	}
}

// idle reports whether the engine has nothing to do, as far as it has said.
func (s *Supervisor) idle() bool {
	return len(s.status.State.Running) == 0 && s.status.State.Waiting == 0
}

// give submits a request, with what has come of it already. It has another ID each time: what was under way of an earlier
// one is not heard.
func (s *Supervisor) give(l *link, q *request) {
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
}

// cleared says that an engine went on with a request and lives. After a trial it gives the request back, so that the next
// suspect has the engine for itself too; what it has computed stays in its cache.
func (s *Supervisor) cleared(q *request) {
	if s.trial != q {
		return
	}
	s.trial = nil
	q.suspect = false
	if !q.ended {
		q.link.send(&wire.ToEngine{Cancel: q.id})
		q.link = nil
		q.wait(true)
	}
}

// lost takes in that an engine died, and of what it may have died.
func (s *Supervisor) lost(l *link, how string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.hung {
		how = "hung"
	}
	s.status.Exits[how]++
	s.change()
	s.status.Hello, s.status.Loading = nil, nil
	switch {
	case l.ready != nil:
		s.status.Why, s.status.Since = "the engine was lost ("+how+") and is being started again", time.Now()
	case !l.failed:
		s.status.Why = "the engine ended before it was ready (" + how + "): its log says why"
	}
	s.status.Ready, s.status.State = nil, wire.State{}
	if s.link == l {
		s.link = nil
	}
	var had []*request
	for _, q := range s.ordered() {
		if q.link == l && !q.ended {
			had = append(had, q)
		}
	}
	s.trial = nil
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
	q.link = nil
	q.running, q.fresh = false, false
	if q.deaths >= 2 {
		slog.Error("two engines died of a request: it is given up", "request", q.id)
		s.status.Quarantined++
		s.quarantine.add(&q.req)
		q.ended, q.suspect = true, false
		q.fail(condemned())
		return
	}
	if len(q.generated) > 0 {
		s.status.Continued++
	} else {
		s.status.Replayed++
	}
	q.wait(true)
}
