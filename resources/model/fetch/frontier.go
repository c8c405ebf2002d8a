package fetch

import (
	"context"
	"encoding"
	"hash"
	"sync"
)

// takeHash reserves the hasher for who has the bytes at off, if they are those it wants next.
func (s *store) takeHash(off int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hashing || s.front != off {
		return false
	}
	s.hashing = true
	return true
}

// giveHash ends what takeHash began: all before to is in the hash. At the end of each segment a checkpoint is due.
func (s *store) giveHash(to int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if to/s.segment > s.front/s.segment || to == s.size {
		s.due = &mark{to, stateOf(s.hash)}
	}
	s.arrived(span{s.front, to})
	s.front, s.hashing = to, false
}

// stateOf is what a hasher of another process goes on from.
func stateOf(h hash.Hash) []byte {
	b, err := h.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		panic(err) // SHA-256 has no other outcome
	}
	return b
}

// follow hashes what arrived out of order, from the page cache, until stop.
func (s *store) follow() {
	buf := make([]byte, s.block)
	for {
		c, ok := s.behind()
		if !ok {
			return
		}
		b := buf[:c.size()]
		if _, err := s.partial.ReadAt(b, c.from); err != nil {
			s.fail(err)
			return
		}
		s.hash.Write(b)
		s.giveHash(c.to)
	}
}

// behind waits for bytes that are here and are to be hashed next, and reserves the hasher.
func (s *store) behind() (c span, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.stopped && s.err == nil {
		if end := s.have.end(s.front); !s.hashing && end > s.front {
			s.hashing = true
			return span{s.front, min(end, s.front+int64(s.block))}, true
		}
		s.changed.Wait()
	}
	return span{}, false
}

// secure makes what was hashed durable and notes that, until stop. It is a goroutine of its own, because a disk may
// take seconds for it, which those that receive must not wait for.
func (s *store) secure() {
	for {
		m, ok := s.nextDue()
		if !ok {
			return
		}
		err := s.partial.Sync()
		if err == nil {
			err = s.log.promise(func(b []byte) []byte { return appendMark(b, recordCheckpoint, m) })
		}
		if err != nil {
			s.fail(err)
			return
		}
	}
}

func (s *store) nextDue() (mark, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.err == nil {
		if s.due != nil {
			m := *s.due
			s.due = nil
			return m, true
		}
		if s.stopped { // and not before: who goes on from here need not read the last segment again
			break
		}
		s.changed.Wait()
	}
	return mark{}, false
}

// serve runs follow and secure until the returned function was called and they have ended.
func (s *store) serve() (stop func()) {
	var wg sync.WaitGroup
	s.stopped = false
	wg.Go(s.follow)
	wg.Go(s.secure)
	return func() {
		s.mu.Lock()
		s.stopped = true
		s.changed.Broadcast()
		s.mu.Unlock()
		wg.Wait()
	}
}

// finish waits until all bytes that are here in a row are hashed.
func (s *store) finish(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wait(ctx, func() bool { return !s.hashing && s.have.end(s.front) == s.front })
	if s.err != nil {
		return s.err
	}
	return context.Cause(ctx)
}
