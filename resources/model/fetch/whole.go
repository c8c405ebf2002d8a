package fetch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// Pace is how patient one is with a source. The zero value of each stands for what its comment says.
type Pace struct {
	// Stall is after what time without a byte a connection is given up, 30 s.
	Stall time.Duration
	// Pause is before the second attempt, 1 s; it doubles with each.
	Pause time.Duration
	// Longest is the longest pause, also one that a source asks for, 2 min.
	Longest time.Duration
	// Attempts is how often in a row a source may fail without sending anything new, 5.
	Attempts int
}

func (p Pace) withDefaults() Pace {
	return Pace{
		Stall: cmp.Or(p.Stall, 30*time.Second), Pause: cmp.Or(p.Pause, firstDelay),
		Longest: cmp.Or(p.Longest, patience), Attempts: cmp.Or(p.Attempts, 5),
	}
}

// ErrRestart says that a file has to be read from its first byte again: what follows is not known to be of the same
// version as what was read.
var ErrRestart = errors.New("the file has to be read from its start again")

// Whole reads a source from its first byte to its last, over as many connections as that takes, for who keeps nothing of
// it or has a place of their own for it.
type Whole struct {
	ctx    context.Context
	source Source
	pace   Pace
	waits  func(why error, wait time.Duration)
	sleep  func(context.Context, time.Duration) error

	size int64 // -1 as long as nobody said it
	off  int64
	// most is how far any attempt came, and failed how many in a row came no further.
	most   int64
	failed int

	watch   *watch
	body    *Body
	skip    int64 // of the body, which are here already
	version string
	err     error // the last word
}

// NewWhole returns a reader of s. waits, which may be nil, is told why nothing comes, and for how long.
func NewWhole(ctx context.Context, s Source, p Pace, waits func(why error, wait time.Duration)) *Whole {
	if waits == nil {
		waits = func(error, time.Duration) {}
	}
	return &Whole{ctx: ctx, source: s, pace: p.withDefaults(), waits: waits, sleep: sleep, size: -1}
}

// Size is how long the file is, -1 where the source does not say. It opens a connection to know.
func (s *Whole) Size() (int64, error) {
	for s.err == nil && s.body == nil {
		s.open()
	}
	return s.size, s.err
}

// Offset is how many bytes were read.
func (s *Whole) Offset() int64 { return s.off }

// Failure is why reading ended before the end of the file, nil where it did not.
func (s *Whole) Failure() error {
	if s.err == io.EOF {
		return nil
	}
	return s.err
}

// Read implements io.Reader. ErrRestart is an error like any other, after which Restart may be called.
func (s *Whole) Read(b []byte) (int, error) {
	for len(b) > 0 {
		if _, err := s.Size(); err != nil {
			return 0, err
		}
		n, err := s.watch.fill(s.body, b)
		drop := min(int64(n), s.skip)
		s.skip -= drop
		n = copy(b, b[drop:n])
		s.off += int64(n)
		if s.off > s.most {
			s.most, s.failed = s.off, 0
		}
		switch {
		case s.off == s.size, err == io.EOF && s.size < 0: // nothing can break any more
			s.size, s.err = s.off, io.EOF
			s.drop()
		case err == io.EOF:
			s.fail(fmt.Errorf("%s ended after %d of %d bytes: %w", s.source, s.off, s.size, io.ErrUnexpectedEOF))
		case err != nil:
			s.fail(err)
		}
		if n > 0 {
			return n, nil
		}
	}
	return 0, nil
}

// open begins a connection where the last one ended.
func (s *Whole) open() {
	if s.off > 0 && s.version == "" {
		s.err = ErrRestart // nothing would tell that it is another file by now
		return
	}
	s.watch = newWatch(s.ctx, s.pace.Stall, new(atomic.Int64))
	body, err := s.source.Open(s.watch.ctx, s.off, -1, s.version)
	if err != nil {
		s.fail(s.watch.why(err))
		return
	}
	s.body = body
	if s.off > 0 && (body.Offset > s.off || body.Version != s.version) {
		s.err = ErrRestart
		s.drop()
		return
	}
	s.version, s.size, s.skip = body.Version, body.Size, s.off-body.Offset
}

// Restart goes back to the first byte.
func (s *Whole) Restart() {
	s.drop()
	s.off, s.version, s.size, s.err = 0, "", -1, nil
}

// fail ends a connection, and all where nothing is to be hoped for, or else waits a while.
func (s *Whole) fail(err error) {
	s.drop()
	var (
		refused *RefusedError
		busy    *BusyError
	)
	wait := s.pace.Pause << min(s.failed, 10)
	s.failed++
	switch {
	case s.ctx.Err() != nil:
		s.err = context.Cause(s.ctx)
		return
	case errors.As(err, &refused), s.failed >= s.pace.Attempts:
		s.err = err
		return
	case errors.As(err, &busy) && busy.After > s.pace.Longest:
		s.err = err
		return
	case errors.As(err, &busy):
		wait = max(wait, busy.After)
	}
	wait = min(wait, s.pace.Longest)
	s.waits(err, wait)
	if err := s.sleep(s.ctx, wait); err != nil {
		s.err = err
	}
}

// drop lets go of the connection, if there is one.
func (s *Whole) drop() {
	if s.watch == nil {
		return
	}
	if s.body != nil {
		s.body.Close() // what it sent is what counts
		s.body = nil
	}
	s.watch.end()
	s.watch = nil
}

// Close lets go of the connection.
func (s *Whole) Close() error {
	s.drop()
	return nil
}
