package fetch

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"pgregory.net/rapid"
)

// TestNeverAWrongFile lets sources do what they like: what is published is right, or there is an error; and once a
// source behaves the file comes.
func TestNeverAWrongFile(t *testing.T) {
	outcomes := map[string]int{}
	rapid.Check(t, func(r *rapid.T) {
		m := newFastMachine(t)
		defer os.RemoveAll(m.root)
		content := random(rapid.Uint64().Draw(r, "content"), rapid.IntRange(1, 200_000).Draw(r, "size"))
		w := wanted(content)
		if rapid.Bool().Draw(r, "size unknown") {
			w.Size = -1
		}
		for i := range rapid.IntRange(1, 3).Draw(r, "sources") {
			w.Sources = append(w.Sources, drawServer(r, fmt.Sprintf("s%d", i), content))
		}
		for run := range rapid.IntRange(1, 3).Draw(r, "runs") {
			f := m.small()
			f.Segment = rapid.Int64Range(1, 64<<10).Draw(r, "segment")
			f.Segment = max(f.Segment, int64(len(content)/64))
			f.Block = rapid.IntRange(1000, 8<<10).Draw(r, "block")
			f.Connections = rapid.IntRange(1, 5).Draw(r, "connections")
			f.Ahead = rapid.IntRange(1, 8).Draw(r, "ahead")
			f.Stall = 5 * time.Millisecond
			outcome := m.attempt(f, w, content, rapid.IntRange(0, 40).Draw(r, "ends"), run)
			if outcomes[outcome]++; strings.Contains(outcome, " ") {
				r.Fatal(outcome)
			}
		}
		w.Sources = append(w.Sources, serve("good", content))
		f := m.small()
		limit, stop := unending()
		got, err := f.Fetch(limit, w)
		stop()
		if err != nil {
			r.Fatal(err)
		}
		m.isRight(got, content)
		check(t, got.Publish("/models/m.gguf", host.Attr{Mode: 0o644, UID: -1, GID: -1}, nil))
	})
	t.Logf("%v", outcomes)
	for _, want := range []string{"right", "failed", "ended"} {
		if outcomes[want] == 0 {
			t.Errorf("no run that %s", want)
		}
	}
}

// attempt fetches, with an end after some requests where that is not 0.
func (m *machine) attempt(f *Fetcher, w Want, content []byte, ends, run int) string {
	m.Helper()
	limit, stop := unending()
	defer stop()
	ctx, cancel := context.WithCancelCause(limit)
	defer cancel(nil)
	if ends > 0 {
		for _, s := range w.Sources {
			s := s.(*unruly)
			asked := 0
			s.server.mu.Lock()
			s.onAsk = func() {
				if asked++; asked == ends {
					cancel(errStop)
				}
			}
			s.server.mu.Unlock()
		}
	}
	got, err := f.Fetch(ctx, w)
	var failed *FailedError
	switch {
	case err == nil:
		m.isRight(got, content)
		check(m, got.Close())
		return "right"
	case errors.As(err, &failed):
		return "failed"
	case errors.Is(err, errStop):
		return "ended"
	}
	return fmt.Sprintf("run %d: %v", run, err)
}

// unending ends what would go on for ever.
func unending() (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(context.Background(), time.Minute, errors.New("it does not come to an end"))
}

func (m *machine) isRight(got *Fetched, content []byte) {
	m.Helper()
	b, err := os.ReadFile(filepath.Join(m.root, got.Partial.Path()))
	check(m, err)
	same(m, b, content)
	if got.SHA256 != sha256.Sum256(content) || got.Size != int64(len(content)) {
		m.Fatalf("it says %x and %d bytes", got.SHA256, got.Size)
	}
}

// unruly is a server that does something else from request to request.
type unruly struct {
	*server
	onAsk func()
}

func (u *unruly) Open(ctx context.Context, off, length int64, same string) (*Body, error) {
	u.mu.Lock()
	if u.onAsk != nil {
		u.onAsk()
	}
	u.mu.Unlock()
	return u.server.Open(ctx, off, length, same)
}

func drawServer(r *rapid.T, name string, content []byte) *unruly {
	s := serve(name, content)
	s.piece = rapid.IntRange(500, 20_000).Draw(r, "piece")
	s.noRanges = rapid.Bool().Draw(r, "no ranges")
	s.noSize = rapid.IntRange(0, 3).Draw(r, "no size") == 0
	s.ignoresLength = rapid.IntRange(0, 3).Draw(r, "ignores length") == 0
	if rapid.Bool().Draw(r, "no version") {
		s.version = ""
	}
	wrong := rapid.IntRange(0, 3).Draw(r, "wrong")
	switch wrong {
	case 1:
		s.content = spoilt(content, rapid.IntRange(0, len(content)-1).Draw(r, "byte"))
	case 2:
		s.content = content[:rapid.IntRange(0, len(content)-1).Draw(r, "cut")]
	case 3:
		s.content = append(content[:len(content):len(content)], 1, 2, 3)
	}
	if rapid.IntRange(0, 3).Draw(r, "wrong now and then") > 0 {
		s.content = content
	}
	bad := s.content
	if wrong > 0 {
		bad = spoilt(content, len(content)/2)
	}
	deeds := rapid.SliceOfN(rapid.IntRange(0, 9), 1, 60).Draw(r, "deeds")
	at := func(n int) int { return deeds[n%len(deeds)] }
	s.before = func(n int, _, _ int64) error {
		switch at(n) {
		case 1:
			return errBroken
		case 2:
			return &BusyError{name, "429", time.Second}
		case 3:
			s.mu.Lock()
			defer s.mu.Unlock()
			s.content, s.version = bad, s.version+"x"
		case 4:
			s.mu.Lock()
			defer s.mu.Unlock()
			s.version += "y"
		}
		return nil
	}
	s.breaks = func(n int) int {
		if at(n) == 5 || at(n) == 6 {
			return n * 977 % 9000
		}
		return -1
	}
	s.hangs = func(n int) int {
		if at(n) == 7 && n%5 == 0 {
			return n * 577 % 9000
		}
		return -1
	}
	return &unruly{server: s}
}
