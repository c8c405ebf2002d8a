package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// beginning is how much of a file is looked at before the rest is taken.
const beginning = 4 << 10

// get asks for a claim and keeps what comes. What is left of the claim is left in c.
func (w *worker) get(c *span) error {
	watch := newWatch(w.ctx, w.j.f.Stall, &w.j.got)
	defer watch.end()
	asked, same := time.Now(), w.same()
	body, err := w.c.Open(watch.ctx, c.from, w.length(*c), same)
	w.waited += time.Since(asked)
	if err != nil {
		return watch.why(w.refusal(watch.ctx, *c, err))
	}
	defer body.Close()
	if body.Offset != c.from && body.Offset != 0 {
		return fmt.Errorf("it sent the bytes from %d on and was asked for those from %d on", body.Offset, c.from)
	}
	n, err := w.begin(watch, body)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if again, err := w.accept(body, same, c); err != nil || again {
		return err
	}
	return w.pump(watch, body, c, n)
}

// refusal finds out whether a part of the file was refused because the file that this source has is a shorter one.
// That matters where it was another source that said how long the file is.
func (w *worker) refusal(ctx context.Context, c span, err error) error {
	var refused *RefusedError
	if !errors.As(err, &refused) || c.from == 0 || w.j.w.Size > 0 {
		return err
	}
	body, beginErr := w.c.Open(ctx, 0, 1, "")
	if beginErr != nil {
		return err
	}
	defer body.Close()
	var another *anotherError
	if sizeErr := w.j.sized(w.c, body); errors.As(sizeErr, &another) {
		return sizeErr
	}
	return err
}

// begin has First look at the beginning of the file before anything else is believed: a login page has a size and a
// version too.
func (w *worker) begin(watch *watch, body *Body) (n int, err error) {
	if body.Offset > 0 || w.j.w.First == nil {
		return 0, nil
	}
	n, err = watch.fill(body, w.buf[:min(len(w.buf), beginning)])
	if err != nil && !errors.Is(err, io.EOF) {
		return n, err // of what broke off so soon nobody can tell what it is
	}
	if err := w.j.w.First(w.buf[:n]); err != nil {
		return n, &RefusedError{Source: w.c.name, Why: err.Error()}
	}
	return n, err
}

// length is how much to ask for: to the end where nobody else gets some of it.
func (w *worker) length(c span) int64 {
	if w.j.f.Connections == 1 {
		return -1
	}
	return c.size()
}

// same is the version to ask for.
func (w *worker) same() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.any {
		return ""
	}
	return w.version
}

// accept decides whether a body is of the file, of which the version same was asked for, "" for any. again says that another one
// has to be asked for.
func (w *worker) accept(body *Body, same string, c *span) (again bool, err error) {
	if err := w.c.knownWrong(body, w.j.head.Wrong, w.j.w.SHA256); err != nil {
		return false, err
	}
	if err := w.j.sized(w.c, body); err != nil {
		return false, err
	}
	if again, err := w.versioned(body, same, c); again || err != nil {
		return again, err
	}
	w.parts = body.Ranges && body.Offset == c.from && w.j.store.sizeKnown()
	if !w.parts && !w.alone(w) {
		return false, errors.New("it no longer sends parts of the file")
	}
	return false, nil
}

// versioned compares what a source has with what it had, and with what it was asked for.
func (w *worker) versioned(body *Body, same string, c *span) (again bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	was := w.version
	w.version, w.sends = body.Version, body.Version
	if w.j.strict() && was != body.Version {
		if have, _ := w.j.store.status(); have == 0 && was == "" {
			return false, nil
		}
		return false, &anotherError{"it has another file than before"}
	}
	if same != "" && same != body.Version && body.Offset == 0 && c.from > 0 && body.Ranges {
		// It is whole as it is another version: that it sends no parts does not follow, whatever others were told meanwhile.
		// The SHA-256 tells in the end whether the other version is the same file.
		w.any = true
		return true, nil
	}
	return false, nil
}

// pump keeps what comes, from the body's beginning: what is here already is passed over. n bytes are in the buffer.
func (w *worker) pump(watch *watch, body *Body, c *span, n int) error {
	for pos := body.Offset; ; n = 0 {
		b := w.buf
		if left := c.to - pos; pos < c.to && left < int64(len(b)) {
			b = b[:max(int64(n), left)]
		}
		asked := time.Now()
		more, err := watch.fill(body, b[n:])
		came := time.Now()
		n += more
		done, keepErr := w.deliver(pos, b[:n], c)
		pos += int64(n)
		w.waited, w.worked = w.waited+came.Sub(asked), w.worked+time.Since(came)
		if w.parts {
			w.consider()
		}
		switch {
		case keepErr != nil:
			return keepErr
		case errors.Is(err, io.EOF):
			return w.atEnd(pos, c)
		case err != nil || done || body.Size >= 0 && pos >= body.Size:
			return err
		}
	}
}

// deliver keeps of b, which lies at pos, what was claimed, and claims more where it goes on. done says that the rest
// of the body is of no use.
func (w *worker) deliver(pos int64, b []byte, c *span) (done bool, err error) {
	for len(b) > 0 {
		switch {
		case pos < c.from:
			skip := min(int64(len(b)), c.from-pos)
			b, pos = b[skip:], pos+skip
		case pos < c.to:
			n := min(int64(len(b)), c.to-pos)
			if err := w.keep(pos, b[:n], n == int64(len(b)) && &b[0] == &w.buf[0]); err != nil {
				return false, err
			}
			b, pos, c.from = b[n:], pos+n, pos+n
		case w.j.store.ends(pos):
			return true, &RefusedError{Source: w.c.name, Why: fmt.Sprintf("it sends more than the %d bytes of the file", pos)}
		default:
			more, ok := w.j.store.claim(w.ctx, pos)
			if !ok {
				return true, context.Cause(w.ctx)
			}
			*c = more
		}
	}
	return false, nil
}

// keep keeps what was claimed. own says that b is all there is in the worker's buffer, which may become another then.
func (w *worker) keep(pos int64, b []byte, own bool) error {
	if err := w.j.store.sentBy(sender{w.c.name, w.sends}); err != nil {
		return local(err)
	}
	taken, err := w.j.store.keep(pos, b, own)
	if err != nil {
		return local(err)
	}
	if taken {
		w.buf = w.j.buffers.get()
	}
	w.fresh.Add(int64(len(b)))
	w.c.sent.Add(int64(len(b)))
	return nil
}

// atEnd is what the end of a body means: the end of the file, where nobody said where that is.
func (w *worker) atEnd(pos int64, c *span) error {
	switch {
	case !w.j.store.sizeKnown():
		return w.j.adopt(w.c, pos)
	case pos < c.to && !w.j.store.ends(pos): // what was claimed before the size was known may reach beyond it
		return io.ErrUnexpectedEOF
	}
	return nil
}
