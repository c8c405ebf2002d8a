package fetch

import (
	"context"
	"encoding/hex"
	"errors"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// State is what a host knows of a fetch whose file was not published yet.
type State struct {
	// Key names the fetch to Forget.
	Key string
	// SHA256 is of the file that is wanted, all zero where it is Unverified.
	SHA256     [32]byte
	Unverified bool
	// For is the path that it is for, as the last fetch said.
	For string
	// Path is the partial file, "" where there is none any more.
	Path string
	// Have of Size bytes are there, as far as can be told without reading them. Size is -1 where nobody knows it.
	Have, Size int64
	// Allocated is how many bytes of its disk the partial file takes, which may be all of Size from the start on.
	Allocated int64
	// Wrong is a file that a source sent and that was another, kept for people to look at; "" for none.
	Wrong      string
	WrongBytes int64
}

// Status tells how much of a wanted file is there, without changing anything. What this process may not look at is
// not there.
func Status(t host.Tree, w Want) (State, error) {
	s, err := status(t, keyOf(w))
	if errors.Is(err, fs.ErrPermission) {
		err = nil
	}
	return s, err
}

// List returns all fetches that the host knows of.
func List(t host.Tree) ([]State, error) {
	names, err := t.ReadDir(Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []State
	for _, name := range names {
		key, ok := strings.CutSuffix(name, suffix)
		if !ok {
			continue
		}
		s, err := status(t, key)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

func status(t host.Tree, key string) (State, error) {
	s := State{Key: key, Size: -1, Unverified: strings.HasPrefix(key, unverifiedPrefix)}
	if sum, err := hex.DecodeString(key); err == nil && len(sum) == len(s.SHA256) {
		s.SHA256 = [32]byte(sum)
	}
	p, err := readPast(t, journalPath(key))
	if err != nil {
		return s, err
	}
	s.For, s.Size = p.head.For, p.size
	if info, ok := p.partial(t); ok {
		s.Path, s.Have = p.head.Path, p.here(info.Size).total()
		if s.Allocated, err = t.Held(s.Path); err != nil {
			return s, err
		}
	}
	for _, w := range p.head.Wrong {
		if info, err := t.Lstat(w.Path); w.Path != "" && err == nil {
			s.Wrong, s.WrongBytes = w.Path, info.Size
		}
	}
	return s, nil
}

// partial describes the file that the journal tells of, if it still is where it was.
func (p *past) partial(t host.Tree) (host.Info, bool) {
	if p.head.Path == "" {
		return host.Info{}, false
	}
	info, err := t.Lstat(p.head.Path)
	return info, err == nil && p.holds(info)
}

// Forget removes what is there of a fetch: the partial file, what was kept of a wrong one, and the journal. While the
// file is being fetched it is a *host.LockedError.
func Forget(ctx context.Context, files *host.Files, key string) error {
	unlock, err := files.Lock(ctx, path.Join(Dir, lockName), "forget "+key)
	if err != nil {
		return err
	}
	defer unlock.Close()
	p, err := readPast(files.Tree, journalPath(key))
	if err != nil {
		return err
	}
	if _, ok := p.partial(files.Tree); ok {
		partial, err := files.OpenPartial(filepath.Dir(p.head.Path), filepath.Base(p.head.Path))
		if err != nil {
			return err
		}
		if err := partial.Discard(); err != nil {
			return err
		}
	}
	for _, w := range p.head.Wrong {
		if w.Path != "" {
			if err := files.Remove(w.Path); err != nil {
				return err
			}
		}
	}
	return files.Remove(journalPath(key))
}

// Publish gives the file its place, owner and mode as host.Partial.Publish does, and calls before as that does, forgets how it was fetched, and closes
// it. With an error the file is where it was, or where it belongs.
func (g *Fetched) Publish(to string, a host.Attr, before func(name string) error) error {
	info, err := g.Partial.Info()
	if err == nil {
		err = g.Partial.Publish(to, a, before)
	}
	if err == nil {
		err = g.forget(info)
	}
	return errors.Join(err, g.Close())
}

// forget removes the journal, unless another fetch has begun it anew already. What tells of a wrong file stays.
func (g *Fetched) forget(info host.Info) error {
	// Never for long is the lock held by others.
	unlock, err := g.files.Lock(context.Background(), path.Join(Dir, lockName), "forget "+g.key)
	if err != nil {
		return err
	}
	defer unlock.Close()
	name := journalPath(g.key)
	p, err := readPast(g.files.Tree, name)
	if err != nil || !p.holds(info) {
		return err
	}
	for _, w := range p.head.Wrong {
		if w.Path == "" {
			continue
		}
		left := &past{size: -1, head: header{
			Format: journalFormat, SHA256: p.head.SHA256, Unverified: p.head.Unverified, For: p.head.For, Wrong: p.head.Wrong,
		}}
		return g.files.Write(name, left.encode(), host.Attr{Mode: 0o600, UID: -1, GID: -1})
	}
	return g.files.Remove(name)
}

// Close lets go of the file and leaves it where it is: a later Fetch finds it complete. To close twice, or nothing, is
// no error.
func (g *Fetched) Close() error {
	if g == nil {
		return nil
	}
	return g.Partial.Close()
}
