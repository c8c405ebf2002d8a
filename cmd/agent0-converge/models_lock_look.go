package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/plans/lockfile"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch"
	"github.com/agent0-converge/agent0-converge/resources/model/gguf"
)

// lockStatus says in a word what became of a model in the lock file.
type lockStatus string

const (
	lockNew     lockStatus = "new"
	lockChanged lockStatus = "changed"
	lockSame    lockStatus = "same"
)

// locked is a model as it is to be in the lock file.
type locked struct {
	lockfile.Model
	Status lockStatus
	// header is that of its first file, nil where it was not read or is no GGUF.
	header *gguf.Header
	// was is the SHA-256 before, where that was another.
	was string
}

// locker looks at models.
type locker struct {
	sources *lockSources
	old     *lockfile.Lock
	file    string // the lock file's name
	update  bool
	tell    func(engine.Progress)
	now     func() time.Time
	pace    fetch.Pace
}

// lock looks at what is asked for, or at all that is locked, in that order.
func (l *locker) lock(ctx context.Context, asked []ask) ([]locked, error) {
	if len(asked) == 0 {
		for _, m := range l.old.Models {
			for _, u := range m.URLs() {
				asked = append(asked, ask{m.Name, u})
			}
		}
	}
	var names []string
	byName := map[string][]target{}
	for _, q := range asked {
		t, err := l.sources.find(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("cannot lock: %w", err)
		}
		if !slices.Contains(names, t.name) {
			names = append(names, t.name)
		}
		byName[t.name] = append(byName[t.name], t)
	}
	var out []locked
	for _, name := range names {
		m, err := l.model(ctx, name, byName[name])
		if err != nil {
			return nil, fmt.Errorf("cannot lock %s: %w", name, err)
		}
		out = append(out, m)
	}
	return out, nil
}

// model locks one model, of which targets are the places.
func (l *locker) model(ctx context.Context, name string, targets []target) (locked, error) {
	was, known := l.old.Find(name)
	out := locked{Status: lockNew}
	if known && !l.update {
		out.Model = clone(was)
	}
	for _, t := range targets {
		if slices.Contains(out.URLs(), t.url) {
			continue
		}
		m, header, err := l.look(ctx, t)
		if err != nil {
			return out, err
		}
		m.Name = name
		if out.URL == "" {
			out.Model, out.header = m, header
			continue
		}
		if err := out.mirror(m); err != nil {
			if known && !l.update {
				err = fmt.Errorf("%w. It is locked in %s: --update locks it anew, and another NAME=URL beside it", err, l.file)
			}
			return out, err
		}
	}
	switch {
	case known && reflect.DeepEqual(was, out.Model):
		out.Status = lockSame
	case known:
		out.Status = lockChanged
		if was.SHA256 != out.SHA256 {
			out.was = was.SHA256
		}
	}
	return out, nil
}

// clone is m with mirrors and shards of its own.
func clone(m lockfile.Model) lockfile.Model {
	m.Mirrors, m.Shards = slices.Clone(m.Mirrors), slices.Clone(m.Shards)
	for i := range m.Shards {
		m.Shards[i].Mirrors = slices.Clone(m.Shards[i].Mirrors)
	}
	return m
}

// mirror adds where m is to where l is. They must be the same files.
func (l *locked) mirror(m lockfile.Model) error {
	if len(l.Shards) != len(m.Shards) {
		return fmt.Errorf("%s has %d files and %s has %d, so they are not mirrors", m.URL, len(m.Shards)+1, l.URL, len(l.Shards)+1)
	}
	blobs, others := l.blobs(), (&locked{Model: m}).blobs()
	for i, b := range blobs {
		if o := others[i]; b.SHA256 != o.SHA256 {
			return fmt.Errorf("%s has the sha256 %s and %s has %s, so they are not mirrors", b.URL, b.SHA256, o.URL, o.SHA256)
		}
	}
	for i, b := range blobs {
		if u := others[i].URL; !slices.Contains(b.URLs(), u) {
			b.Mirrors = append(b.Mirrors, u)
		}
	}
	return nil
}

