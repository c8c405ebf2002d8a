package main

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/human"
)

// The pace at which progress is told where nobody looks at a terminal.
const (
	eventEvery  = 5 * time.Second
	notifyEvery = 10 * time.Second
	// notifyGrace is what systemd is asked to wait on, beyond the next time that it is told.
	notifyGrace = 2 * time.Minute
)

// progress tells how far the things are that take long: by a bar each on a terminal, by a line of JSON
// each now and then elsewhere, and to systemd, so that it does not take a long download for a hang.
type progress struct {
	now    func() time.Time
	events io.Writer // for lines of JSON, where there is no terminal
	notify func(state string) (bool, error)

	mu       sync.Mutex
	bars     *bars // nil where there is no terminal
	told     map[engine.Addr]told
	notified time.Time
}

// told is when something was last said of a thing, and how far it is by now.
type told struct {
	at  time.Time
	was engine.Progress
}

func (a *app) progress() *progress {
	p := &progress{now: a.now, events: a.stderr, told: map[engine.Addr]told{}}
	p.notify = func(state string) (bool, error) { return daemon.SdNotify(false, state) }
	if f := terminal(a.stderr); f != nil && !a.json {
		p.bars = &bars{out: f}
	}
	return p
}

// tell is told of everything, at the same time too.
func (p *progress) tell(e engine.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	p.extend(e, now)
	if p.bars != nil {
		p.bars.show(e)
		return
	}
	last, known := p.told[e.Addr]
	switch {
	case e.Ended && !known: // it had nothing to say
		return
	case e.Ended:
		e.Done, e.Total, e.From = last.was.Done, last.was.Total, last.was.From
	case known && now.Sub(last.at) < eventEvery:
		p.told[e.Addr] = told{last.at, e}
		return
	}
	p.told[e.Addr] = told{now, e}
	p.event(e)
}

// progressEvent is one line of JSON.
type progressEvent struct {
	Type string `json:"type"`
	engine.Progress
}

// event writes a line. That nobody reads it is no reason to end what goes on.
func (p *progress) event(e engine.Progress) {
	b, err := json.Marshal(progressEvent{"progress", e})
	if err == nil {
		_, _ = fmt.Fprintf(p.events, "%s\n", b)
	}
}

// extend asks systemd for more time while bytes come in (sd_notify(3)); it has no part in anything else.
func (p *progress) extend(e engine.Progress, now time.Time) {
	if e.Ended || now.Sub(p.notified) < notifyEvery {
		return
	}
	p.notified = now
	_, _ = p.notify(fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d\nSTATUS=%s: %s", notifyGrace.Microseconds(), e.Addr, amount(e.Done, e.Total)))
}

// close ends the bars.
func (p *progress) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bars != nil {
		p.bars.close()
	}
}

// amount says how much of how much.
func amount(done, total int64) string {
	if total < 0 {
		return human.Bytes(done)
	}
	return human.Bytes(done) + " of " + human.Bytes(total)
}
