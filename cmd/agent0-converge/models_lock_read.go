package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/agent0-converge/agent0-converge/resources/model/fetch"
)

// pace is how patient one is with sources.
type pace struct {
	// stall is after what time without a byte a connection is given up.
	stall time.Duration
	// pause is before the second attempt; it doubles with each.
	pause time.Duration
	// longest is the longest pause that a source may ask for.
	longest time.Duration
	// attempts is how often in a row a source may fail without sending anything new.
	attempts int
}

// steadyPace is that of the command.
var steadyPace = pace{stall: time.Minute, pause: time.Second, longest: 5 * time.Minute, attempts: 5}

// errStalled ends a connection that sends nothing.
var errStalled = errors.New("nothing has come for too long")

// errFromStart says that a file has to be read from its first byte again: what follows is not known to be of
// the same version as what was read.
var errFromStart = errors.New("the file has to be read from its start again")

// steady reads a whole source as one stream, over as many connections as that takes.
type steady struct {
	ctx    context.Context
	source fetch.Source
	pace   pace
	// size is of the whole file, -1 as long as nobody said it.
	size int64
	off  int64
	// waits is told why, and for how long, nothing is asked for.
	waits func(why error, wait time.Duration)
	// most is how far any attempt came, and failed how many in a row came no further.
	most   int64
	failed int

	body    *fetch.Body
	version string
	conn    context.Context // of the connection
	end     context.CancelCauseFunc
	watch   *time.Timer // ends it
	err     error       // the last word
}

// length is how long the file is, -1 where the source does not say. It opens a connection to know.
func (s *steady) length() (int64, error) {
	for s.err == nil && s.body == nil {
		s.open()
	}
	return s.size, s.err
}

// Read implements io.Reader. errFromStart is an error like any other, after which start may be called.
func (s *steady) Read(b []byte) (int, error) {
	for {
		if _, err := s.length(); err != nil {
			return 0, err
		}
		s.watch.Reset(s.pace.stall)
		n, err := s.body.Read(b)
		s.off += int64(n)
		if s.off > s.most {
			s.most, s.failed = s.off, 0
		}
		switch {
		case err == io.EOF && (s.size < 0 || s.off == s.size):
			s.size, s.err = s.off, io.EOF
			s.drop()
		case err == io.EOF:
			s.fail(fmt.Errorf("%s ended after %d of %d bytes", s.source, s.off, s.size))
		case err != nil:
			s.fail(err)
		}
		if n > 0 {
			return n, nil
		}
	}
}

// open begins a connection where the last one ended.
func (s *steady) open() {
	if s.off > 0 && s.version == "" {
		s.err = errFromStart // nothing would tell that it is another file by now
		return
	}
	s.conn, s.end = context.WithCancelCause(s.ctx)
	end := s.end
	s.watch = time.AfterFunc(s.pace.stall, func() { end(errStalled) })
	body, err := s.source.Open(s.conn, s.off, -1, s.version)
	switch {
	case err != nil:
		s.fail(err)
	case s.off > 0 && (body.Offset != s.off || body.Version != s.version):
		s.body, s.err = body, errFromStart
		s.drop()
	default:
		s.body, s.version, s.size = body, body.Version, body.Size
	}
}

// start goes back to the first byte.
func (s *steady) start() { s.off, s.version, s.size, s.err = 0, "", -1, nil }

// fail ends a connection, and all where nothing is to be hoped for, or else waits a while.
func (s *steady) fail(err error) {
	if cause := context.Cause(s.conn); cause != nil {
		err = cause // and not that something was canceled
	}
	s.drop()
	var (
		refused *fetch.RefusedError
		busy    *fetch.BusyError
	)
	wait := s.pace.pause << min(s.failed, 10)
	s.failed++
	switch {
	case s.ctx.Err() != nil:
		s.err = context.Cause(s.ctx)
		return
	case errors.As(err, &refused), s.failed >= s.pace.attempts:
		s.err = err
		return
	case errors.As(err, &busy) && busy.After > s.pace.longest:
		s.err = err
		return
	case errors.As(err, &busy):
		wait = max(wait, busy.After)
	}
	wait = min(wait, s.pace.longest)
	s.waits(err, wait)
	select {
	case <-time.After(wait):
	case <-s.ctx.Done():
		s.err = context.Cause(s.ctx)
	}
}

// drop lets go of the connection, if there is one.
func (s *steady) drop() {
	if s.conn == nil {
		return
	}
	s.watch.Stop()
	if s.body != nil {
		s.body.Close() // what it sent is what counts
		s.body = nil
	}
	s.end(nil)
	s.conn = nil
}
