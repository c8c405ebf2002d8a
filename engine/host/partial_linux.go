package host

import (
	"errors"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

func (f *Files) openPartial(name string) (p *Partial, err error) {
	err = f.at("open", name, func(s spot) error {
		for range maxLookups {
			fd, err := s.ownPartial()
			if err == nil {
				p, err = s.lockPartial(fd)
			}
			if !errors.Is(err, errMoved) {
				return err
			}
		}
		return &reason{"somebody replaces it faster than it can be locked", unix.EAGAIN}
	})
	return p, err
}

// errMoved says that a name leads to something else than it did a moment ago.
var errMoved = errors.New("it was replaced meanwhile")

// ownPartial opens what may be trusted to be nobody else's, and makes it where there is no such thing.
func (s spot) ownPartial() (int, error) {
	info, err := s.lookAt(s.name)
	if errors.Is(err, unix.ENOENT) {
		fd, err := s.createHere(unix.O_RDONLY, 0o600)
		if errors.Is(err, unix.EEXIST) {
			err = errMoved
		}
		return fd, err
	}
	if err != nil {
		return -1, err
	}
	if info.Links == 0 { // it lost its name while it was looked at
		return -1, errMoved
	}
	if !s.ours(info) {
		return -1, s.replaced()
	}
	return s.openSame(info, unix.O_RDONLY)
}

// replaced takes away what is in the way of a partial, and returns errMoved once it is gone, by whose hand ever.
func (s spot) replaced() error {
	if err := s.discard(s.name); err != nil && !errors.Is(err, unix.ENOENT) {
		return err
	}
	return errMoved
}

// ours reports whether a file can have been written by nobody but this process's user, where the file system tells.
func (s spot) ours(info Info) bool {
	mine := info.UID == os.Geteuid() && info.Mode&0o022 == 0
	return info.Kind == File && info.Links == 1 && (mine || ownerless(s.dir))
}

// openSame opens the name where it still leads to what it did.
func (s spot) openSame(was Info, flags int) (int, error) {
	fd, err := s.openRegular(flags)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ELOOP) {
		return -1, errMoved
	}
	if err != nil {
		return -1, err
	}
	info, err := fdInfo(fd)
	if err == nil && (info.Dev != was.Dev || info.Ino != was.Ino || !s.ours(info)) {
		err = errMoved
	}
	if err == nil {
		err = unix.SetNonblock(fd, false)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// lockPartial takes over fd, which is open for reading.
func (s spot) lockPartial(fd int) (*Partial, error) {
	p := &Partial{lock: os.NewFile(uintptr(fd), s.path)}
	info, err := fdInfo(fd)
	if err != nil {
		return nil, errors.Join(err, p.lock.Close())
	}
	p.id = fileID{info.Dev, info.Ino}
	if err := p.take(s, info); err != nil {
		return nil, errors.Join(err, p.closeWriter(), p.lock.Close())
	}
	return p, nil
}

func (p *Partial) take(s spot, info Info) error {
	writer, err := s.openSame(info, unix.O_RDWR)
	switch {
	case err == nil:
		p.file = os.NewFile(uintptr(writer), s.path)
	case !errors.Is(err, unix.EPERM) || !sealed(int(p.lock.Fd())):
		return err
	}
	if err := p.flock(s); err != nil {
		return err
	}
	// Whoever had the lock may have moved the file away before we got it.
	here, err := s.lookAt(s.name)
	if errors.Is(err, unix.ENOENT) || err == nil && (fileID{here.Dev, here.Ino}) != p.id {
		return errMoved
	}
	if err != nil {
		return err
	}
	dir, err := unix.FcntlInt(uintptr(s.dir), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return err
	}
	p.spot = s
	p.spot.dir = dir
	if err := p.spot.dress(int(p.lock.Fd()), s.name, Attr{Mode: 0o600, UID: -1, GID: -1}, true); err != nil {
		return errors.Join(err, p.spot.close())
	}
	return nil
}

// flock locks the file by the descriptor that only reads, so that the one that writes can be closed while the lock
// is held. NFS wants one that writes (flock(2)).
func (p *Partial) flock(s spot) error {
	file := p.lock
	_, err := retry(func() (int, error) { return 0, unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) })
	if errors.Is(err, unix.EBADF) && p.file != nil {
		file = p.file
		_, err = retry(func() (int, error) { return 0, unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) })
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		return &LockedError{Path: s.path}
	}
	return err
}

