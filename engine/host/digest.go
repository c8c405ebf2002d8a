package host

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Digest is the SHA-256 of a file, with what the file was like when it was read.
type Digest struct {
	SHA256 [sha256.Size]byte
	Info
}

// ErrChanged says that a file was written to while it was read. Reading it again may succeed.
var ErrChanged = errors.New("it was changed while it was read")

const (
	// hashPiece is how much is read at once, and how soon a reader that is not wanted any more stops.
	hashPiece = 1 << 20
	// tellEvery is how often one who waits for another's reading is told how far it is.
	tellEvery = 200 * time.Millisecond
)

// Digest returns the SHA-256 of the regular file at a path itself: a symbolic link is not followed. While a file is
// Unchanged it is read once for a host and all its views, though several ask at once. What Digest returns has
// settled (see Settle), so that the file is known to be the same for as long as it is Unchanged; a file that could
// not be is read each time. Not seen is who writes past the file system, to the disk, or keeps on writing to
// memory that was mapped before.
//
// tell, which may be nil, is told how many of the file's bytes have been read. It is called by the caller's
// goroutine, and not at all where the digest is known already.
func (t Tree) Digest(ctx context.Context, name string, tell func(done, size int64)) (Digest, error) {
	if tell == nil {
		tell = func(int64, int64) {}
	}
	f, err := t.openSelf("hash", name)
	if err != nil {
		return Digest{}, err
	}
	defer f.Close()
	d, err := t.r.digests.of(ctx, hashed{f}, tell)
	return d, named("hash", name, err)
}

// digests are those of the files that were hashed, and of those that are being hashed.
type digests struct {
	mu     sync.Mutex
	known  map[inode]Digest
	flight map[inode]*flight
}

type inode struct{ dev, ino uint64 }

// flight is a file being hashed.
type flight struct {
	inode
	size  int64
	done  atomic.Int64
	ended chan struct{}
}

// of returns the digest of a file: the one that is known, that another gets to know, or that is made here.
func (ds *digests) of(ctx context.Context, h hashed, tell func(done, size int64)) (Digest, error) {
	for {
		info, err := h.look()
		if err != nil {
			return Digest{}, err
		}
		d, fl, mine := ds.begin(info)
		switch {
		case fl == nil:
			return d, nil
		case mine:
			return ds.fly(ctx, fl, h, tell)
		}
		// If that fails, perhaps because the other is not wanted any more, it is made here.
		if err := fl.wait(ctx, tell); err != nil {
			return Digest{}, err
		}
	}
}

// begin returns the digest that is known, or the flight that makes it and whether it is the caller's to fly.
func (ds *digests) begin(info Info) (Digest, *flight, bool) {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	key := inode{info.Dev, info.Ino}
	if d, ok := ds.known[key]; ok && info.Unchanged(d.Info) {
		return d, nil, false
	}
	if fl := ds.flight[key]; fl != nil {
		return Digest{}, fl, false
	}
	if ds.known == nil {
		ds.known, ds.flight = map[inode]Digest{}, map[inode]*flight{}
	}
	fl := &flight{inode: key, size: info.Size, ended: make(chan struct{})}
	ds.flight[key] = fl
	return Digest{}, fl, true
}

// fly makes the digest, and ends the flight also if tell panics: others wait for it.
func (ds *digests) fly(ctx context.Context, fl *flight, h hashed, tell func(done, size int64)) (d Digest, err error) {
	settled := false
	defer func() {
		ds.mu.Lock()
		defer ds.mu.Unlock()
		if settled {
			ds.known[fl.inode] = d
		}
		delete(ds.flight, fl.inode)
		close(fl.ended)
	}()
	d, settled, err = h.hash(ctx, func(done int64) { fl.done.Store(done); tell(done, fl.size) })
	return d, err
}

// wait returns when the flight has ended, however it did.
func (fl *flight) wait(ctx context.Context, tell func(done, size int64)) error {
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	for {
		select {
		case <-fl.ended:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
			tell(fl.done.Load(), fl.size)
		}
	}
}

// hashed is an open file to be hashed.
type hashed struct{ *os.File }

func (h hashed) look() (Info, error) { return infoOf(h.File) }

// hash reads the file, and tells whether it had settled. It waits for that before it reads: within one tick of the
// clock a change between two looks would not show.
func (h hashed) hash(ctx context.Context, tell func(done int64)) (d Digest, settled bool, err error) {
	d.Info, err = settle(ctx, distant(h.File), h.look)
	_, unsettled := errors.AsType[*UnsettledError](err)
	if err != nil && !unsettled {
		return Digest{}, false, err
	}
	sum := sha256.New()
	if err := readTo(ctx, sum, h.File, d.Size, tell); err != nil {
		return Digest{}, false, err
	}
	after, err := h.look()
	if err != nil {
		return Digest{}, false, err
	}
	if !after.Unchanged(d.Info) {
		return Digest{}, false, ErrChanged
	}
	sum.Sum(d.SHA256[:0])
	return d, !unsettled, nil
}

// readTo hashes the size bytes that the file has, and no more of one that grows.
func readTo(ctx context.Context, sum hash.Hash, f *os.File, size int64, tell func(done int64)) error {
	passed := advise(f, size)
	buf := make([]byte, min(hashPiece, size+1))
	for done := int64(0); ; {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		n, err := f.Read(buf)
		if done += int64(n); done > size || err == io.EOF && done < size {
			return ErrChanged
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return unnamed(err)
		}
		sum.Write(buf[:n])
		passed(done)
		tell(done)
	}
}

// unnamed takes the path from an error of package os, whose caller names it.
func unnamed(err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return at.Err
	}
	return err
}
