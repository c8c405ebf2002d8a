package fetch

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// Two runs that want the same file: the second waits and finds it complete, or goes on.
func TestTwoRunsFetchOneFile(t *testing.T) {
	content := random(1, 20*testSegment)
	for _, completes := range []bool{true, false} {
		m := newMachine(t)
		other := openMachine(t, m.root)
		s := serve("a", content)
		w := wanted(content, s)
		waiting := make(chan struct{})
		var once sync.Once
		ctx, cancel := context.WithCancelCause(context.Background())
		s.before = func(n int, _, _ int64) error {
			if n == 10 {
				<-waiting
				if !completes {
					cancel(errStop)
				}
			}
			return nil
		}
		first := make(chan error)
		go func() {
			got, err := m.small().Fetch(ctx, w)
			if err == nil {
				err = got.Close()
			}
			first <- err
		}()
		for s.requests() < 10 {
			runtime.Gosched()
		}
		f := other.small()
		f.sleep = sleep
		var notes []string
		f.Tell = func(p Progress) {
			if p.Note == "another run is fetching it" {
				once.Do(func() { close(waiting) })
			}
			notes = append(notes, p.Note)
		}
		w2 := w
		w2.Dir = "/" // it would lie elsewhere, were it not begun already
		got, b := other.published(f, w2)
		same(t, b, content)
		if err := <-first; completes != (err == nil) || !completes && !errors.Is(err, errStop) {
			t.Errorf("the first: %v", err)
		}
		if got.Resumed == 0 || (got.Resumed == int64(len(content))) != completes || got.Got+got.Resumed != int64(len(content)) {
			t.Errorf("the second resumed %d and got %d of %d", got.Resumed, got.Got, len(content))
		}
	}
}

func TestWaitingForAnotherRunEndsWithTheContext(t *testing.T) {
	content := random(1, testSegment)
	m := newMachine(t)
	w := wanted(content, serve("a", content))
	got, err := m.small().Fetch(context.Background(), w)
	check(t, err)
	ctx, cancel := context.WithCancelCause(context.Background())
	f := m.small()
	tries := 0
	f.sleep = func(ctx context.Context, d time.Duration) error {
		if tries++; tries == 10 {
			cancel(errStop)
		}
		return context.Cause(ctx)
	}
	if _, err := f.Fetch(ctx, w); !errors.Is(err, errStop) {
		t.Errorf("got %v", err)
	}
	var locked *host.LockedError
	if err := Forget(context.Background(), m.host.Files, keyOf(w)); !errors.As(err, &locked) {
		t.Errorf("what is being fetched was forgotten: %v", err)
	}
	check(t, got.Close())
	check(t, Forget(context.Background(), m.host.Files, keyOf(w)))
	if left := append(m.names("models/.*"), m.names("var/lib/agent0-converge/models/*.fetch")...); len(left) > 0 {
		t.Errorf("left %q", left)
	}
}

// The end of the context ends all that was begun, and keeps what came.
func TestEndOfTheContext(t *testing.T) {
	content := random(1, 40*testSegment)
	before := runtime.NumGoroutine()
	for n := 1; n <= 40; n += 3 {
		m := newMachine(t)
		s := serve("a", content)
		s.hangs = func(request int) int {
			if request == n {
				return 1000
			}
			return -1
		}
		ctx, cancel := context.WithCancelCause(context.Background())
		w := wanted(content, s)
		f := m.small()
		done := make(chan error)
		go func() {
			_, err := f.Fetch(ctx, w)
			done <- err
		}()
		for s.requests() < n {
			runtime.Gosched()
		}
		cancel(errStop)
		if err := <-done; !errors.Is(err, errStop) {
			t.Fatalf("got %v", err)
		}
		if s.active != 0 {
			t.Errorf("%d requests are still open", s.active)
		}
		s.hangs = nil
		had, err := Status(m.host.Files.Tree, w)
		check(t, err)
		got, b := m.published(m.small(), w)
		same(t, b, content)
		if got.Resumed != had.Have {
			t.Errorf("resumed %d of %d", got.Resumed, had.Have)
		}
	}
	for runtime.NumGoroutine() > before {
		runtime.Gosched()
	}
}