// sealed reports whether a file has fs-verity.
func sealed(fd int) bool {
	st, err := statxOf(fd)
	return err == nil && st.Attributes&unix.STATX_ATTR_VERITY != 0
}

// Info describes the file.
func (p *Partial) Info() (Info, error) {
	info, err := fdInfo(int(p.lock.Fd()))
	return info, p.spot.explainHere("look at", err)
}

// Reserve makes sure that the file can grow to size bytes, without making it longer. Where the file system has not
// the room it is a *NoSpaceError, and nothing stays reserved. Where the file system cannot reserve, nothing is.
func (p *Partial) Reserve(size int64) error {
	info, err := p.Info()
	if err != nil {
		return err
	}
	held, err := p.Held()
	if err != nil {
		return err
	}
	err = p.change("fallocate", "reserve room for", max(0, size-held), func(file *os.File) error {
		return unix.Fallocate(int(file.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, size)
	})
	switch {
	case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOSYS):
		return nil
	case isFull(err):
		return errors.Join(err, p.Truncate(info.Size)) // ext4 keeps what it did find
	}
	return err
}

// Held returns how many bytes of its disk the file takes, what is reserved beyond its end included.
func (p *Partial) Held() (int64, error) {
	held, err := held(int(p.lock.Fd()))
	return held, p.spot.explainHere("look at", err)
}

// Held returns how many bytes of its disk a file takes, what is reserved beyond its end included. A symbolic link is
// looked at itself.
func (t Tree) Held(name string) (int64, error) {
	fd, err := t.path("look at", name, unix.O_NOFOLLOW)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	n, err := held(fd)
	return n, named("look at", name, err)
}

func held(fd int) (int64, error) {
	var st unix.Stat_t
	err := unix.Fstat(fd, &st)
	return st.Blocks * 512, err // whatever the file system's blocks: stat(2)
}

// isFull reports whether a change failed for want of room.
func isFull(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }

// free is Space.Free of where the file is.
func (p *Partial) free() int64 {
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(p.lock.Fd()), &st); err != nil {
		return 0
	}
	return int64(st.Bavail) * st.Frsize
}

// Sync makes what was written durable, and the file's length.
func (p *Partial) Sync() error {
	return p.change("fdatasync", "sync", 0, func(file *os.File) error { return unix.Fdatasync(int(file.Fd())) })
}

// StartWriteback asks the kernel to begin to write n bytes from off on to the disk, so that a later Sync has less
// to wait for. It may do nothing.
func (p *Partial) StartWriteback(off, n int64) {
	if p.file != nil {
		_ = unix.SyncFileRange(int(p.file.Fd()), off, n, unix.SYNC_FILE_RANGE_WRITE)
	}
}

// Rename gives the file another name in its folder, durably. A file that has that name is replaced.
func (p *Partial) Rename(name string) error {
	s := p.spot
	err := p.still()
	if err == nil {
		err = s.do("rename", name, func() error { return unix.Renameat(s.dir, s.name, s.dir, name) })
	}
	if err == nil {
		p.spot.name, p.spot.path = name, path.Join(path.Dir(s.path), name)
		err = s.syncDir()
	}
	return s.explainHere("rename", err)
}

// Discard removes the file, durably, and closes it.
func (p *Partial) Discard() error {
	err := p.still()
	if err == nil {
		err = p.spot.discard(p.spot.name)
	}
	if err == nil {
		err = p.spot.syncDir()
	}
	if errors.Is(err, errMoved) {
		err = nil
	}
	return errors.Join(p.spot.explainHere("remove", err), p.Close())
}

// still returns errMoved where the name leads to another file.
func (p *Partial) still() error {
	info, err := p.spot.lookAt(p.spot.name)
	if errors.Is(err, unix.ENOENT) || err == nil && (fileID{info.Dev, info.Ino}) != p.id {
		return errMoved
	}
	return err
}

func (s spot) explainHere(verb string, err error) error { return s.f.explain(verb, s.path, err) }

func (s spot) close() error { return unix.Close(s.dir) }
