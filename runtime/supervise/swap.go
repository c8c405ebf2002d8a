package supervise

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// How long an engine may take to end when it has nothing left to do, and when to look again where the one that is to go on is not
// ready.
const (
	leaveLimit = time.Minute
	lookAgain  = time.Second
)

// decide looks at what is wanted and what there is, and does what follows. It returns the posts that begin, where engines are
// if that has changed, and when to look again at the latest, if at all.
func (s *Supervisor) decide(ctx context.Context) (begin []*post, use *Use, due time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil {
		s.current = s.newPost(ctx, s.first(), serving)
		begin = append(begin, s.current)
	}
	s.review()
	if p := s.candidate(ctx); p != nil {
		begin = append(begin, p)
	}
	begin = append(begin, s.collect(ctx)...)
	s.release()
	if now := s.use(); now.Current != s.told.Current || !slices.Equal(now.Others, s.told.Others) {
		s.told, use = now, &now
	}
	return begin, use, s.due()
}

// first is the place that was in use last, if there still is such a one.
func (s *Supervisor) first() Place {
	for _, p := range s.want.Places {
		if p.Name != "" && p.Name == s.cfg.Used.Current {
			return p
		}
	}
	return s.want.Places[0]
}

// review looks at the engine that is to take over.
func (s *Supervisor) review() {
	n := s.next
	switch {
	case n == nil:
	case n.config != s.want.Config:
		s.next = nil
		s.counts.Swaps["superseded"]++
		s.leave(n)
	case s.ready() && !s.current.other(&s.want):
		s.next = nil
		s.counts.Swaps["done"]++ // it was lost, and started again as wanted
		s.leave(n)
	case n.link != nil && n.link.ready != nil && n.otherFiles(&s.want):
		s.refuse("the model's files change while they are read: have the configuration read again when they are there")
	case n.link != nil && n.link.ready != nil:
		s.takeOver()
	case time.Since(n.moved) > s.cfg.Prove:
		s.refuse("the new engine did not become ready, and did not get on for " + s.cfg.Prove.String())
	}
}

// ready reports whether the engine that has the requests can compute.
func (s *Supervisor) ready() bool { return s.current.link != nil && s.current.link.ready != nil }

// candidate begins to change to the engine that is wanted, if that is another.
func (s *Supervisor) candidate(ctx context.Context) *post {
	if s.next != nil || s.refused != "" || !s.current.other(&s.want) {
		return nil
	}
	place, ok := s.free()
	if !ok {
		s.replace()
		return nil
	}
	slog.Info("another engine is wanted and is being started", "config", s.want.Config)
	s.strays = slices.DeleteFunc(s.strays, func(name string) bool { return name == place.Name })
	s.next, s.swapped = s.newPost(ctx, place, proving), time.Now()
	s.change()
	return s.next
}

// free finds a place without an engine.
func (s *Supervisor) free() (Place, bool) {
	for _, p := range s.want.Places {
		has := func(o *post) bool { return o.place.Name == p.Name }
		if p.Name == "" || !has(s.current) && !slices.ContainsFunc(s.leaving, has) {
			return p, true
		}
	}
	return Place{}, false
}

// replace changes the engine where it is, as there is no other place for one: unless it serves.
func (s *Supervisor) replace() {
	p := s.current
	switch {
	case len(s.leaving) > 0: // there will be another
	case s.ready():
		s.swapped = time.Now()
		s.refuse("there is one place for engines, and the one there serves: restart it")
	case p.stale:
		s.swapped = time.Now()
		s.refuse(otherConfig)
	case !p.link.ending:
		p.stale = true
		p.link.end()
	}
}

const otherConfig = "the new engine works with another configuration than this front: is it of the same version, and started with the same file?"