// blobs are all files of l.
func (l *locked) blobs() []*lockfile.Blob {
	out := []*lockfile.Blob{&l.Blob}
	for i := range l.Shards {
		out = append(out, &l.Shards[i].Blob)
	}
	return out
}

// look reads all files of a target.
func (l *locker) look(ctx context.Context, t target) (lockfile.Model, *gguf.Header, error) {
	var m lockfile.Model
	var headers []*gguf.Header
	for i, p := range t.parts {
		blob, header, err := l.read(ctx, t, p)
		if err != nil {
			return m, nil, err
		}
		if header != nil {
			headers = append(headers, header)
		}
		if i == 0 {
			m.Blob = blob
		} else {
			m.Shards = append(m.Shards, lockfile.Shard{Name: p.file, Blob: blob})
		}
	}
	if first := t.parts[0].file; len(t.parts) > 1 || !isGGUF(first) {
		m.File = first
	}
	if len(headers) == 0 {
		return m, nil, nil
	}
	if err := gguf.CheckShards(headers); err != nil {
		return m, nil, fmt.Errorf("%s: %w", t.parts[0].source, err)
	}
	return m, headers[0], nil
}

// read reads one file from its first byte to its last, and keeps nothing of it.
func (l *locker) read(ctx context.Context, t target, p part) (blob lockfile.Blob, header *gguf.Header, err error) {
	bar := l.bar(t, p)
	s := fetch.NewWhole(ctx, p.source, l.pace, bar.waits)
	defer s.Close()
	defer func() { bar.ended(err) }()
	for {
		blob, header, err = scan(s, p, bar)
		if !errors.Is(err, fetch.ErrRestart) {
			break
		}
		s.Restart()
	}
	blob.URL = p.url
	switch {
	case err != nil:
	case blob.Size == 0:
		err = fmt.Errorf("%s: the file is empty", p.source)
	case p.sha256 != "" && p.sha256 != blob.SHA256:
		err = fmt.Errorf("%s: the registry says that its sha256 is %s, and sent a file with %s", p.source, p.sha256, blob.SHA256)
	}
	return blob, header, err
}

// scan is one reading of a file.
func scan(s *fetch.Whole, p part, bar *lockBar) (blob lockfile.Blob, header *gguf.Header, err error) {
	size, err := s.Size()
	if err != nil {
		return blob, nil, from(p.source, err)
	}
	sum := sha256.New()
	all := io.TeeReader(bar.watch(s, size), sum)
	if p.gguf {
		if size < 0 {
			size = math.MaxInt64 // what the header claims is compared with the size at the end
		}
		if header, err = gguf.Read(all, size); err != nil {
			return blob, nil, from(p.source, cmp.Or(s.Failure(), err))
		}
	}
	if _, err := io.CopyBuffer(io.Discard, onlyReader{all}, make([]byte, 1<<20)); err != nil {
		return blob, nil, from(p.source, err)
	}
	blob.SHA256, blob.Size = fmt.Sprintf("%x", sum.Sum(nil)), s.Offset()
	if header != nil && header.DataOffset+header.DataSize > s.Offset() {
		return blob, nil, fmt.Errorf("%s: the file has %d bytes, and its header tells of %d: it was cut off", p.source, s.Offset(), header.DataOffset+header.DataSize)
	}
	return blob, header, nil
}

// onlyReader has no method by which io.Copy would go around the buffer.
type onlyReader struct{ io.Reader }

// from says where an error is from, where it does not say so itself.
func from(s fetch.Source, err error) error {
	var (
		refused *fetch.RefusedError
		busy    *fetch.BusyError
	)
	if errors.As(err, &refused) || errors.As(err, &busy) || errors.Is(err, fetch.ErrRestart) {
		return err
	}
	return fmt.Errorf("%s: %w", s, err)
}
