package host

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/windows"
)

// lockPoll is how often a lock that is held is tried again.
const lockPoll = 50 * time.Millisecond

// AppendFile is a file that grows at its end, such as a journal. Its changes pass the
// watcher like all others.
type AppendFile struct {
	f    *Files
	path string
	file *os.File
}

// OpenAppend opens a file for appending. If it is absent it is made with perm, which is 0
// or a mode of the owner alone. A symbolic link is refused.
func (f *Files) OpenAppend(name string, perm fs.FileMode) (*AppendFile, error) {
	a := &AppendFile{f: f, path: name}
	err := f.at("open", name, func(s spot) (err error) {
		if err := (Attr{Mode: perm, UID: -1, GID: -1}).allowed(); err != nil {
			return err
		}
		info, err := os.Lstat(s.full)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return s.do("open", func() (err error) {
				a.file, err = createFile(s.full, perm)
				return err
			})
		case err != nil:
			return err
		case !info.Mode().IsRegular():
			return &reason{"it is a " + kindOf(info.Mode()).String() + ", not a file", syscall.EINVAL}
		}
		// Not O_APPEND, with which Windows would refuse to truncate.
		a.file, err = os.OpenFile(s.full, os.O_RDWR, 0)
		return err
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

func (a *AppendFile) do(op string, change func() error) error {
	return named(op, a.path, bare(a.f.gate.do(op, a.path, change)))
}

// Write appends p. After an error a part of p may be in the file.
func (a *AppendFile) Write(p []byte) (n int, err error) {
	err = a.do("write", func() error {
		if _, err := a.file.Seek(0, io.SeekEnd); err != nil {
			return err
		}
		m, err := a.file.Write(p[n:])
		n += m
		return err
	})
	return n, err
}

// Sync makes what was written durable.
func (a *AppendFile) Sync() error { return a.do("fsync", a.file.Sync) }

// Truncate cuts the file to size.
func (a *AppendFile) Truncate(size int64) error {
	return a.do("ftruncate", func() error { return a.file.Truncate(size) })
}

// Size returns how long the file is.
func (a *AppendFile) Size() (int64, error) {
	info, err := a.file.Stat()
	if err != nil {
		return 0, named("look at", a.path, bare(err))
	}
	return info.Size(), nil
}

// Close closes the file. It does not make anything durable.
func (a *AppendFile) Close() error { return named("close", a.path, bare(a.file.Close())) }

// Lock takes the lock of a file, which it makes if it is absent, and writes into it who
// holds it ("pid 123 apply"). It waits for another holder until ctx ends, then returns a
// LockedError that names that holder; with a ctx that has ended it tries once. The lock
// ends when the closer is closed, or the process ends.
func (f *Files) Lock(ctx context.Context, name, holder string) (io.Closer, error) {
	lock, err := f.OpenAppend(name, 0o600)
	if err != nil {
		return nil, err
	}
	err = lock.wait(ctx)
	if err == nil {
		err = lock.hold(holder)
	}
	if err != nil {
		lock.Close()
		return nil, err
	}
	return lock, nil
}

func (a *AppendFile) wait(ctx context.Context) error {
	tick := time.NewTicker(lockPoll)
	defer tick.Stop()
	for {
		// A locked range cannot be read by others: it lies far behind the holder's name.
		far := &windows.Overlapped{OffsetHigh: 1}
		err := windows.LockFileEx(windows.Handle(a.file.Fd()),
			windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, far)
		if !errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
			return named("lock", a.path, err)
		}
		select {
		case <-ctx.Done():
			buf := make([]byte, 256)
			n, _ := a.file.ReadAt(buf, 0)
			return &LockedError{a.path, strings.TrimSpace(string(buf[:n]))}
		case <-tick.C:
		}
	}
}

func (a *AppendFile) hold(holder string) error {
	text := []byte(holder + "\n")
	err := a.do("write", func() error {
		_, err := a.file.WriteAt(text, 0)
		return err
	})
	if err != nil {
		return err
	}
	return a.Truncate(int64(len(text)))
}
