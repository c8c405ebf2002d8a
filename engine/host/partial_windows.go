package host

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/windows"
)

func (f *Files) openPartial(name string) (p *Partial, err error) {
	err = f.at("open", name, func(s spot) error {
		info, err := f.Lstat(name)
		if err == nil && (info.Kind != File || info.Links != 1) {
			err = s.do("unlink", func() error { return os.Remove(s.full) })
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		p, err = s.lockPartial()
		return err
	})
	return p, err
}

// lockPartial opens the file, with a private access list where it makes it, and locks it.
func (s spot) lockPartial() (*Partial, error) {
	var file *os.File
	open := func() (err error) {
		file, err = openShared(s.full)
		return err
	}
	var err error
	if _, there := os.Lstat(s.full); there == nil {
		err = open()
	} else {
		err = s.do("open", open)
	}
	if err != nil {
		return nil, err
	}
	p := &Partial{spot: s, file: file, lock: file}
	far := &windows.Overlapped{OffsetHigh: 1 << 30} // a locked range cannot be written by others: it lies behind any content
	err = windows.LockFileEx(windows.Handle(file.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, far)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		err = &LockedError{Path: s.path}
	}
	if err == nil {
		err = s.stillThere(file)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return p, nil
}

// stillThere fails where whoever had the lock moved the file away before we got it.
func (s spot) stillThere(file *os.File) error {
	locked, err := file.Stat()
	if err != nil {
		return err
	}
	if here, err := os.Lstat(s.full); err != nil || !os.SameFile(here, locked) {
		return &reason{"it was replaced meanwhile: try again", windows.ERROR_SHARING_VIOLATION}
	}
	return nil
}

// openShared opens a file for reading and writing, or makes it, so that it can be renamed while it is open.
func openShared(full string) (*os.File, error) {
	sa, err := security(0o600)
	if err != nil {
		return nil, err
	}
	p, err := windows.UTF16PtrFromString(full)
	if err != nil {
		return nil, err
	}
	h, err := windows.CreateFile(p, windows.GENERIC_READ|windows.GENERIC_WRITE,
		windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE, sa, windows.OPEN_ALWAYS,
		windows.FILE_ATTRIBUTE_NORMAL|windows.FILE_FLAG_OPEN_REPARSE_POINT, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(h), full), nil
}

// Info describes the file.
func (p *Partial) Info() (Info, error) { return p.spot.f.Lstat(p.spot.path) }

// Reserve makes sure that the volume has room for size bytes. Windows keeps none for a file that is shorter.
func (p *Partial) Reserve(size int64) error {
	info, err := p.Info()
	if err != nil {
		return err
	}
	if need := size - info.Size; need > p.free() {
		return &NoSpaceError{p.Path(), need, p.free(), windows.ERROR_DISK_FULL}
	}
	return nil
}

// Held returns how many bytes of its disk the file takes.
func (p *Partial) Held() (int64, error) { return p.spot.f.Held(p.spot.path) }

// Held returns how many bytes of its disk a file takes: those that it has.
func (t Tree) Held(name string) (int64, error) {
	info, err := t.Lstat(name)
	return info.Size, err
}

// isFull reports whether a change failed for want of room.
func isFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL) ||
		errors.Is(err, windows.ERROR_NOT_ENOUGH_QUOTA)
}

func (p *Partial) free() int64 {
	dir, err := windows.UTF16PtrFromString(filepath.Dir(p.spot.full))
	if err != nil {
		return 0
	}
	var free uint64
	if err := windows.GetDiskFreeSpaceEx(dir, &free, nil, nil); err != nil {
		return 0
	}
	return int64(free)
}

// Sync makes what was written durable, and the file's length.
func (p *Partial) Sync() error {
	return p.change("fsync", "sync", 0, func(file *os.File) error { return file.Sync() })
}

// StartWriteback does nothing: Windows begins to write by itself.
func (p *Partial) StartWriteback(off, n int64) {}

