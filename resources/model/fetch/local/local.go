// Package local gets files from where they are mounted, such as a disk that was carried there.
package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/model/fetch"
)

// Source returns the file at a path of a tree as a source. Symbolic links are followed within the tree.
func Source(tree host.Tree, path string) fetch.Source { return source{tree, path} }

type source struct {
	tree host.Tree
	path string
}

func (s source) String() string { return "file://" + s.path }

// Open reads from the file. Its version is all by which a file's status tells one content from another.
func (s source) Open(ctx context.Context, off, length int64, same string) (*fetch.Body, error) {
	info, err := s.tree.Stat(s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &fetch.RefusedError{Source: s.String(), Why: "there is no such file: is its disk mounted?"}
	case errors.Is(err, fs.ErrPermission):
		return nil, &fetch.RefusedError{Source: s.String(), Why: "this process may not read it"}
	case err != nil:
		return nil, err
	case info.Kind != host.File:
		return nil, &fetch.RefusedError{Source: s.String(), Why: "it is a " + info.Kind.String() + ", not a file"}
	}
	version := fmt.Sprintf("%d-%d-%d-%d", info.Dev, info.Ino, info.Size, info.ModTime.UnixNano())
	if same != "" && same != version {
		off, length = 0, -1
	}
	if off > info.Size {
		return nil, &fetch.RefusedError{Source: s.String(), Why: fmt.Sprintf("it has only %d bytes", info.Size)}
	}
	if length < 0 || length > info.Size-off {
		length = info.Size - off
	}
	file, err := s.tree.Open(s.path)
	if err != nil {
		return nil, err
	}
	return &fetch.Body{
		ReadCloser: reader{ctx, io.NewSectionReader(file, off, length), file},
		Offset:     off, Size: info.Size, Version: version, Ranges: true,
	}, nil
}

// reader ends when its context does.
type reader struct {
	ctx context.Context
	io.Reader
	io.Closer
}

func (r reader) Read(b []byte) (int, error) {
	if err := context.Cause(r.ctx); err != nil {
		return 0, err
	}
	return r.Reader.Read(b)
}
