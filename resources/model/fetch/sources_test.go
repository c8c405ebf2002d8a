package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

// waits collects how long a fetcher waited.
func waits(f *Fetcher) *[]time.Duration {
	var all []time.Duration
	f.sleep = func(ctx context.Context, d time.Duration) error {
		all = append(all, d)
		return context.Cause(ctx)
	}
	return &all
}

func always(err error) func(int, int64, int64) error {
	return func(int, int64, int64) error { return err }
}

func TestRefusedSourceIsNotAskedAgain(t *testing.T) {
	content := random(1, 300_000)
	m := newMachine(t)
	gone, denied, good := serve("gone", content), serve("denied", content), serve("good", content)
	gone.before = always(&RefusedError{"gone", "404 Not Found"})
	denied.before = always(&RefusedError{"denied", "401: set a token"})
	f := m.small()
	slept := waits(f)
	got, b := m.published(f, wanted(content, gone, denied, good))
	same(t, b, content)
	if gone.requests() != 1 || denied.requests() != 1 || got.Source != "good" || len(*slept) > 0 {
		t.Errorf("asked %d and %d times, waited %v, from %s", gone.requests(), denied.requests(), *slept, got.Source)
	}

	_, err := newMachine(t).small().Fetch(context.Background(), wanted(content, gone, denied))
	if want := "no source has it: gone: 404 Not Found; denied: 401: set a token"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestFailuresAreRepeatedWithGrowingDelay(t *testing.T) {
	content := random(1, 300_000)
	m := newMachine(t)
	bad, good := serve("bad", content), serve("good", content)
	bad.before = always(errors.New("cannot reach bad: no route"))
	f := m.small()
	slept := waits(f)
	_, b := m.published(f, wanted(content, bad, good))
	same(t, b, content)
	if want := []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second}; !slices.Equal(*slept, want) || bad.requests() != 5 {
		t.Errorf("waited %v, asked %d times", *slept, bad.requests())
	}

	_, err := newMachine(t).small().Fetch(context.Background(), wanted(content, bad))
	if want := "bad: cannot reach bad: no route"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestJitterSpreadsDelays(t *testing.T) {
	for jitter, want := range map[float64]time.Duration{0: 500 * time.Millisecond, 0.5: time.Second, 1: 1500 * time.Millisecond} {
		m := newMachine(t)
		bad := serve("bad", nil)
		bad.before = always(errBroken)
		f := m.small()
		slept := waits(f)
		f.jitter = func() float64 { return jitter }
		f.Fetch(context.Background(), wanted(random(1, 10), bad))
		if (*slept)[0] != want {
			t.Errorf("with %v it waited %v, want %v", jitter, *slept, want)
		}
	}
}

// Each request brings some bytes and breaks: that is progress, however often.
func TestProgressResetsTheCount(t *testing.T) {
	for _, connections := range []int{1, 4} {
		content := random(1, 20*testSegment)
		m := newMachine(t)
		s := serve("weak", content)
		s.breaks = func(int) int { return testBlock + 100 }
		f := m.small()
		f.Connections = connections
		got, b := m.published(f, wanted(content, s))
		same(t, b, content)
		if s.requests() < 300 || got.Got != int64(len(content)) {
			t.Errorf("%d requests, %d bytes", s.requests(), got.Got)
		}
	}
}

func TestBusySourceIsWaitedFor(t *testing.T) {
	content := random(1, 300_000)
	m := newMachine(t)
	s, other := serve("busy", content), serve("other", content)
	s.before = func(n int, _, _ int64) error {
		if n <= 2 {
			return &BusyError{"busy", "429 Too Many Requests", 20 * time.Second}
		}
		return nil
	}
	f := m.small()
	slept := waits(f)
	got, b := m.published(f, wanted(content, s, other))
	same(t, b, content)
	if want := []time.Duration{22500 * time.Millisecond, 22500 * time.Millisecond}; !slices.Equal(*slept, want) || got.Source != "busy" {
		t.Errorf("waited %v, got it from %s", *slept, got.Source)
	}
}

func TestSourceThatIsBusyForLongIsTheLastResort(t *testing.T) {
	content := random(1, 300_000)
	m := newMachine(t)
	busy, bad := serve("busy", content), serve("bad", content)
	busy.before = func(n int, _, _ int64) error {
		if n == 1 {
			return &BusyError{"busy", "503", time.Hour}
		}
		return nil
	}
	bad.before = always(&RefusedError{"bad", "410 Gone"})
	f := m.small()
	slept := waits(f)
	now := time.Unix(1e9, 0)
	f.now = func() time.Time { return now }
	got, b := m.published(f, wanted(content, busy, bad))
	same(t, b, content)
	if !slices.Equal(*slept, []time.Duration{patience}) || got.Source != "busy" {
		t.Errorf("waited %v, got it from %s", *slept, got.Source)
	}

	busy.before = always(&BusyError{"busy", "503", time.Hour})
	_, err := newMachine(t).small().Fetch(context.Background(), wanted(content, busy, bad))
	if want := "no source has it: busy: 503: asks to come back in 1h0m0s; bad: 410 Gone"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// What one source sent before it broke is not asked of the next.
func TestSourcesPutTheFileTogether(t *testing.T) {
	content := random(1, 20*testSegment)
	for _, noRanges := range []bool{false, true} {
		m := newMachine(t)
		a, b := serve("a", content), serve("b", content)
		a.breaks = func(n int) int {
			if n > 5 {
				return 0
			}
			return testSegment / 2
		}
		b.noRanges = noRanges
		got, file := m.published(m.small(), wanted(content, a, b))
		same(t, file, content)
		if !noRanges && got.Got != int64(len(content)) || noRanges && got.Got != int64(len(content))+a.sent {
			t.Errorf("got %d bytes of %d, %d from a, %d from b", got.Got, len(content), a.sent, b.sent)
		}
		if got.Source != "b" {
			t.Errorf("most came from %s", got.Source)
		}
	}
}

func TestWhatIsNotTheFileIsRefusedBeforeItIsWritten(t *testing.T) {
	content := random(1, 300_000)
	page := append([]byte("<!doctype html><title>Log in</title>"), bytes.Repeat([]byte(" "), 300_000)...)
	html := func(prefix []byte) error {
		if len(prefix) < 512 {
			t.Errorf("asked about %d bytes", len(prefix))
		}
		if bytes.HasPrefix(prefix, []byte("<!doctype")) {
			return errors.New("it is an HTML page")
		}
		return nil
	}
	for _, c := range []struct {
		name   string
		change func(*server, *Want)
		want   string
	}{
		{"a page", func(s *server, w *Want) { s.content = page }, "bad: it is an HTML page"},
		{"a page of the right size", func(s *server, w *Want) { s.content = page[:300_000] }, "bad: it is an HTML page"},
		{"a page where the size is unknown", func(s *server, w *Want) { s.content, w.Size = page, -1 }, "bad: it is an HTML page"},
		{"a longer file", func(s *server, w *Want) { s.content = random(2, 400_000) }, "bad: its file has 400000 bytes, and 300000 are expected"},
		{"a size that does not fit", func(s *server, w *Want) {
			s.content, w.Size = random(2, 400_000), 0
			w.Fits = func(size, more int64) error {
				if more != size {
					t.Errorf("%d of %d bytes are to come", more, size)
				}
				if size == 400_000 {
					return fmt.Errorf("%d is not what the plan says", size)
				}
				return nil
			}
		}, "bad: 400000 is not what the plan says"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMachine(t)
			s := serve("bad", content)
			w := wanted(content, s)
			w.First = html
			c.change(s, &w)
			_, err := m.small().Fetch(context.Background(), w)
			if err == nil || err.Error() != c.want {
				t.Fatalf("got %v, want %s", err, c.want)
			}
			for _, op := range m.ops {
				if op.Name == "write" && strings.HasPrefix(op.Path, "/models/") {
					t.Errorf("%s", op)
				}
			}
			w.Sources = append(w.Sources, serve("good", content))
			_, b := m.published(m.small(), w)
			same(t, b, content)
		})
	}
}

// A file that is shorter than what First wants to see is shown whole.
func TestFirstOfATinyFile(t *testing.T) {
	m := newMachine(t)
	content := []byte("GGUF")
	w := wanted(content, serve("a", content))
	var seen []byte
	w.First = func(prefix []byte) error { seen = bytes.Clone(prefix); return nil }
	_, b := m.published(m.small(), w)
	same(t, b, content)
	same(t, seen, content)
}

func TestRoom(t *testing.T) {
	content := random(1, 300_000)
	for _, size := range []int64{300_000, 0} {
		m := newMachine(t)
		s := serve("a", content)
		w := wanted(content, s)
		w.Size = size
		var asked []int64
		full := errors.New("the disk is full")
		w.Room = func(more int64) error { asked = append(asked, more); return full }
		_, err := m.small().Fetch(context.Background(), w)
		if !errors.Is(err, full) || !slices.Equal(asked, []int64{300_000}) || s.sent > 0 && size > 0 {
			t.Errorf("asked about %v, %v, %d bytes were sent", asked, err, s.sent)
		}
		w.Room = func(int64) error { return nil }
		_, b := m.published(m.small(), w)
		same(t, b, content)
	}
}

func TestWholeIsAskedAtTheEnd(t *testing.T) {
	content := random(1, 300_000)
	m := newMachine(t)
	s := serve("a", content)
	w := wanted(content, s)
	bad := errors.New("no tensors")
	w.Whole = func(r io.ReaderAt, size int64) error {
		b := make([]byte, size)
		_, err := r.ReadAt(b, 0)
		if err != nil && err != io.EOF {
			return err
		}
		same(t, b, content)
		return bad
	}
	if _, err := m.small().Fetch(context.Background(), w); !errors.Is(err, bad) {
		t.Fatalf("got %v", err)
	}
	asked := s.requests()
	if _, err := m.small().Fetch(context.Background(), w); !errors.Is(err, bad) || s.requests() != asked {
		t.Fatalf("got %v after %d more requests", err, s.requests()-asked)
	}
	// Of an unverified file the next source may have a better one.
	other := random(2, 300_000)
	w = wanted(content, s, serve("b", other))
	w.SHA256, w.Unverified = [32]byte{}, true
	w.Whole = func(r io.ReaderAt, size int64) error {
		b := make([]byte, 8)
		if _, err := r.ReadAt(b, 0); err != nil || bytes.Equal(b, content[:8]) {
			return bad
		}
		return nil
	}
	_, b := m.published(m.small(), w)
	same(t, b, other)
}

func TestWantsThatAreRefused(t *testing.T) {
	m := newMachine(t)
	some := wanted(nil, serve("a", nil))
	for want, w := range map[string]Want{
		"without its SHA-256": {Sources: some.Sources, Dir: "/models"},
		"as unverified":       {Sources: some.Sources, Dir: "/models", SHA256: some.SHA256, Unverified: true},
		"without a source":    {Dir: "/models", SHA256: some.SHA256},
	} {
		if _, err := m.small().Fetch(context.Background(), w); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// A file whose size only its source knows comes at once, and nothing is waited for.
func TestSizeThatOnlyTheSourceKnows(t *testing.T) {
	content := random(1, 30_000)
	m := newMachine(t)
	s := serve("a", content)
	f := m.small()
	slept := waits(f)
	w := wanted(content, s)
	w.Size = -1
	_, b := m.published(f, w)
	same(t, b, content)
	if len(*slept) > 0 || s.requests() != 1 {
		t.Errorf("waited %v, asked %d times", *slept, s.requests())
	}
}
