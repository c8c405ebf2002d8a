package supervise

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// helloTimeout is how long an engine may take to say what it is.
const helloTimeout = 30 * time.Second

// link is the connection to one engine.
type link struct {
	s    *Supervisor
	post *post
	p    *Process
	conn *wire.Conn[wire.ToEngine, wire.FromEngine]
	gone chan struct{}
	more chan struct{}

	mu  sync.Mutex // of out
	out []*wire.ToEngine

	// The rest is under the supervisor's lock. hello is what the engine said of itself, loading how far it is with its model, ready
	// what it said when it was ready, nil before, and state its numbers as it last said them.
	hello   *wire.Hello
	loading *wire.Loading
	ready   *wire.Ready
	state   wire.State
	// heard is when it last said something, or had no work.
	heard time.Time
	// failed says that it said why there will be no model, hung that it was killed for saying nothing, ending that it was told
	// to end, and bye that it has said it does.
	failed, hung, ending, bye bool
	// trial is the suspect that the engine has for itself, nil if none has.
	trial *request
}

// endLimit is how long a child that has said that it ends, or has failed, may take for it.
const endLimit = 10 * time.Second

func newLink(at *post, p *Process) *link {
	return &link{s: at.s, post: at, p: p, conn: wire.NewConn[wire.ToEngine, wire.FromEngine](p.Conn), gone: make(chan struct{}), more: make(chan struct{}, 1), heard: time.Now()}
}

// send says something to the engine, soon: whoever asks does not wait for it. That it cannot be said shows where the engine is
// listened to.
func (l *link) send(m *wire.ToEngine) {
	l.mu.Lock()
	l.out = append(l.out, m)
	l.mu.Unlock()
	select {
	case l.more <- struct{}{}:
	default:
	}
}

// speak says what is to be said, until the engine is lost.
func (l *link) speak() {
	for {
		l.mu.Lock()
		out := l.out
		l.out = nil
		l.mu.Unlock()
		for _, m := range out {
			if err := l.conn.Send(m); err != nil {
				if !errors.Is(err, net.ErrClosed) {
					slog.Warn("cannot speak to the engine", "error", err)
				}
				l.p.Conn.Close()
				return
			}
		}
		select {
		case <-l.more:
		case <-l.gone:
			return
		}
	}
}

// run listens until the engine is lost, and ends it.
func (l *link) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { l.p.Conn.Close() })
	defer stop()
	var work sync.WaitGroup
	work.Go(l.watch)
	work.Go(l.speak)
	err := l.listen()
	close(l.gone)
	l.p.Conn.Close()
	if l.bye || l.failed {
		l.await(ctx)
	}
	l.p.Kill()
	work.Wait()
	return err
}

// await lets an engine end that has said that it does, or why there will be no model.
func (l *link) await(ctx context.Context) {
	ended := make(chan struct{})
	go func() { // Kill ends it at the latest
		defer close(ended)
		l.p.Wait()
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	case <-time.After(endLimit):
	}
}

func (l *link) listen() error {
	l.p.Conn.SetReadDeadline(time.Now().Add(helloTimeout)) // an error shows in Receive
	m, err := l.conn.Receive()
	switch {
	case err != nil:
		return fmt.Errorf("the engine said nothing: %w", err)
	case m.Hello == nil || m.Hello.Protocol != wire.Version:
		return errors.New("the engine is of another version than this program")
	}
	l.p.Conn.SetReadDeadline(time.Time{})
	l.s.greeted(l, m.Hello)
	for {
		m, err := l.conn.Receive()
		if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		l.s.hear(l, m)
	}
}

// watch kills an engine that has work and says nothing. One that has none is not hung.
func (l *link) watch() {
	tick := time.NewTicker(max(l.s.cfg.Hang/20, 10*time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-l.gone:
			return
		case <-tick.C:
			if silent, limit := l.s.silence(l); silent > limit {
				slog.Error("the engine is hung", "silent", silent.String(), "limit", limit.String())
				l.s.mu.Lock()
				l.hung = true
				l.s.mu.Unlock()
				l.p.Conn.Close()
				l.p.Kill()
				return
			}
		}
	}
}

// silence returns how long an engine that has work has said nothing, and how long it may.
func (s *Supervisor) silence(l *link) (silent, limit time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.ready == nil {
		return 0, 1
	}
	if s.held(l) == 0 {
		l.heard = time.Now()
	}
	return time.Since(l.heard), max(s.cfg.Hang, 10*l.ready.Step)
}
