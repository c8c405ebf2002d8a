package supervise

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// role is what an engine is there for.
type role int

const (
	serving role = iota // it has the requests
	proving             // it is to take over
	leaving             // it ends what it has begun, and then itself
)

// post is a place where an engine is, through all the engines that it takes.
type post struct {
	s     *Supervisor
	place Place
	ctx   context.Context
	stop  context.CancelFunc

	// The rest is under the supervisor's lock. config is the configuration that its engine is wanted for.
	config string
	role   role
	// link is the engine that is there, nil while there is none.
	link *link
	// why says, in words, why it is not ready, and since is when that began.
	why   string
	since time.Time
	// moved is when an engine that is to take over last got on, limit until when one that is leaving has time.
	moved, limit time.Time
	// stale says that an engine with another configuration was found here, and told to end for one with the right one.
	stale bool
}

func (s *Supervisor) newPost(ctx context.Context, place Place, r role) *post {
	now := time.Now()
	p := &post{s: s, place: place, role: r, config: s.want.Config, why: starting, since: now, moved: now, limit: now.Add(leaveLimit)}
	p.ctx, p.stop = context.WithCancel(ctx)
	return p
}

// keep keeps an engine at the place as long as one is wanted there.
func (p *post) keep() {
	defer p.s.closed(p)
	defer p.stop()
	wait := time.Duration(0)
	for {
		l, err := p.attend()
		if l != nil && l.ready != nil {
			wait = 0 // what it died of is found out, and given up
		}
		if !p.s.again(p, l, err) {
			return
		}
		p.log().Warn("the engine is gone", "error", err, "next_start_in", wait.String())
		select {
		case <-p.ctx.Done():
		case <-time.After(wait):
		}
		wait = min(max(2*wait, p.s.cfg.Backoff), p.s.cfg.MaxBackoff)
	}
}

// attend starts an engine and speaks with it until it is lost. The link is nil where none was started.
func (p *post) attend() (*link, error) {
	process, err := p.place.Start(p.ctx)
	if err != nil {
		return nil, err
	}
	l := newLink(p, process)
	err = l.run(p.ctx)
	how := process.Wait()
	p.s.lost(l, how)
	if err != nil {
		return l, fmt.Errorf("%w (%s)", err, how)
	}
	return l, errors.New(how)
}

// again reports whether another engine is wanted at a place whose engine was lost, or could not be started.
func (s *Supervisor) again(p *post, l *link, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.ctx.Err() != nil {
		return false
	}
	asked := l != nil && l.ending
	switch p.role {
	case serving:
		if l == nil {
			p.why = "the engine cannot be started: " + err.Error()
		}
		if !s.proven && (l == nil || l.ready == nil) {
			s.despair(l, p.why)
		}
		return true
	case proving:
		if asked {
			return true // for one with the right configuration
		}
		if l == nil {
			s.refuse("the new engine cannot be started: " + err.Error())
		} else {
			s.refuse("the new engine ended before it was ready: " + err.Error() + ". Its log says why")
		}
	case leaving:
	}
	// Who keeps engines at the place starts another one for what died, which has to be told that none is wanted.
	return p.place.Name != "" && (l == nil || !l.bye)
}

// closed takes a post off the books.
func (s *Supervisor) closed(p *post) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaving = slices.DeleteFunc(s.leaving, func(o *post) bool { return o == p })
	s.nudge()
}

// other reports whether its engine is another one than is wanted, as far as it is known.
func (p *post) other(want *Want) bool {
	switch {
	case want.Config == "":
		return false
	case p.link != nil:
		return p.link.hello.Config != want.Config || p.otherFiles(want)
	}
	return p.place.Name == "" && p.config != want.Config
}

// otherFiles reports whether its engine has loaded other files than are wanted, at the same paths.
func (p *post) otherFiles(want *Want) bool {
	r := p.link.ready
	return r != nil && want.Files != "" && r.Files != want.Files
}

// held counts what an engine has to do for us. nil has nothing.
func (s *Supervisor) held(l *link) int {
	n := 0
	if l == nil {
		return 0
	}
	for _, q := range s.pending {
		if q.link == l && !q.ended {
			n++
		}
	}
	for _, q := range s.asked {
		if q.link == l {
			n++
		}
	}
	return n
}

// end tells the engine to end.
func (l *link) end() {
	l.ending = true
	l.send(&wire.ToEngine{End: true})
}
