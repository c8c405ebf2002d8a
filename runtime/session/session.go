// Package session is an engine's side of its conversation with a front: it says what it is and how far it is, takes
// requests to the scheduler, and takes back what that says. There is one front at a time: a new connection is a front that
// was started again, and ends the one before.
package session

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/wire"
	"github.com/agent0-converge/agent0-converge/runtime/worker"
)

// sendTimeout is how long a front may keep an engine from going on by not reading. After that it is given up.
const sendTimeout = time.Second

// ErrEnd says that the engine is to end, and that this is no failure: its front told it to, or there is none.
var ErrEnd = errors.New("no front wants this engine")

// Scheduler computes requests: a *worker.Scheduler.
type Scheduler interface {
	Add(r *wire.Request, prompt []int32) *wire.Refused
	Cancel(id uint64)
}

// Engine is what answers once the model is loaded.
type Engine struct {
	Scheduler  Scheduler
	Vocabulary worker.Vocabulary
	// Render makes a prompt of a chat by the model's template. Its error is what the client is told.
	Render func(context.Context, *wire.Chat) (string, error)
}

// Server speaks with fronts. Its methods may be called by several goroutines at once.
type Server struct {
	// Hello is said to each front.
	Hello wire.Hello
	// Lonely is how long Serve goes on without a front; 0 is for ever. An engine that died when it was told to end, and that somebody
	// started again, is one that no front knows of.
	Lonely time.Duration

	mu     sync.Mutex
	front  *front
	number uint32
	lonely *time.Timer // nil where Serve does not run, or goes on for ever
	engine *Engine
	// news is what a front that comes now has to know.
	news *wire.FromEngine
}

// Tell says how far the engine is, to the front that is there and to those that come: Loading, Failed or Ready.
func (s *Server) Tell(m *wire.FromEngine) {
	s.mu.Lock()
	s.news = m
	f := s.front
	s.mu.Unlock()
	f.send(m)
}

// Answer has requests answered from now on, and says so.
func (s *Server) Answer(e *Engine, r *wire.Ready) {
	s.mu.Lock()
	s.engine = e
	s.mu.Unlock()
	s.Tell(&wire.FromEngine{Ready: r})
}

// Emit passes on what a scheduler says.
func (s *Server) Emit(step *wire.Step) {
	s.mu.Lock()
	f := s.front
	s.mu.Unlock()
	f.step(step)
}

// Serve accepts fronts until the context ends, or one of them tells the engine to end, or none comes: then the error is ErrEnd.
func (s *Server) Serve(ctx context.Context, l net.Listener) (err error) {
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	ctx, end := context.WithCancelCause(ctx)
	defer s.count(func() { end(ErrEnd); l.Close() })()
	var fronts sync.WaitGroup
	defer func() {
		fronts.Wait()
		if errors.Is(context.Cause(ctx), ErrEnd) {
			err = ErrEnd
		}
		end(nil)
	}()
	for {
		c, err := l.Accept()
		if ctx.Err() != nil {
			if err == nil {
				c.Close()
			}
			return ctx.Err()
		}
		if err != nil {
			return err
		}
		f := s.welcome(c) // in the order in which they came: the last one is the front
		fronts.Go(func() {
			// Nobody is let in any more before it is said that the engine ends: who comes then is the next engine's.
			err := s.serve(ctx, f, func() { l.Close(); end(ErrEnd) })
			if err != nil && ctx.Err() == nil {
				slog.Warn("the front is gone", "error", err)
			}
		})
	}
}

// count has the engine end when there was no front for too long, until stop is called.
func (s *Server) count(end func()) (stop func()) {
	if s.Lonely == 0 {
		return func() {}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lonely = time.AfterFunc(s.Lonely, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.front == nil {
			slog.Info("there is no front: the engine ends, and the next connection starts one", "after", s.Lonely.String())
			end()
		}
	})
	return func() { s.lonely.Stop() }
}

// ServeConn speaks with one front until it is gone, another comes or the context ends. That it is gone is no error; that it told
// the engine to end is ErrEnd.
func (s *Server) ServeConn(ctx context.Context, c net.Conn) error {
	return s.serve(ctx, s.welcome(c), func() {}) // a front that comes when the engine ends already is still told why
}

// serve speaks with a front that was welcomed. end is called when it tells the engine to end, before that is answered.
func (s *Server) serve(ctx context.Context, f *front, end func()) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer s.leave(f)
	stop := context.AfterFunc(ctx, func() { f.raw.Close() })
	defer stop()
	for {
		m, err := f.conn.Receive()
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed):
			return nil
		case err != nil:
			return err
		case m.End:
			stop() // it is still to be answered
			end()
			f.send(&wire.FromEngine{Ending: true})
			return ErrEnd
		}
		f.handle(ctx, m)
	}
}

// welcome makes c the front, and tells it what it has to know before it can hear of anything else.
func (s *Server) welcome(c net.Conn) *front {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.front != nil {
		s.front.close()
	}
	s.number++
	s.front = &front{server: s, raw: c, conn: wire.NewConn[wire.FromEngine, wire.ToEngine](c), number: s.number, live: map[uint64]context.CancelFunc{}}
	s.front.send(&wire.FromEngine{Hello: &s.Hello})
	if s.news != nil {
		s.front.send(s.news)
	}
	return s.front
}

func (s *Server) leave(f *front) {
	s.mu.Lock()
	if s.front == f {
		s.front = nil
		if s.lonely != nil {
			s.lonely.Reset(s.Lonely)
		}
	}
	s.mu.Unlock()
	f.close()
	f.work.Wait()
}
