package fetch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// random makes content that no two seeds share.
func random(seed uint64, size int) []byte {
	r := rand.New(rand.NewPCG(seed, 0))
	b := make([]byte, size+8)
	for i := 0; i < size; i += 8 {
		v := r.Uint64()
		for k := range 8 {
			b[i+k] = byte(v >> (8 * k))
		}
	}
	return b[:size]
}

// machine is a root with a folder for models.
type machine struct {
	testing.TB
	root string
	host *host.Host
	// ops are the names of the changes that were made.
	mu   sync.Mutex
	ops  []host.Op
	stop func(host.Op) error
}

func newMachine(t testing.TB) *machine {
	t.Helper()
	return openMachine(t, t.TempDir())
}

// newFastMachine has its files in memory where there is such a place: for tests with thousands of fetches.
func newFastMachine(t testing.TB) *machine {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "agent0-test-")
	if err != nil {
		return newMachine(t)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return openMachine(t, dir)
}

func openMachine(t testing.TB, root string) *machine {
	t.Helper()
	m := &machine{TB: t, root: root}
	check(t, os.MkdirAll(filepath.Join(root, "models"), 0o755))
	h, err := host.Open(host.Options{Root: root, Facts: &host.Facts{}, Watch: m.watch})
	check(t, err)
	t.Cleanup(func() { check(t, h.Close()) })
	m.host = h
	return m
}

func (m *machine) watch(op host.Op) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ops = append(m.ops, op)
	if m.stop != nil {
		return m.stop(op)
	}
	return nil
}

func (m *machine) names(pattern string) []string {
	m.Helper()
	found, err := filepath.Glob(filepath.Join(m.root, pattern))
	check(m, err)
	for i := range found {
		found[i] = found[i][len(m.root):]
	}
	return found
}

const (
	testSegment = 64 << 10
	testBlock   = 4 << 10
)

// small is a fetcher whose segments are small and who does not wait.
func (m *machine) small() *Fetcher {
	return &Fetcher{
		Host: m.host, Segment: testSegment, Block: testBlock, Stall: 20 * time.Second, window: -1,
		sleep:  func(ctx context.Context, _ time.Duration) error { return context.Cause(ctx) },
		jitter: func() float64 { return 0.5 },
	}
}

func wanted(content []byte, sources ...Source) Want {
	return Want{SHA256: sha256.Sum256(content), Size: int64(len(content)), Sources: sources, Dir: "/models", For: "/models/m.gguf"}
}

// published fetches and publishes, and returns what then is there.
func (m *machine) published(f *Fetcher, w Want) (*Fetched, []byte) {
	m.Helper()
	got, err := f.Fetch(context.Background(), w)
	check(m, err)
	check(m, got.Publish("/models/m.gguf", host.Attr{Mode: 0o644, UID: -1, GID: -1}, nil))
	b, err := os.ReadFile(filepath.Join(m.root, "models/m.gguf"))
	check(m, err)
	return got, b
}

// server is a source that misbehaves as told. All of its fields are read under mu.
type server struct {
	name    string
	mu      sync.Mutex
	content []byte
	version string
	// noRanges sends the whole file always; noSize does not say how long it is.
	noRanges, noSize bool
	// ignoresLength sends all from the offset on.
	ignoresLength bool
	// tells, where not 0, is the size that it claims.
	tells int64
	// before is called before each request with its number, from 1 on; an error is the answer.
	before func(n int, off, length int64) error
	// breaks, where not nil, says after how many bytes of the n-th request the connection breaks, -1 for never.
	breaks func(n int) int
	// hangs, where not nil, says the same of hanging until the end of the request.
	hangs func(n int) int
	// asks are the requests.
	asks []span
	// sent counts bytes; active is how many requests are open, most how many were at once.
	sent         int64
	active, most int
	piece        int
}

func serve(name string, content []byte) *server {
	return &server{name: name, content: content, version: "v1", piece: 1500}
}

func (s *server) String() string { return s.name }

var errBroken = errors.New("the connection broke")

func (s *server) Open(ctx context.Context, off, length int64, same string) (*Body, error) {
	s.mu.Lock()
	s.asks = append(s.asks, span{off, off + length})
	n := len(s.asks)
	before := s.before
	s.mu.Unlock()
	if before != nil {
		if err := before(n, off, length); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	size := int64(len(s.content))
	if s.noRanges || same != "" && same != s.version {
		off, length = 0, -1
	}
	if off > size || off == size && size > 0 {
		return nil, &RefusedError{s.name, "416"}
	}
	end := size
	if length >= 0 && !s.ignoresLength {
		end = min(size, off+length)
	}
	b := &sending{s: s, ctx: ctx, r: bytes.NewReader(s.content[off:end]), breaks: -1, hangs: -1}
	if s.breaks != nil {
		b.breaks = s.breaks(n)
	}
	if s.hangs != nil {
		b.hangs = s.hangs(n)
	}
	s.active++
	s.most = max(s.most, s.active)
	body := &Body{ReadCloser: b, Offset: off, Size: size, Version: s.version, Ranges: !s.noRanges}
	if s.tells != 0 {
		body.Size = s.tells
	}
	if s.noSize {
		body.Size = -1
	}
	return body, nil
}

func (s *server) requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asks)
}

type sending struct {
	s             *server
	ctx           context.Context
	r             *bytes.Reader
	breaks, hangs int
	done          int
}

func (b *sending) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	if b.hangs >= 0 && b.done >= b.hangs {
		<-b.ctx.Done()
		return 0, b.ctx.Err()
	}
	if b.breaks >= 0 && b.done >= b.breaks {
		return 0, errBroken
	}
	p = p[:min(len(p), b.s.piece)]
	if b.breaks >= 0 {
		p = p[:min(len(p), b.breaks-b.done)]
	}
	if b.hangs >= 0 {
		p = p[:min(len(p), b.hangs-b.done)]
	}
	n, err := b.r.Read(p)
	b.done += n
	b.s.mu.Lock()
	b.s.sent += int64(n)
	b.s.mu.Unlock()
	return n, err
}

func (b *sending) Close() error {
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	b.s.active--
	return nil
}

// first breaks the first n requests after so many bytes.
func first(n, bytes int) func(int) int {
	return func(request int) int {
		if request <= n {
			return bytes
		}
		return -1
	}
}

func same(t testing.TB, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Fatalf("got %d bytes, %x…, want %d bytes, %x…", len(got), sha256.Sum256(got), len(want), sha256.Sum256(want))
	}
}

// newRand is dice whose seed is printed, so that a failure can be repeated with AGENT0_SEED.
func newRand(t testing.TB) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	fmt.Sscan(os.Getenv("AGENT0_SEED"), &seed)
	t.Logf("AGENT0_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}
