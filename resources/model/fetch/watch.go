package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// watch is a request that is given up when nothing comes for too long.
type watch struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	stall  time.Duration
	got    *atomic.Int64
}

// newWatch begins to wait for the first byte.
func newWatch(ctx context.Context, stall time.Duration, got *atomic.Int64) *watch {
	w := &watch{stall: stall, got: got}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	w.timer = time.AfterFunc(stall, func() { w.cancel(fmt.Errorf("%w (%s)", errStalled, stall)) })
	return w
}

func (w *watch) end() {
	w.timer.Stop()
	w.cancel(nil)
}

// why is err, or what ended the request where that is the reason for err.
func (w *watch) why(err error) error {
	if err != nil && w.ctx.Err() != nil {
		return context.Cause(w.ctx)
	}
	return err
}

// fill reads until b is full. The clock runs only meanwhile: what is done with the bytes takes its own time.
func (w *watch) fill(r io.Reader, b []byte) (n int, err error) {
	w.timer.Reset(w.stall)
	for n < len(b) && err == nil {
		var m int
		if m, err = r.Read(b[n:]); m > 0 {
			w.timer.Reset(w.stall)
			w.got.Add(int64(m))
			n += m
		}
		if err == nil && w.ctx.Err() != nil {
			err = w.ctx.Err()
		}
	}
	w.timer.Stop()
	if errors.Is(err, io.EOF) && n == len(b) {
		return n, nil // the next read says it again
	}
	if err != io.EOF {
		err = w.why(err)
	}
	return n, err
}
