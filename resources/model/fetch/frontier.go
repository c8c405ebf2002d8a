package fetch

import (
	"context"
	"encoding"
	"hash"
	"sync"
)

// maxFresh is how many pieces may wait in memory for the hasher. What a kill loses of them is fetched again.
const maxFresh = 16

// piece is bytes of the file at an offset, in a buffer of their own.
type piece struct {
	off int64
	b   []byte
}

func (p piece) span() span { return span{p.off, p.off + int64(len(p.b))} }

// hand gives a piece that was written to the hasher, if it comes next, and waits until that has caught up so far: so
// one core hashes while another receives and writes, and nothing is read again. The hasher notes it.
func (s *store) hand(p piece) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := max(s.front, s.taken)
	if n := len(s.fresh); n > 0 {
		next = s.fresh[n-1].span().to
	}
	if p.off != next {
		return false
	}
	for len(s.fresh) >= maxFresh && s.err == nil {
		s.changed.Wait()
	}
	s.fresh = append(s.fresh, p)
	s.arrived(p.span())
	return true
}

// hashed says that all before to is in the hash. At the end of each segment a checkpoint is due.
func (s *store) hashed(to int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if to/s.segment > s.front/s.segment || to == s.size {
		s.due = append(s.due, mark{to, stateOf(s.hash)})
	}
	s.front = to
	s.changed.Broadcast()
}

// stateOf is what a hasher of another process goes on from.
func stateOf(h hash.Hash) []byte {
	b, err := h.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		panic(err) // SHA-256 has no other outcome
	}
	return b
}

// follow hashes what comes next, from memory or else from the page cache, until stop or an error, and until nothing is in
// memory any more.
func (s *store) follow() {
	buf := s.buffers.get()
	defer s.buffers.put(buf)
	for {
		c, b, ok := s.following()
		if !ok {
			return
		}
		var err error
		if b == nil {
			err = s.reread(c, buf)
		} else {
			err = s.digest(c, b)
		}
		if err != nil {
			s.fail(err)
			return
		}
	}
}

func (s *store) reread(c span, buf []byte) error {
	b := buf[:c.size()]
	if _, err := s.partial.ReadAt(b, c.from); err != nil {
		return err
	}
	s.hash.Write(b)
	s.hashed(c.to)
	return nil
}

// digest hashes a piece that was in memory, and notes that it is there.
func (s *store) digest(c span, b []byte) error {
	s.hash.Write(b)
	s.hashed(c.to)
	s.buffers.put(b[:cap(b)])
	m := mark{c.to, stateOf(s.hash)}
	return s.log.add(func(b []byte) []byte { return appendMark(b, recordMark, m) })
}

// following waits for bytes that are here and are to be hashed next. b is nil where they are to be read.
func (s *store) following() (c span, b []byte, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		end := s.have.end(s.front)
		if len(s.fresh) > 0 {
			next := s.fresh[0]
			if next.off == s.front {
				s.fresh, s.taken = s.fresh[1:], next.span().to
				s.changed.Broadcast()
				return next.span(), next.b, true
			}
			end = min(end, next.off)
		}
		if s.stopped || s.err != nil {
			return span{}, nil, false
		}
		if end > s.front {
			s.taken = min(end, s.front+int64(s.block))
			return span{s.front, s.taken}, nil, true
		}
		s.changed.Wait()
	}
}

// secure makes what was hashed durable and notes that, until stop. It is a goroutine of its own, because a disk may
// take seconds for it, which those that receive must not wait for. Where it falls behind, it notes every segment all the
// same: who goes on from here reads again what is between the last two.
func (s *store) secure() {
	for {
		due := s.nextDue()
		if len(due) == 0 {
			return
		}
		err := s.partial.Sync()
		if err == nil {
			err = s.log.promise(func(b []byte) []byte {
				for _, m := range due {
					b = appendMark(b, recordCheckpoint, m)
				}
				return b
			})
		}
		if err != nil {
			s.fail(err)
			return
		}
	}
}

// nextDue waits for what is to be secured, and returns nothing at the end.
func (s *store) nextDue() (due []mark) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// Not before all is hashed: who goes on from here need not read the last segment again.
	for len(s.due) == 0 && !s.followed && s.err == nil {
		s.changed.Wait()
	}
	if s.err == nil {
		due, s.due = s.due, nil
	}
	return due
}

// serve runs follow and secure until the returned function was called and they have ended.
func (s *store) serve() (stop func()) {
	var wg sync.WaitGroup
	s.stopped, s.followed = false, false
	wg.Go(func() {
		s.follow()
		s.set(&s.followed)
	})
	wg.Go(s.secure)
	return func() {
		s.set(&s.stopped)
		wg.Wait()
	}
}

func (s *store) set(flag *bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*flag = true
	s.changed.Broadcast()
}

// finish waits until all bytes that are here in a row are hashed.
func (s *store) finish(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wait(ctx, func() bool { return s.have.end(s.front) == s.front })
	if s.err != nil {
		return s.err
	}
	return context.Cause(ctx)
}
