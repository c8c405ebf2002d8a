package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"time"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// lockName is that of the lock in Dir under which journals change hands. It is held for moments; a file that is
// being fetched is locked itself for as long as that takes.
const lockName = "fetch.lock"

const (
	partialPrefix = ".agent0-converge.partial."
	wrongPrefix   = ".agent0-converge.wrong."
)

// unverifiedPrefix begins the keys of what has no digest.
const unverifiedPrefix = "unverified-"

func partialName(key string) string { return partialPrefix + key }

func wrongName(sha256 string) string { return wrongPrefix + sha256 }

func journalPath(key string) string { return path.Join(Dir, key+suffix) }

// unverifiedKey tells apart what has no digest: by where it is to go and where it comes from.
func unverifiedKey(w Want) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q", w.For)
	for _, c := range candidates(w.Sources) {
		fmt.Fprintf(h, " %q", c.name)
	}
	return unverifiedPrefix + hex.EncodeToString(h.Sum(nil))
}

// open waits until no other process fetches the file, and opens what is here of it.
func (j *job) open(ctx context.Context) error {
	if err := j.f.Host.Files.MkdirAll(Dir, 0o700); err != nil {
		return err
	}
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		found, err := j.tryOpen(ctx)
		if err == nil {
			j.tell.note("")
			err = j.restore(ctx, found)
			if err == nil && j.store.partial.Sealed() && !j.store.isFull() {
				err = j.restart(ctx, "")
			}
			if err != nil {
				return errors.Join(err, j.close())
			}
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		var locked *host.LockedError
		if !errors.As(err, &locked) {
			return err
		}
		j.tell.note("another run is fetching it")
		if err := j.f.sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// lock takes the lock of journals.
func (j *job) lock(ctx context.Context) (unlock func() error, err error) {
	l, err := j.f.Host.Files.Lock(ctx, path.Join(Dir, lockName), "fetch "+j.key)
	if err != nil {
		return nil, err
	}
	return l.Close, nil
}

// tryOpen opens the partial file, where it was begun if it is there still, and binds the journal to it before anybody
// else can.
func (j *job) tryOpen(ctx context.Context) (*past, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	unlock, err := j.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	tree := j.f.Host.Files.Tree
	found, err := readPast(tree, journalPath(j.key))
	if err != nil {
		return nil, err
	}
	dir := j.w.Dir
	if _, ok := found.partial(tree); ok {
		dir = filepath.Dir(found.head.Path)
	}
	p, err := j.f.Host.Files.OpenPartial(dir, partialName(j.key))
	if err != nil {
		return nil, err
	}
	j.store = j.newStore(p)
	info, err := p.Info()
	if err == nil && found.holds(info) && !(j.w.Size > 0 && found.size >= 0 && found.size != j.w.Size) {
		j.head = found.head
		return found, nil
	}
	if err == nil {
		found = &past{size: -1, head: header{Wrong: found.head.Wrong, Path: p.Path()}}
		j.head = found.head
		err = j.begin("")
	}
	if err != nil {
		return nil, errors.Join(err, j.close())
	}
	found.head = j.head
	return found, nil
}

func (j *job) newStore(p *host.Partial) *store {
	s := newStore(p, j.f, &j.buffers)
	if j.w.Size > 0 {
		s.size = j.w.Size
	}
	j.shown.Store(s)
	return s
}

// restart throws away what is here, for bytes of pure alone unless that is "".
func (j *job) restart(ctx context.Context, pure string) error {
	unlock, err := j.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if err := j.begin(pure); err != nil {
		return err
	}
	return j.room()
}

// begin empties the partial file and its journal. The lock is held.
func (j *job) begin(pure string) error {
	p := j.store.partial
	if p.Sealed() {
		dir := filepath.Dir(p.Path())
		if err := p.Discard(); err != nil {
			return err
		}
		return j.renew(dir, pure)
	}
	if err := p.Truncate(0); err != nil {
		return err
	}
	return j.bind(p, pure)
}

// renew begins with another partial file. The lock is held.
func (j *job) renew(dir, pure string) error {
	p, err := j.f.Host.Files.OpenPartial(dir, partialName(j.key))
	if err != nil {
		return err
	}
	if err := p.Truncate(0); err != nil {
		return errors.Join(err, p.Close())
	}
	return j.bind(p, pure)
}

// bind writes a journal that tells of p and of nothing in it.
func (j *job) bind(p *host.Partial, pure string) error {
	var old *journal
	if j.store != nil {
		old = j.store.log
	}
	j.store = j.newStore(p)
	j.store.log = old
	for _, c := range j.sources {
		c.sent.Store(0)
	}
	info, err := p.Info()
	if err != nil {
		return err
	}
	j.head = header{
		Format: journalFormat, Unverified: j.w.Unverified, For: j.w.For,
		Path: p.Path(), Dev: info.Dev, Ino: info.Ino, Pure: pure, Wrong: j.head.Wrong,
	}
	if !j.w.Unverified {
		j.head.SHA256 = j.key
	}
	return j.store.write(j.f.Host.Files, journalPath(j.key), &past{head: j.head, size: j.store.size})
}

// write replaces the journal.
func (s *store) write(files *host.Files, name string, p *past) error {
	log, err := replaceJournal(files, name, p.encode())
	if err != nil {
		return err
	}
	if s.log != nil {
		err = s.log.close()
	}
	s.log = log
	return err
}
