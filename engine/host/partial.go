package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/agent0-converge/agent0-converge/engine/human"
)

// Partial is a large file in the making, which outlives the process that makes it: open, locked against other
// processes, and nobody else's to read. Its methods may be called by several goroutines at once, but for those
// that move or end it: Publish, Rename, Discard and Close.
//
// What is written is durable after Sync or Publish, and not before. A crash between any two calls, or within one,
// leaves a file that OpenPartial opens again.
type Partial struct {
	// spot is the folder, open as long as the file is, and the name in it.
	spot spot
	// file is open for writing, nil once that is over; lock is open for reading, and what is locked where a
	// file can be locked by those who only read it.
	file, lock *os.File
	// id is what the file is by any name.
	id fileID
}

type fileID struct{ dev, ino uint64 }

// NoSpaceError says that a file system has not the room that a file needs, or that a quota ends it.
type NoSpaceError struct {
	Path string
	// Need is how many bytes were wanted beyond those that the file has.
	Need int64
	// Free is how many bytes a process without privilege could still take.
	Free int64
	Err  error
}

func (e *NoSpaceError) Error() string {
	if errors.Is(e.Err, syscall.EDQUOT) {
		return fmt.Sprintf("cannot make room for %s at %s: the quota of its owner is used up: remove something or raise the quota", human.Bytes(e.Need), e.Path)
	}
	return fmt.Sprintf("cannot make room for %s at %s: %s are free: remove something or choose another disk", human.Bytes(e.Need), e.Path, human.Bytes(e.Free))
}

// Unwrap returns what the kernel said.
func (e *NoSpaceError) Unwrap() error { return e.Err }

// OpenPartial opens the file name in the folder dir for reading and writing, or makes it with mode 0600, and locks
// it. Where another process has it locked it is a *LockedError, at once. What is there and is no regular file of
// this process's user, has another link or can be written by others is replaced: in a folder that belongs to
// somebody else it may be a trap. After a crash within Publish the file may be Sealed.
func (f *Files) OpenPartial(dir, name string) (*Partial, error) {
	if name == "" || strings.ContainsAny(name, `/\`) {
		return nil, named("open", filepath.Join(dir, name), &reason{"it is no name of a file", syscall.EINVAL})
	}
	return f.openPartial(filepath.Join(dir, name))
}

// Path returns where the file is, inside the root.
func (p *Partial) Path() string { return p.spot.path }

// Sealed reports whether the file can be read and published and no longer be written: fs-verity was enabled for
// it by a Publish that did not come to its end.
func (p *Partial) Sealed() bool { return p.file == nil }

// ReadAt reads as io.ReaderAt says.
func (p *Partial) ReadAt(b []byte, off int64) (int, error) {
	n, err := p.lock.ReadAt(b, off)
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.explain("read", 0, err)
	}
	return n, err
}

// WriteAt writes all of b, as one change. Where the file system is full it is a *NoSpaceError, and a part of b may
// have been written.
func (p *Partial) WriteAt(b []byte, off int64) (n int, err error) {
	err = p.change("write", "write", int64(len(b)), func(file *os.File) (err error) {
		n, err = file.WriteAt(b, off)
		return err
	})
	return n, err
}

// Truncate cuts the file to size or makes it so long. Room that was reserved beyond it is given back.
func (p *Partial) Truncate(size int64) error {
	return p.change("ftruncate", "truncate", size, func(file *os.File) error { return file.Truncate(size) })
}

// change passes one change of the file through the gate. need is how much room it takes at most.
func (p *Partial) change(op, verb string, need int64, do func(*os.File) error) error {
	if p.Sealed() {
		return named(verb, p.Path(), &reason{"it is sealed by fs-verity", syscall.EPERM})
	}
	err := p.spot.f.gate.do(op, p.Path(), func() error { return do(p.file) })
	return p.explain(verb, need, err)
}

// explain puts an error into words.
func (p *Partial) explain(verb string, need int64, err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		err = at.Err // it names the path as this process sees it
	}
	switch {
	case isFull(err):
		return &NoSpaceError{p.Path(), need, p.free(), err}
	case errors.Is(err, syscall.EFBIG):
		err = &reason{"the file system takes no files of that size (FAT ends at 4 GiB)", err}
	}
	return p.spot.explainHere(verb, err)
}

// Close lets go of the file and of its lock, and leaves it where it is. It makes nothing durable. To close twice
// is no error.
func (p *Partial) Close() error {
	if p.lock == nil {
		return nil
	}
	err := errors.Join(p.closeWriter(), p.lock.Close(), p.spot.close())
	p.lock = nil
	return p.spot.explainHere("close", err)
}

// closeWriter ends the writing. Where there is one descriptor for all, Close closes that.
func (p *Partial) closeWriter() error {
	file := p.file
	p.file = nil
	if file == nil || file == p.lock {
		return nil
	}
	return file.Close()
}
