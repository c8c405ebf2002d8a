package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch"
	"github.com/agent0-converge/agent0-converge/resources/model/source"
)

// lockSources are where models are read from.
type lockSources struct {
	host *host.Host
	open *source.Opener
}

// lockSources opens them. Files are those of the root, as they are when a plan is applied.
func (a *app) lockSources(f access) (*lockSources, error) {
	h, err := host.Open(host.Options{Root: a.rootDir, Facts: &host.Facts{}})
	if err != nil {
		return nil, err
	}
	o, err := f.opener(h.Files.Tree)
	if err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return &lockSources{h, o}, nil
}

func (s *lockSources) close() {
	s.open.Close()
	_ = s.host.Close() // nothing was written
}

// target is what a URL turned out to name: one file, or all of a model that is split.
type target struct {
	ask
	parts []part
}

// part is one file of a target.
type part struct {
	file   string // its name, "" where nothing says it
	url    string
	source fetch.Source
	gguf   bool   // it has to have such a header
	sha256 string // what a registry says of it, or ""
}

// find makes a target of a URL.
func (s *lockSources) find(ctx context.Context, q ask) (target, error) {
	u, err := url.Parse(q.url)
	if err != nil {
		return target{}, fmt.Errorf("the URL %w", err) // askedToLock has read it before
	}
	if u.Scheme == "oci" {
		return s.findBlob(ctx, q, u)
	}
	t := target{ask: q}
	file := fileOfURL(u)
	if t.name, err = q.named(file, ""); err != nil {
		return t, fmt.Errorf("%s: %w", u.Redacted(), err)
	}
	files, err := shardsOf(file)
	if err != nil {
		return t, err
	}
	for i, file := range files {
		p := part{file: file, url: q.url, gguf: isGGUF(file)}
		if i > 0 {
			p.url = source.Beside(q.url, file)
		}
		if p.source, err = s.open.Open(p.url, [32]byte{}); err != nil {
			return t, err
		}
		t.parts = append(t.parts, p)
	}
	return t, nil
}

// findBlob asks a registry which blob an address names now.
func (s *lockSources) findBlob(ctx context.Context, q ask, u *url.URL) (target, error) {
	t := target{ask: q}
	found, err := s.open.Registry().Resolve(ctx, q.url)
	if err != nil {
		return t, err
	}
	repository, _, _ := strings.Cut(path.Base(u.Path), "@")
	repository, _, _ = strings.Cut(repository, ":")
	if t.name, err = q.named(found.File, repository); err != nil {
		return t, fmt.Errorf("%s: %w", q.url, err)
	}
	if files, err := shardsOf(found.File); err != nil || len(files) > 1 {
		return t, fmt.Errorf("%s is %s, one file of a model that is split, and a manifest has one model: lock it from files or from the web", q.url, found.File)
	}
	from, err := s.open.Open(q.url, found.SHA256)
	// Whatever it is called: what a registry has is taken for a model because it is said to be GGUF.
	t.parts = []part{{file: found.File, url: q.url, source: from, gguf: true, sha256: fmt.Sprintf("%x", found.SHA256)}}
	return t, err
}
