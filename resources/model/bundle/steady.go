package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/agent0-converge/agent0-converge/resources/model/fetch"
)

const (
	// tries is how often in a row a registry is asked in vain before it is given up.
	tries = 5
	// patience is the longest wait that a registry is granted.
	patience = 2 * time.Minute
)

// steady reads a model from a registry from its beginning to its end, and goes on where a connection broke.
type steady struct {
	ctx    context.Context
	source fetch.Source
	size   int64
	wait   func(ctx context.Context, try int, asked time.Duration) error

	body   *fetch.Body
	off    int64
	failed int
}

// Read returns what follows.
func (s *steady) Read(p []byte) (int, error) {
	for {
		if s.off >= s.size { // where nothing can break any more
			return 0, io.EOF
		}
		n, err := s.next(p)
		s.off += int64(n)
		if n > 0 {
			s.failed = 0
		}
		if err == nil || err == io.EOF {
			return n, err
		}
		s.Close()
		if n > 0 {
			return n, nil
		}
		if err := s.again(err); err != nil {
			return 0, err
		}
	}
}

func (s *steady) next(p []byte) (int, error) {
	if s.body == nil {
		body, err := s.source.Open(s.ctx, s.off, -1, "")
		if err != nil {
			return 0, err
		}
		s.body = body
		if _, err := io.CopyN(io.Discard, body, s.off-body.Offset); err != nil {
			return 0, fmt.Errorf("%s: cannot go on at %d: %w", s.source, s.off, err)
		}
	}
	n, err := s.body.Read(p)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%s: the connection broke: %w", s.source, err)
	}
	return n, err
}

// again waits until it is time to try again, or says why there will be none.
func (s *steady) again(err error) error {
	var asked time.Duration
	if e, ok := errors.AsType[*fetch.BusyError](err); ok {
		asked = e.After
	}
	_, refused := errors.AsType[*fetch.RefusedError](err)
	if s.failed++; refused || s.failed == tries || asked > patience {
		return err
	}
	return s.wait(s.ctx, s.failed, asked)
}

// pause waits as long as was asked for, or a second after the first failure and twice as long after each.
func pause(ctx context.Context, try int, asked time.Duration) error {
	timer := time.NewTimer(max(asked, time.Second<<(try-1)))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// Close ends the connection, if there is one.
func (s *steady) Close() error {
	if s.body == nil {
		return nil
	}
	body := s.body
	s.body = nil
	return body.Close()
}
