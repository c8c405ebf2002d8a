package bundle

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// fatLimit is how large a file on FAT can be in bytes (Microsoft's FAT32 File System Specification, 1.03).
const fatLimit = 1<<32 - 1

// missing are the models that are not there in full length, each content once. That there is room for them is
// looked at before the first is copied, since it may take an hour to find out otherwise.
func (w *writer) missing(models []Model) ([]Model, error) {
	var out []Model
	seen := map[[32]byte]bool{}
	for _, m := range models {
		if seen[m.SHA256] {
			continue
		}
		seen[m.SHA256] = true
		name := blobPath(w.dir, digestOf(m.SHA256))
		info, err := w.files.Lstat(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if err == nil && info.Kind == host.File && info.Size == m.Size {
			// A run that was stopped may have published it without making its name durable.
			if err := w.files.Sync(name); err != nil {
				return nil, w.inWords(err)
			}
			continue
		}
		// What a stopped run left of it takes room too.
		if err := w.files.Clean(name); err != nil {
			return nil, w.inWords(err)
		}
		out = append(out, m)
		w.total += m.Size
	}
	return out, w.room(out)
}

// room says early what the medium would say late.
func (w *writer) room(missing []Model) error {
	space, err := w.files.Space(w.dir)
	if err != nil {
		return err
	}
	for _, m := range missing {
		if space.Type == "vfat" && m.Size > fatLimit {
			return fmt.Errorf("cannot copy %s to %s: it has %d bytes: %w", m, w.dir, m.Size, errFAT)
		}
	}
	if w.total > space.Free {
		return fmt.Errorf("cannot copy to %s: %d bytes are needed and %d are free: %w", w.dir, w.total, space.Free, errFull)
	}
	return nil
}

// copy brings one model to the medium.
func (w *writer) copy(ctx context.Context, m Model, open func(Model) (io.ReadCloser, error)) error {
	r, err := open(m)
	if err != nil {
		return fmt.Errorf("cannot add %s: %w", m, err)
	}
	defer r.Close()
	c := &checked{ctx: ctx, from: r, sum: sha256.New(), want: m, tell: func(n int) {
		w.done += int64(n)
		if w.tell != nil {
			w.tell(w.done, w.total)
		}
	}}
	err = w.files.WriteFrom(blobPath(w.dir, digestOf(m.SHA256)), c, attr())
	if c.err != nil { // and not that it could therefore not be written
		return fmt.Errorf("cannot add %s: %w", m, c.err)
	}
	return w.inWords(err)
}

// The ways in which a medium does not take a file.
var (
	errForeign = errors.New("if the medium is mounted so that all on it is another user's, run this as that user, or make the folder first")
	errFAT     = errors.New("the medium is FAT, of which a file has less than 4 GiB: format it as exFAT or ext4")
	errFull    = errors.New("the medium is full: take models off it (those that a bundle no longer names go by pruning it), or take a larger one")
)

// inWords says what a medium means by an error.
func (w *writer) inWords(err error) error {
	switch {
	case err == nil:
		return nil
	case tooLarge(err):
		return fmt.Errorf("%w: %w", err, errFAT)
	case full(err):
		return fmt.Errorf("%w: %w", err, errFull)
	case foreign(err):
		return fmt.Errorf("%w: %w", err, errForeign)
	}
	return err
}

// checked reads a file, and ends it with an error instead of io.EOF where it is not what it should be.
type checked struct {
	ctx  context.Context
	from io.Reader
	sum  hash.Hash
	want Model
	read int64
	tell func(n int)
	err  error
}

// Read hashes what it returns.
func (c *checked) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		c.err = context.Cause(c.ctx)
		return 0, c.err
	}
	n, err := c.from.Read(p)
	c.sum.Write(p[:n])
	c.read += int64(n)
	c.tell(n)
	if err == io.EOF {
		err = c.end()
	}
	if err != io.EOF {
		c.err = err
	}
	return n, err
}

// end says at the end of the file whether it is right, by io.EOF.
func (c *checked) end() error {
	if c.read != c.want.Size {
		return fmt.Errorf("its file has %d bytes, not %d", c.read, c.want.Size)
	}
	if got := c.sum.Sum(nil); [32]byte(got) != c.want.SHA256 {
		return fmt.Errorf("the SHA-256 of its file is %s, not %s", hex.EncodeToString(got), hex.EncodeToString(c.want.SHA256[:]))
	}
	return io.EOF
}
