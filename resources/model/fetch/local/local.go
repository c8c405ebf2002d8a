// Package local gets files from where they are mounted, such as a disk that was carried there.
package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"

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
	if err == nil && info.Kind != host.File {
		return nil, s.refuse("it is a " + info.Kind.String() + ", not a file")
	}
	if err != nil {
		return nil, s.inWords(err)
	}
	version := fmt.Sprintf("%d-%d-%d-%d-%d", info.Dev, info.Ino, info.Size, info.ModTime.UnixNano(), info.ChangeTime.UnixNano())
	if same != "" && same != version {
		off, length = 0, -1
	}
	if off > info.Size {
		return nil, s.refuse(fmt.Sprintf("it has only %d bytes", info.Size))
	}
	if length < 0 || length > info.Size-off {
		length = info.Size - off
	}
	file, err := s.tree.Open(s.path)
	if err != nil {
		return nil, s.inWords(err)
	}
	return &fetch.Body{
		ReadCloser: reader{ctx, io.NewSectionReader(file, off, length), file},
		Offset:     off, Size: info.Size, Version: version, Ranges: true,
	}, nil
}

func (s source) refuse(why string) error { return &fetch.RefusedError{Source: s.String(), Why: why} }

// inWords refuses what will not be better the next time.
func (s source) inWords(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return s.refuse("there is no such file: is its disk mounted?")
	case errors.Is(err, fs.ErrPermission):
		return s.refuse("this process may not read it")
	}
	return err
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
