package server

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/spec"
	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// Options are what a server is made with.
type Options struct {
	Engine   Engine
	Grammars Grammars
	// Keys are those of whom may ask; without any, everybody may.
	Keys Keys
	// Log gets a line for each request, never with a prompt, an answer or a key.
	Log *slog.Logger
}

// Server answers requests.
type Server struct {
	now      atomic.Pointer[settings]
	engine   Engine
	grammars Grammars
	log      *slog.Logger
	metrics  *metrics
	fields   [2]map[string]*field // of completions and of chats
	doors    *doors
	began    time.Time
	ready    atomic.Pointer[wire.Ready] // what the last engine that was ready said of itself
	end      context.Context            // ends with the requests that a drain has waited for long enough
	stop     context.CancelFunc
}

// New makes a server.
func New(cfg spec.Server, o Options) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if o.Engine == nil || o.Grammars.Schema == nil || o.Grammars.Calls == nil || o.Grammars.JSON == nil || o.Grammars.Check == nil || o.Log == nil {
		return nil, errors.New("a server needs an engine, grammars and a log")
	}
	s := &Server{engine: o.Engine, grammars: o.Grammars, log: o.Log, began: time.Now(), doors: newDoors(cfg.MaxRequests)}
	s.set(cfg, o.Keys)
	s.end, s.stop = context.WithCancel(context.Background())
	s.metrics = newMetrics(o.Engine, s.doors)
	s.fields = [2]map[string]*field{{}, {}}
	for _, f := range fields() {
		if f.completion != absent {
			s.fields[0][f.name] = &f
		}
		if f.chat != absent {
			s.fields[1][f.name] = &f
		}
	}
	return s, nil
}

// Serve answers what comes in until ctx ends, and then lets running requests go on for as long as the configuration has
// it. It takes in no connections meanwhile: those wait for the next process where the listener is kept open by another.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	cfg := s.cfg()
	h := &http.Server{
		Handler: s.Handler(), ReadHeaderTimeout: cfg.HeaderTimeout, IdleTimeout: cfg.IdleTimeout, MaxHeaderBytes: cfg.MaxHeader,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug), // of connections that were broken off
	}
	failed := make(chan error, 1)
	go func() { failed <- h.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	s.doors.close()
	listener.Close() // Shutdown does it too, but may come later
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg().Drain)
	defer cancel()
	err := s.Drain(limit)
	// What is left now are answers on their way, to clients that may have stopped reading.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg().WriteStall)
	defer cancel()
	if stuck := h.Shutdown(last); stuck != nil {
		err = errors.Join(err, stuck, h.Close())
	}
	<-failed
	return err
}

// Drain takes in no more requests and waits for those that are there. When ctx ends, they are ended, with an error to
// their clients, and that is Drain's error too.
func (s *Server) Drain(ctx context.Context) error {
	empty := s.doors.close()
	select {
	case <-empty:
		return nil
	case <-ctx.Done():
	}
	s.stop()
	<-empty
	return ctx.Err()
}

// requestID is one that nobody has had.
func requestID() string { return rand.Text() }