// takeOver gives the requests to the next engine, but for those that the current one has begun.
func (s *Supervisor) takeOver() {
	old := s.current
	s.current, s.next = s.next, nil
	s.current.role = serving
	s.proven = true
	s.quarantine = quarantine{} // of what the one engine died the other may not
	s.counts.Swaps["done"]++
	s.current.log().Info("another engine has taken over", "model", s.current.link.ready.Model.Path, "config", s.want.Config)
	for _, q := range s.ordered() {
		if q.link != nil && q.link == old.link && !q.ended && !q.running && len(q.generated) == 0 {
			s.take(q)
		}
	}
	s.leave(old)
	s.change()
	s.dispatch()
}

// refuse gives up the engine that is to take over, or would be: things stay as they are.
func (s *Supervisor) refuse(why string) {
	s.refused = why
	s.counts.Swaps["failed"]++
	slog.Error("the engine is not changed", "error", why)
	if n := s.next; n != nil {
		s.next = nil
		s.leave(n)
	}
	s.change()
}

// leave has an engine end what it has begun.
func (s *Supervisor) leave(p *post) {
	p.role, p.limit = leaving, time.Now().Add(leaveLimit)
	if s.held(p.link) > 0 {
		p.limit = time.Now().Add(s.want.Drain)
	}
	s.leaving = append(s.leaving, p)
	s.nudge()
}

// collect finds engines that the process before this one left, once they are certainly not wanted, to tell them to end.
func (s *Supervisor) collect(ctx context.Context) (begin []*post) {
	if !s.ready() || s.next != nil || s.current.other(&s.want) && s.refused == "" {
		return nil
	}
	for _, name := range s.strays {
		at := slices.IndexFunc(s.want.Places, func(p Place) bool { return p.Name == name })
		if at >= 0 && name != s.current.place.Name {
			p := s.newPost(ctx, s.want.Places[at], leaving)
			s.leaving = append(s.leaving, p)
			begin = append(begin, p)
		}
	}
	s.strays = nil
	return begin
}

// release ends engines that have nothing left to do, or have had their time for it.
func (s *Supervisor) release() {
	for _, p := range s.leaving {
		if p.ctx.Err() != nil {
			continue // it is about to be gone
		}
		l := p.link
		switch late := !time.Now().Before(p.limit); {
		case l == nil && p.place.Name == "":
			p.stop() // nobody listens
		case l != nil && !l.ending && late && s.held(l) > 0 && !s.ready():
			p.limit = time.Now().Add(lookAgain)
		case l != nil && !l.ending && (late || s.held(l) == 0):
			s.takeAll(l)
			l.end()
			p.limit = time.Now().Add(leaveLimit)
		case late:
			p.log().Warn("an engine that is not wanted any more does not end")
			p.stop()
		}
	}
}

// takeAll takes back what an engine has, for the current one.
func (s *Supervisor) takeAll(l *link) {
	for _, q := range s.ordered() {
		if q.link == l && !q.ended {
			s.take(q)
		}
	}
	s.dispatch()
}

// take takes a request back from an engine that lives.
func (s *Supervisor) take(q *request) {
	if q.link.trial == q {
		q.link.trial = nil
	}
	q.link.send(&wire.ToEngine{Cancel: q.id})
	s.back(q)
}

// use tells where engines are.
func (s *Supervisor) use() Use {
	u := Use{Current: s.current.place.Name, Others: slices.Clone(s.strays)}
	if s.next != nil {
		u.Others = append(u.Others, s.next.place.Name)
	}
	for _, p := range s.leaving {
		u.Others = append(u.Others, p.place.Name)
	}
	u.Others = slices.DeleteFunc(u.Others, func(name string) bool { return name == "" })
	slices.Sort(u.Others)
	u.Others = slices.Compact(u.Others)
	return u
}

// due is when to look again.
func (s *Supervisor) due() (at time.Time) {
	sooner := func(t time.Time) {
		if at.IsZero() || t.Before(at) {
			at = t
		}
	}
	if s.next != nil {
		sooner(s.next.moved.Add(s.cfg.Prove + time.Millisecond))
	}
	for _, p := range s.leaving {
		if p.ctx.Err() == nil {
			sooner(p.limit)
		}
	}
	return at
}
