package fetch

import (
	"context"
	"crypto/sha256"
	"hash"
	"hash/crc32"
	"slices"
	"sync"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// store is what is here of a file: the bytes, which of them, and the hash of those at its beginning, the frontier.
// Its methods may be called at the same time.
type store struct {
	partial *host.Partial
	log     *journal
	segment int64
	ahead   int64
	block   int

	mu      sync.Mutex
	changed *sync.Cond // of anything below
	size    int64      // -1: unknown
	have    spans      // written
	claimed spans      // being fetched by somebody
	senders []sender
	err     error // of this machine: everybody stops

	front   int64 // all before it is in hash
	hash    hash.Hash
	hashing bool // somebody has hash

	due     *mark // of the next one
	stopped bool
}

func newStore(p *host.Partial, segment int64, ahead, block int) *store {
	s := &store{partial: p, segment: segment, ahead: int64(ahead), block: block, size: -1, hash: sha256.New()}
	s.changed = sync.NewCond(&s.mu)
	return s
}

// fail stops everybody for an error of this machine.
func (s *store) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
	s.changed.Broadcast()
}

// wait waits with s.mu held until ready says so or nothing more will happen, and reports which.
func (s *store) wait(ctx context.Context, ready func() bool) bool {
	stop := context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.changed.Broadcast()
	})
	defer stop()
	for s.err == nil && ctx.Err() == nil {
		if ready() {
			return true
		}
		s.changed.Wait()
	}
	return false
}

// full reports, with s.mu held, whether all bytes are here.
func (s *store) full() bool { return s.size >= 0 && s.have.end(0) >= s.size }

func (s *store) isFull() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.full()
}

// claim returns the first bytes at off or behind it, of one segment, that are not here and that nobody else fetches,
// and keeps others from fetching them. It waits where that depends on others. It returns nothing when there is nothing
// left to fetch there, or something before off.
func (s *store) claim(ctx context.Context, off int64) (c span, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wait(ctx, func() bool {
		if s.size >= 0 && s.have.end(off) >= s.size {
			return true
		}
		if c, ok = s.free(s.have.end(0)); ok && c.from < off {
			ok = false // what is behind off may have to wait for it
			return true
		}
		c, ok = s.free(max(off, s.have.end(0)))
		return ok
	})
	if ok {
		s.claimed.add(c)
	}
	return c, ok
}

// free finds, within what may be fetched ahead of the hasher, what nobody has.
func (s *store) free(off int64) (span, bool) {
	limit := (s.front/s.segment + 1 + s.ahead) * s.segment
	if s.size >= 0 {
		limit = min(limit, s.size)
	}
	for off < limit {
		if end := max(s.have.end(off), s.claimed.end(off)); end > off {
			off = end
			continue
		}
		to := min(limit, (off/s.segment+1)*s.segment)
		return span{off, s.have.next(off, s.claimed.next(off, to))}, true
	}
	return span{}, false
}

// release gives back what is left of a claim.
func (s *store) release(c span) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.claimed.cut(c)
	s.changed.Broadcast()
}

// keep writes bytes that were claimed. At the frontier they are hashed while they are at hand.
func (s *store) keep(off int64, b []byte) error {
	if _, err := s.partial.WriteAt(b, off); err != nil {
		return err
	}
	if s.takeHash(off) {
		s.hash.Write(b)
		m := mark{off + int64(len(b)), stateOf(s.hash)}
		if err := s.log.add(func(b []byte) []byte { return appendMark(b, recordMark, m) }); err != nil {
			return err
		}
		s.giveHash(m.off)
		return nil
	}
	n := block{off, uint32(len(b)), crc32.Checksum(b, castagnoli)}
	if err := s.log.add(func(b []byte) []byte { return appendBlock(b, n) }); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.arrived(n.span())
	return nil
}

func (s *store) arrived(n span) {
	s.have.add(n)
	s.claimed.cut(n)
	s.changed.Broadcast()
}

// sentBy notes that bytes come from a content of a source.
func (s *store) sentBy(n sender) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.Contains(s.senders, n) {
		return nil
	}
	s.senders = append(s.senders, n)
	return s.log.add(func(b []byte) []byte { return appendJSON(b, recordSender, n) })
}

// setSize notes how long the file is.
func (s *store) setSize(size int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.size = size
	s.changed.Broadcast()
	return s.log.add(func(b []byte) []byte { return appendSize(b, size) })
}

// status is what there is to tell while others work.
func (s *store) status() (have, size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.have.total(), s.size
}

func (s *store) sizeKnown() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.size >= 0
}

// ends reports whether the file ends before off.
func (s *store) ends(off int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.size >= 0 && off >= s.size
}

// failure is why nothing more happens, nil where nothing is wrong.
func (s *store) failure(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	return context.Cause(ctx)
}