// Rename gives the file another name in its folder, durably. A file that has that name is replaced.
func (p *Partial) Rename(name string) error {
	to := p.spot
	to.path, to.full = filepath.Join(filepath.Dir(to.path), name), filepath.Join(filepath.Dir(to.full), name)
	to.temp = filepath.Join(filepath.Dir(to.full), TempName(name))
	if err := p.rename(to); err != nil {
		return p.spot.explainHere("rename", err)
	}
	p.spot = to
	return nil
}

func (p *Partial) rename(to spot) error {
	from := to
	from.temp = p.spot.full
	return from.move(windows.MOVEFILE_REPLACE_EXISTING)
}

// move is publish without its clean-up: what is moved is no temporary.
func (s spot) move(flags uint32) error {
	return s.do("rename", func() error {
		from, err := windows.UTF16PtrFromString(s.temp)
		if err != nil {
			return err
		}
		to, err := windows.UTF16PtrFromString(s.full)
		if err != nil {
			return err
		}
		return windows.MoveFileEx(from, to, flags|windows.MOVEFILE_WRITE_THROUGH)
	})
}

// Discard removes the file and closes it.
func (p *Partial) Discard() error {
	err := p.spot.do("unlink", func() error { return os.Remove(p.spot.full) })
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	return errors.Join(p.spot.explainHere("remove", err), p.Close())
}

// Publish gives the finished file its access list and the name to, which may be in another folder, so that
// whoever looks sees there what was before or the whole new file. before, where not nil, is called with the path
// of the file once its content is durable. On another volume the file is copied, and before gets the path of the copy.
func (p *Partial) Publish(to string, a Attr, before func(name string) error) error {
	return p.spot.f.at("publish", to, func(s spot) error {
		if err := a.allowed(); err != nil {
			return err
		}
		if info, err := os.Lstat(s.full); err == nil && info.IsDir() {
			return syscall.EISDIR
		}
		if err := p.spot.do("fsync", p.lock.Sync); err != nil {
			return err
		}
		if filepath.VolumeName(s.full) != filepath.VolumeName(p.spot.full) {
			return p.publishCopy(s, a, before)
		}
		if err := p.spot.finish(p.spot.path, p.spot.full, a, before); err != nil {
			return err
		}
		err := p.rename(s)
		if errors.Is(err, windows.ERROR_NOT_SAME_DEVICE) { // a volume that is mounted in a folder
			return p.publishCopy(s, a, before)
		}
		return err
	})
}

func (s spot) finish(name, full string, a Attr, before func(string) error) error {
	if before != nil {
		if err := before(name); err != nil {
			return err
		}
	}
	return s.f.gate.do("chmod", name, func() error { return setSecurity(full, a.Mode) })
}

func (p *Partial) publishCopy(to spot, a Attr, before func(string) error) error {
	if err := to.discardTemp(); err != nil {
		return err
	}
	info, err := p.Info()
	if err != nil {
		return err
	}
	var out *os.File
	err = to.doTemp("open", func() (err error) {
		out, err = createFile(to.temp, 0o600)
		return err
	})
	if err != nil {
		return err
	}
	err = errors.Join(to.fill(out, io.NewSectionReader(p.lock, 0, info.Size)), out.Close())
	if err == nil {
		err = to.finish(filepath.Join(filepath.Dir(to.path), filepath.Base(to.temp)), to.temp, a, before)
	}
	if err != nil {
		_ = to.discardTemp() // the failure is the news; the next run cleans up
		return err
	}
	if err := to.publish(windows.MOVEFILE_REPLACE_EXISTING); err != nil {
		return err
	}
	return p.Discard()
}

func (s spot) explainHere(verb string, err error) error { return named(verb, s.path, bare(err)) }

// close has nothing to let go of: Windows holds no folder open.
func (s spot) close() error { return nil }
