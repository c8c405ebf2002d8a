package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// happening is an event of one of the sequences of a request, or the end of that sequence.
type happening struct {
	index int
	event wire.Event
	end   bool
	err   error
}

// ahead is how many events an engine may be ahead of the client: what is there is sent together.
const ahead = 64

// run computes sequences together. tell is called by this goroutine; more says that there is another event already. The
// first error ends them all, and with it nothing of them is left when run returns.
func (s *Server) run(ctx context.Context, requests []*wire.Request, tell func(index int, e wire.Event, more bool) error) error {
	ctx, cancel := context.WithCancel(ctx)
	events := make(chan happening, ahead)
	var group sync.WaitGroup
	defer group.Wait()
	defer cancel()
	for i, r := range requests {
		group.Go(func() { s.sequence(ctx, i, r, events) })
	}
	for left := len(requests); left > 0; {
		var h happening
		select {
		case h = <-events:
		case <-ctx.Done():
			return ctx.Err()
		}
		switch {
		case h.err != nil:
			return h.err
		case h.end:
			left--
			continue
		}
		if err := tell(h.index, h.event, len(events) > 0); err != nil {
			return err
		}
	}
	return nil
}

// sequence computes one.
func (s *Server) sequence(ctx context.Context, index int, r *wire.Request, events chan<- happening) {
	send := func(h happening) {
		select {
		case events <- h:
		case <-ctx.Done():
		}
	}
	err := s.generate(ctx, r, func(e wire.Event) { send(happening{index: index, event: e}) })
	send(happening{index: index, end: true, err: err})
}

// generate has the engine compute a sequence and measures it.
func (s *Server) generate(ctx context.Context, r *wire.Request, tell func(wire.Event)) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.panicked(p)
			err = &panicError{p}
		}
	}()
	watch := s.metrics.begin(time.Now())
	done := false
	err = s.engine.Generate(ctx, r, func(e wire.Event) {
		watch.saw(&e, time.Now())
		done = done || e.Done != nil
		tell(e)
	})
	if err == nil && !done && ctx.Err() == nil {
		err = errors.New("the engine ended a sequence without saying how")
	}
	watch.ended(err)
	return err
}

// panicked notes a panic, which has been caught.
func (s *Server) panicked(p any) {
	s.metrics.panics.Inc()
	s.log.Error("panic", slog.String("error", fmt.Sprint(p)), slog.String("stack", string(debug.Stack())))
}
