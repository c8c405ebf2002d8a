package host

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"
)

// AppendFile is a file that grows at its end, such as a journal. Its changes pass the
// watcher like all others.
type AppendFile struct {
	f    *Files
	path string
	fd   int
}

// OpenAppend opens a file for appending. If it is absent it is made, durably, with perm.
// A symbolic link is refused.
func (f *Files) OpenAppend(name string, perm fs.FileMode) (*AppendFile, error) {
	fd, err := f.openOrCreate("open", name, unix.O_WRONLY|unix.O_APPEND, perm)
	if err != nil {
		return nil, err
	}
	return &AppendFile{f, name, fd}, nil
}

// openOrCreate asks the watcher only where it has to make the file.
func (f *Files) openOrCreate(verb, name string, flags int, perm fs.FileMode) (int, error) {
	fd := -1
	err := f.at(verb, name, func(s spot) (err error) {
		fd, err = s.openRegular(flags)
		if errors.Is(err, unix.ENOENT) {
			fd, err = s.createHere(flags, perm)
		}
		return err
	})
	return fd, err
}

func (s spot) openRegular(flags int) (int, error) {
	fd, err := retry(func() (int, error) {
		return unix.Openat(s.dir, s.name, flags|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return -1, err
	}
	info, err := fdInfo(fd)
	if err == nil && info.Kind != File {
		err = notFile(info.Kind)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// createHere makes an empty file under its own name: it is nothing to anyone until its
// owner has written to it, and the owner's reader copes with an empty one.
func (s spot) createHere(flags int, perm fs.FileMode) (int, error) {
	fd := -1
	err := s.do("open", s.name, func() (err error) {
		fd, err = unix.Openat(s.dir, s.name, flags|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
		return err
	})
	if err != nil {
		return -1, err
	}
	err = s.dress(fd, s.name, Attr{Mode: perm, UID: -1, GID: -1}, true)
	if err == nil {
		err = s.syncDir()
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// Write appends p. After an error a part of p may be in the file.
func (a *AppendFile) Write(p []byte) (n int, err error) {
	err = a.do("write", func() error {
		for n < len(p) {
			m, err := unix.Write(a.fd, p[n:])
			if err != nil {
				return err
			}
			n += m
		}
		return nil
	})
	return n, err
}

// Sync makes what was written durable.
func (a *AppendFile) Sync() error {
	return a.do("fsync", func() error { return unix.Fsync(a.fd) })
}

// Truncate cuts the file to size.
func (a *AppendFile) Truncate(size int64) error {
	return a.do("ftruncate", func() error { return unix.Ftruncate(a.fd, size) })
}

// Size returns how long the file is.
func (a *AppendFile) Size() (int64, error) {
	info, err := fdInfo(a.fd)
	return info.Size, named("look at", a.path, err)
}

// Close closes the file. It does not make anything durable.
func (a *AppendFile) Close() error {
	fd := a.fd
	a.fd = -1
	return named("close", a.path, unix.Close(fd))
}

func (a *AppendFile) do(op string, change func() error) error {
	err := a.f.gate.do(op, a.path, change)
	return a.f.explain(map[string]string{"write": "write", "fsync": "sync", "ftruncate": "truncate"}[op], a.path, err)
}
