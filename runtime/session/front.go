package session

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// front is one connection.
type front struct {
	server *Server
	raw    net.Conn
	conn   *wire.Conn[wire.FromEngine, wire.ToEngine]
	// number tells its requests from those of other connections, whose IDs may be the same.
	number uint32
	work   sync.WaitGroup

	mu   sync.Mutex
	live map[uint64]context.CancelFunc // of the requests that have not ended
	gone bool
}

// send says something. A front that does not listen is given up: it must not keep the others' sequences from going on.
func (f *front) send(m *wire.FromEngine) {
	if f == nil {
		return
	}
	f.raw.SetWriteDeadline(time.Now().Add(sendTimeout)) // an error shows in Send
	if err := f.conn.Send(m); err != nil && !errors.Is(err, net.ErrClosed) {
		slog.Warn("cannot speak to the front", "error", err)
		f.raw.Close() // ServeConn ends
	}
}

// step passes on what is this front's of a step.
func (f *front) step(step *wire.Step) {
	if f == nil {
		return
	}
	var mine []wire.Event
	for _, e := range step.Events {
		if uint32(e.ID>>32) == f.number {
			e.ID &= 1<<32 - 1
			mine = append(mine, e)
			if e.Done != nil || e.Refused != nil {
				f.ended(e.ID)
			}
		}
	}
	out := &wire.Step{Events: mine}
	if step.State != nil {
		state := *step.State
		state.Running = nil
		for _, id := range step.State.Running {
			if uint32(id>>32) == f.number {
				state.Running = append(state.Running, id&(1<<32-1))
			}
		}
		out.State = &state
	}
	if mine != nil || out.State != nil {
		f.send(&wire.FromEngine{Step: out})
	}
}

func (f *front) ended(id uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if cancel := f.live[id]; cancel != nil {
		cancel()
		delete(f.live, id)
	}
}

// close ends all requests.
func (f *front) close() {
	f.raw.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gone = true
	for id, cancel := range f.live {
		cancel()
		delete(f.live, id)
	}
}

func (f *front) handle(ctx context.Context, m *wire.ToEngine) {
	switch {
	case m.Submit != nil:
		f.submit(ctx, m.Submit)
	case m.Cancel != 0:
		f.ended(m.Cancel)
	case m.Tokenize != nil:
		f.work.Go(func() { f.send(&wire.FromEngine{Reply: f.server.tokenize(m.Tokenize)}) })
	case m.Detokenize != nil:
		f.work.Go(func() { f.send(&wire.FromEngine{Reply: f.server.detokenize(m.Detokenize)}) })
	}
}

// submit takes a request to the scheduler, beside this connection's other business: a template may take its time.
func (f *front) submit(ctx context.Context, r *wire.Request) {
	id := r.ID
	ctx = f.begin(ctx, id)
	if ctx == nil {
		return
	}
	r.ID |= uint64(f.number) << 32
	f.work.Go(func() {
		if bad := f.server.take(ctx, r); bad != nil {
			f.ended(id)
			f.send(&wire.FromEngine{Step: &wire.Step{Events: []wire.Event{{ID: id, Refused: bad}}}})
		}
	})
}

// begin returns the context of a new request, nil if there can be none of that ID.
func (f *front) begin(ctx context.Context, id uint64) context.Context {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.gone || f.live[id] != nil || id == 0 || id>>32 != 0 {
		return nil
	}
	ctx, f.live[id] = context.WithCancel(ctx)
	return ctx
}

// take makes a prompt of a request and gives it to the scheduler, until the context ends.
func (s *Server) take(ctx context.Context, r *wire.Request) *wire.Refused {
	s.mu.Lock()
	e := s.engine
	s.mu.Unlock()
	if e == nil {
		return &wire.Refused{Code: wire.Internal, Reason: "no model is loaded yet"}
	}
	tokens, bad := e.prompt(ctx, r)
	if bad == nil {
		bad = e.Scheduler.Add(r, tokens)
	}
	if bad == nil {
		context.AfterFunc(ctx, func() { e.Scheduler.Cancel(r.ID) }) // also one that ended: there is none then
	}
	return bad
}
