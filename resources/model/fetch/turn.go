package fetch

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// patience is how long a source that asks for it is waited for while there are others.
	patience = 2 * time.Minute
	// window is for how long a connection is watched before it gets company.
	window = 200 * time.Millisecond
	// firstDelay is how long is waited after a failure; it doubles with each up to lastDelay.
	firstDelay, lastDelay = time.Second, 30 * time.Second
)

// turn is one source's: it sends what it can until the file is here or it has failed for good.
type turn struct {
	j      *job
	c      *candidate
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	// fresh counts the bytes that were new.
	fresh atomic.Int64

	mu      sync.Mutex
	version string
	any     bool // versions change too often to ask for one
	spread  bool // there are several workers
	single  *worker
	err     error
}

// worker gets one segment after the other, over one connection at a time.
type worker struct {
	*turn
	buf []byte
	// sends is the version that comes at the moment.
	sends string
	// fails counts failures while nothing new came from the source, streak those of this worker.
	fails, streak int
	seen          int64
	// waited is how long it waited for the source, worked for what it did with what came.
	waited, worked time.Duration
	// parts says that the source sends any part of the file.
	parts bool
}

// take gives a source its turn. It returns nil once all bytes are here.
func (j *job) take(ctx context.Context, c *candidate) error {
	t := &turn{j: j, c: c, version: c.version}
	t.ctx, t.cancel = context.WithCancel(ctx)
	defer t.cancel()
	j.tell.source(c.name)
	t.start()
	t.wg.Wait()
	c.version = t.version
	var refused *RefusedError
	if j.store.isFull() && !(j.w.Unverified && errors.As(t.err, &refused)) {
		return nil
	}
	if t.err == nil {
		return errors.New("it sent nothing that is of use")
	}
	return t.err
}

func (t *turn) start() {
	w := &worker{turn: t}
	t.wg.Go(w.run)
}

// consider starts the other workers where the source is what all wait for. One connection that brings a good part of what
// this machine can hash and write is faster alone: of several all but one bring what has to be read again to be hashed.
func (w *worker) consider() {
	if w.waited+w.worked < w.j.f.window {
		return
	}
	if w.j.f.window < 0 || w.waited > 4*w.worked {
		w.spreadOut()
	}
	w.waited, w.worked = 0, 0
}

// spreadOut starts the other workers, once it is known that the source sends any part.
func (t *turn) spreadOut() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.spread || t.single != nil {
		return
	}
	t.spread = true
	for range t.j.f.Connections - 1 {
		t.start()
	}
}

// alone makes a worker the only one, where a source sends nothing but the whole file, and reports whether it is.
func (t *turn) alone(w *worker) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.single == nil {
		t.single = w
	}
	return t.single == w
}

func (t *turn) isFor(w *worker) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.single == nil || t.single == w
}

// end ends the turn for all workers.
func (t *turn) end(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil || t.ctx.Err() == nil {
		t.err = err
	}
	t.cancel()
}

// run works until there is nothing left to do or the source has failed for good.
func (w *worker) run() {
	w.buf = w.j.buffers.get()
	defer func() { w.j.buffers.put(w.buf) }()
	for w.isFor(w) {
		c, ok := w.j.store.claim(w.ctx, 0)
		if !ok {
			if w.j.store.isFull() {
				w.cancel() // who waits for a better time need not
			}
			return
		}
		before := w.fresh.Load()
		err := w.get(&c)
		w.j.store.release(c)
		if w.fresh.Load() > before {
			w.streak = 0
		}
		if err != nil && w.ctx.Err() == nil && !w.again(err) {
			return
		}
	}
}

// again decides what a failure means and waits where it shall be tried again.
func (w *worker) again(err error) bool {
	var here *localError
	var refused *RefusedError
	var another *anotherError
	var wrong *WrongDigestError
	switch {
	case errors.As(err, &here):
		w.j.store.fail(here.err)
		return false
	case errors.As(err, &refused), errors.As(err, &another), errors.As(err, &wrong):
		w.end(err)
		return false
	}
	wait, ok := w.delay(err)
	if !ok || w.fresh.Load() == 0 && errors.Is(err, syscall.ENETUNREACH) { // a machine without a network does not get one by waiting
		w.mu.Lock()
		w.err = err
		w.mu.Unlock()
		return false
	}
	w.j.tell.waiting(w.c.name, wait, err)
	err = w.j.f.sleep(w.ctx, wait)
	w.j.tell.note("")
	return err == nil
}

// delay is how long to wait after a failure, and whether it is worth it.
func (w *worker) delay(err error) (time.Duration, bool) {
	if fresh := w.fresh.Load(); fresh > w.seen {
		w.seen, w.fails = fresh, 0
	}
	w.fails++
	w.streak++
	if w.fails >= w.j.f.Attempts {
		return 0, false
	}
	var busy *BusyError
	if errors.As(err, &busy) && busy.After > 0 {
		return busy.After + time.Duration(float64(busy.After)*w.j.f.jitter()/4), busy.After <= patience
	}
	wait := min(lastDelay, firstDelay<<min(w.streak-1, 10))
	return wait/2 + time.Duration(float64(wait)*w.j.f.jitter()), true
}
