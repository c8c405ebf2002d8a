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
	buffers *buffers

	mu      sync.Mutex
	changed *sync.Cond // of anything below
	size    int64      // -1: unknown
	have    spans      // written
	claimed spans      // being fetched by somebody
	senders []sender
	err     error // of this machine: everybody stops

	front int64 // all before it is in hash
	taken int64 // what the hasher is at ends here
	hash  hash.Hash
	fresh []piece // what comes next, as long as it is in memory anyway

	due      []mark // to become checkpoints
	stopped  bool
	followed bool // nobody hashes any more
}

func newStore(p *host.Partial, f *Fetcher, b *buffers) *store {
	s := &store{
		partial: p, segment: f.Segment, ahead: int64(f.Ahead), block: f.Block, buffers: b, size: -1, hash: sha256.New(),
	}
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

// keep writes bytes that were claimed. taken says that b was handed to the hasher and is no longer the caller's; that
// is done where b comes next and own says that it may be.
func (s *store) keep(off int64, b []byte, own bool) (taken bool, err error) {
	if _, err := s.partial.WriteAt(b, off); err != nil {
		return false, err
	}
	if own && s.hand(piece{off, b}) {
		return true, nil
	}
	n := block{off, uint32(len(b)), crc32.Checksum(b, castagnoli)}
	if err := s.log.add(func(b []byte) []byte { return appendBlock(b, n) }); err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.arrived(n.span())
	return false, nil
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
