package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch"
)

// source is one model in a bundle.
type source struct {
	tree  host.Tree
	dir   string
	model Model
}

// Source returns the model with a SHA-256, if the bundle has it.
func (b *Bundle) Source(sha256 [32]byte) (fetch.Source, bool) {
	for _, m := range b.models {
		if m.SHA256 == sha256 {
			return &source{b.tree, b.dir, m}, true
		}
	}
	return nil, false
}

func (s *source) String() string { return "bundle " + s.dir }

func (s *source) path() string { return blobPath(s.dir, digestOf(s.model.SHA256)) }

// Open opens the file. Its version is when it was written.
func (s *source) Open(ctx context.Context, off, length int64, same string) (*fetch.Body, error) {
	info, err := s.tree.Stat(s.path())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, s.refused("it has lost its file of %s: make the bundle again", s.model)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s, err)
	}
	if info.Size != s.model.Size {
		return nil, s.refused("its file of %s has %d bytes, not %d: make the bundle again", s.model, info.Size, s.model.Size)
	}
	version := fmt.Sprintf("%d", info.ModTime.UnixNano())
	if same != "" && same != version {
		off, length = 0, -1
	}
	if off > info.Size {
		return nil, s.refused("it has %d bytes of %s: there are none from %d on", info.Size, s.model, off)
	}
	if length < 0 || length > info.Size-off {
		length = info.Size - off
	}
	f, err := s.tree.Open(s.path())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s, err)
	}
	return &fetch.Body{
		ReadCloser: &part{ctx, io.NewSectionReader(f, off, length), f, length},
		Offset:     off, Size: info.Size, Version: version, Ranges: true,
	}, nil
}

func (s *source) refused(format string, args ...any) error {
	return &fetch.RefusedError{Source: s.String(), Why: fmt.Sprintf(format, args...)}
}

// part is what is read of a file.
type part struct {
	ctx context.Context
	io.Reader
	io.Closer
	left int64
}

// Read returns io.ErrUnexpectedEOF where the file has become shorter.
func (p *part) Read(b []byte) (int, error) {
	if p.ctx.Err() != nil {
		return 0, context.Cause(p.ctx)
	}
	n, err := p.Reader.Read(b)
	p.left -= int64(n)
	if err == io.EOF && p.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
