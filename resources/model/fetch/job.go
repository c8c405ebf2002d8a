package fetch

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// job is one fetch.
type job struct {
	f       *Fetcher
	w       Want
	key     string
	tell    *teller
	got     atomic.Int64
	buffers buffers
	sources []*candidate

	head  header
	store *store
	// shown is store, for who tells of progress.
	shown atomic.Pointer[store]
	// resumed is how many bytes were here.
	resumed int64
}

// strict reports whether all bytes have to be of one content of one source.
func (j *job) strict() bool { return j.head.Pure != "" }

// run gets the file and verifies it. It may take several files until one is right.
func (j *job) run(ctx context.Context) error {
	for dropped := false; ; {
		err := j.complete(ctx)
		var full *host.NoSpaceError
		if errors.As(err, &full) && !dropped && j.keepsWrong() {
			dropped = true
			j.store.err = nil
			if err := j.dropWrong(); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		if ok, err := j.judge(ctx); ok || err != nil {
			return err
		}
	}
}

// complete gets all bytes that are not here, and hashes them.
func (j *job) complete(ctx context.Context) error {
	if !j.store.isFull() && next(j.sources, j.head.Pure) == nil {
		return j.exhausted() // and no room is made for nothing
	}
	if err := j.room(); err != nil {
		return err
	}
	for !j.store.isFull() {
		c := next(j.sources, j.head.Pure)
		if c == nil {
			return j.exhausted()
		}
		if err := j.await(ctx, c); err != nil {
			return err
		}
		if err := j.ask(ctx, c); err != nil {
			return err
		}
	}
	stop := j.store.serve()
	defer stop()
	return j.store.finish(ctx)
}

// ask gives a source its turn, and remembers how it did. An error is one of this machine, or the end of ctx.
func (j *job) ask(ctx context.Context, c *candidate) error {
	if j.purely() && j.head.Pure != c.name {
		if err := j.restart(ctx, c.name); err != nil {
			return err
		}
	}
	stop := j.store.serve()
	err := j.take(ctx, c)
	stop()
	if fatal := j.store.failure(ctx); fatal != nil {
		return fatal
	}
	var another *anotherError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &another):
		return j.another(ctx, c)
	}
	c.failed(err, j.f.now())
	if j.store.isFull() { // and yet refused
		return j.restart(ctx, j.head.Pure)
	}
	return nil
}

// purely reports whether each source has to bring all of the file.
func (j *job) purely() bool { return j.w.Unverified || j.head.Pure != "" }

// await waits for a source that asked for it.
func (j *job) await(ctx context.Context, c *candidate) error {
	wait := c.busy.Sub(j.f.now())
	if c.busy.IsZero() || wait <= 0 {
		return nil
	}
	j.tell.waiting(c.name, wait, c.err)
	defer j.tell.note("")
	return j.f.sleep(ctx, wait)
}

// another begins again because a source has another file than the one whose bytes are here.
func (j *job) another(ctx context.Context, c *candidate) error {
	if c.again++; c.again >= j.f.Attempts {
		c.failed(&RefusedError{Source: c.name, Why: "has another file each time it is asked"}, j.f.now())
	}
	c.version = ""
	return j.restart(ctx, j.head.Pure)
}

// sized compares how long a source says the file is with what is known, and learns it.
func (j *job) sized(c *candidate, body *Body) error {
	_, size := j.store.status()
	switch {
	case body.Size < 0 || body.Size == size:
		return nil
	case size < 0:
		return j.adopt(c, body.Size)
	case j.w.Size > 0:
		return &RefusedError{Source: c.name, Why: fmt.Sprintf("its file has %d bytes, and %d are expected", body.Size, j.w.Size)}
	}
	return &anotherError{fmt.Sprintf("its file has %d bytes, and what is here is of one with %d", body.Size, size)}
}

// adopt takes what a source says for the size of the file.
func (j *job) adopt(c *candidate, size int64) error {
	if size == 0 {
		return &RefusedError{Source: c.name, Why: "its file is empty"}
	}
	have, _ := j.store.status()
	if j.w.Fits != nil {
		if err := j.w.Fits(size, max(0, size-have)); err != nil {
			return &RefusedError{Source: c.name, Why: err.Error()}
		}
	}
	if err := j.store.setSize(size); err != nil {
		return local(err)
	}
	return local(j.room())
}

// room makes sure of the room for what is not here yet.
func (j *job) room() error {
	have, size := j.store.status()
	if size < 0 || have >= size {
		return nil
	}
	held, err := j.store.partial.Held() // by an earlier run too
	if err != nil {
		return err
	}
	if more := size - max(have, held); j.w.Room != nil && more > 0 {
		err := j.w.Room(more)
		if err != nil && j.keepsWrong() {
			if err := j.dropWrong(); err != nil {
				return err
			}
			err = j.w.Room(more)
		}
		if err != nil {
			return err
		}
	}
	return j.store.partial.Reserve(size)
}

func (j *job) exhausted() error {
	e := &FailedError{}
	e.Kept, e.Size = j.store.status()
	for _, c := range j.sources {
		e.Tried = append(e.Tried, Tried{c.name, c.err})
	}
	return e
}

// fetched hands the file over.
func (j *job) fetched(start time.Time) *Fetched {
	g := &Fetched{
		Partial: j.store.partial, Size: j.store.size, SHA256: [32]byte(j.store.hash.Sum(nil)),
		Got: j.got.Load(), Resumed: j.resumed, Took: time.Since(start), files: j.f.Host.Files, key: j.key,
	}
	var most int64
	for _, c := range j.sources {
		if n := c.sent.Load(); n > most {
			most, g.Source = n, c.name
		}
	}
	return g
}

// close lets go of everything and keeps what is here.
func (j *job) close() error {
	err := j.store.partial.Close()
	if j.store.log != nil {
		err = errors.Join(j.store.log.close(), err)
	}
	return err
}

func (j *job) progress() (done, size, got int64) {
	size = -1
	if s := j.shown.Load(); s != nil {
		done, size = s.status()
	}
	return done, size, j.got.Load()
}

func (j *job) sum() [32]byte { return [32]byte(j.store.hash.Sum(nil)) }

// keyOf names a fetch: by the SHA-256, or by what else is known.
func keyOf(w Want) string {
	if !w.Unverified {
		return hex.EncodeToString(w.SHA256[:])
	}
	return unverifiedKey(w)
}
