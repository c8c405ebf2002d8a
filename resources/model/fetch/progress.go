package fetch

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"
)

// interval is how often Tell is called.
const interval = 250 * time.Millisecond

// memory is how far back the rate looks.
const memory = 3 * time.Second

// teller tells how a fetch goes.
type teller struct {
	tell func(Progress)
	mu   sync.Mutex
	now  Progress
	done chan struct{}
	wg   sync.WaitGroup
}

func newTeller(tell func(Progress)) *teller {
	return &teller{tell: tell, done: make(chan struct{}), now: Progress{Size: -1}}
}

func (t *teller) source(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now.Source, t.now.Note = name, ""
}

func (t *teller) note(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now.Note = text
}

func (t *teller) waiting(source string, wait time.Duration, err error) {
	t.note(fmt.Sprintf("waiting %s for %s", wait.Round(time.Second), Tried{source, err}))
}

// start tells from time to time, until the function that it returns was called, and then once more.
func (t *teller) start(state func() (done, size, got int64)) (stop func()) {
	if t.tell == nil {
		return func() {}
	}
	t.wg.Go(func() {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		var r rate
		for {
			select {
			case <-t.done:
				t.once(&r, state)
				return
			case <-ticker.C:
				t.once(&r, state)
			}
		}
	})
	return func() {
		close(t.done)
		t.wg.Wait()
	}
}

func (t *teller) once(r *rate, state func() (done, size, got int64)) {
	done, size, got := state()
	speed := r.of(got, time.Now())
	t.mu.Lock()
	t.now.Done, t.now.Size, t.now.Rate = done, size, speed
	p := t.now
	t.mu.Unlock()
	t.tell(p)
}

// rate is a mean in which what is long past counts little.
type rate struct {
	at   time.Time
	got  int64
	mean float64
}

func (r *rate) of(got int64, now time.Time) float64 {
	dt := now.Sub(r.at).Seconds()
	switch {
	case r.at.IsZero():
	case dt <= 0:
		return r.mean
	case r.mean == 0:
		r.mean = float64(got-r.got) / dt
	default:
		keep := math.Exp(-dt / memory.Seconds())
		r.mean = keep*r.mean + (1-keep)*float64(got-r.got)/dt
	}
	r.at, r.got = now, got
	return r.mean
}

// sleep waits, or returns why ctx ended.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// buffers are used again and again.
type buffers struct {
	size int
	mu   sync.Mutex
	free [][]byte
}

func (b *buffers) get() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := len(b.free); n > 0 {
		buf := b.free[n-1]
		b.free = b.free[:n-1]
		return buf
	}
	return make([]byte, b.size)
}

func (b *buffers) put(buf []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.free = append(b.free, buf)
}
