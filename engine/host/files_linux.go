package host

import (
	"bytes"
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// WriteFrom is Write for content that is read from r.
func (f *Files) WriteFrom(name string, r io.Reader, a Attr) error {
	return f.at("write", name, func(s spot) error {
		if f.staged != nil {
			return s.stage(r, a)
		}
		return s.write(r, a)
	})
}

func (s spot) write(r io.Reader, a Attr) error {
	fd, err := s.prepare(r, a)
	if err != nil {
		return err
	}
	err = s.do("fsync", s.temp(), func() error { return unix.Fsync(fd) })
	if closeErr := unix.Close(fd); err == nil && closeErr != unix.EINTR { // closed all the same
		err = closeErr
	}
	if err != nil {
		return s.giveUp(err)
	}
	return s.publish(0)
}

// prepare makes the temporary what the file shall be, before it is durable and gets its name.
func (s spot) prepare(r io.Reader, a Attr) (fd int, err error) {
	a, err = s.inherit(a)
	if err != nil {
		return -1, err
	}
	err = s.fresh(func() error {
		return s.do("open", s.temp(), func() (err error) {
			fd, err = unix.Openat(s.dir, s.temp(), unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
			return err
		})
	})
	if err != nil {
		return -1, err
	}
	if err = copyTo(writer{s, fd}, r); err == nil {
		err = s.dress(fd, s.temp(), a, true)
	}
	if err != nil {
		return -1, s.giveUp(errors.Join(err, unix.Close(fd)))
	}
	return fd, nil
}

// inherit replaces what a leaves open with what the file that is replaced has. After it,
// nil Xattrs mean that there is no such file.
func (s spot) inherit(a Attr) (Attr, error) {
	info, err := s.lookAt(s.name)
	switch {
	case errors.Is(err, unix.ENOENT):
		return a, nil
	case err != nil:
		return a, err
	case info.Kind == Dir:
		return a, unix.EISDIR
	case info.Kind != File:
		return a, nil // a link's owner and label say nothing about the file to come
	}
	if a.UID == -1 {
		a.UID = info.UID
	}
	if a.GID == -1 {
		a.GID = info.GID
	}
	if a.Xattrs == nil {
		a.Xattrs, err = s.keptXattrs()
	}
	return a, err
}

func (s spot) keptXattrs() (map[string][]byte, error) {
	kept, err := s.xattrs(s.name)
	if kept == nil {
		kept = map[string][]byte{}
	}
	for key := range kept {
		if aboutContent(key) {
			delete(kept, key)
		}
	}
	return kept, err
}

// copyTo writes what is in memory at once, and other content in large pieces.
func copyTo(w io.Writer, r io.Reader) error {
	if b, ok := r.(*bytes.Reader); ok {
		_, err := b.WriteTo(w)
		return err
	}
	// Hidden, so that an os.File does not bring its own small buffer.
	_, err := io.CopyBuffer(w, struct{ io.Reader }{r}, make([]byte, 256<<10))
	return err
}

// writer writes to the temporary through the gate.
type writer struct {
	s  spot
	fd int
}

func (w writer) Write(p []byte) (n int, err error) {
	err = w.s.do("write", w.s.temp(), func() error {
		for n < len(p) {
			m, err := unix.Write(w.fd, p[n:])
			if err != nil {
				return err
			}
			n += m
		}
		return nil
	})
	return n, err
}

// Mkdir makes one folder. Nobody sees it before it has its owner and mode. What is there
// already, a folder too, is fs.ErrExist.
func (f *Files) Mkdir(name string, a Attr) error {
	return f.at("make directory", name, func(s spot) error { return s.mkdir(a) })
}

func (s spot) mkdir(a Attr) error {
	if _, err := s.lookAt(s.name); err == nil {
		return unix.EEXIST
	}
	err := s.fresh(func() error {
		return s.do("mkdir", s.temp(), func() error { return unix.Mkdirat(s.dir, s.temp(), 0o700) })
	})
	if err != nil {
		return err
	}
	if err := s.finishDir(a); err != nil {
		return s.giveUp(err)
	}
	return s.publish(unix.RENAME_NOREPLACE)
}

func (s spot) finishDir(a Attr) error {
	fd, err := unix.Openat(s.dir, s.temp(), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := isOurs(fd, Dir); err != nil {
		return err
	}
	if err := s.dress(fd, s.temp(), a, true); err != nil {
		return err
	}
	return s.do("fsync", s.temp(), func() error { return unix.Fsync(fd) })
}

// isOurs guards what was made by name and then opened: in a folder that others may write,
// someone could have put another thing in its place for us to give away.
func isOurs(fd int, kind Kind) error {
	info, err := fdInfo(fd)
	if err != nil {
		return err
	}
	if info.Kind != kind || info.UID != os.Geteuid() && !ownerless(fd) {
		return &reason{"someone else replaced it while it was made", unix.EAGAIN}
	}
	return nil
}

// ownerless says that a file system keeps no owners, such as that of a USB stick: all is of whom it was mounted for,
// which tells nothing about who made it, and nothing can be given away.
func ownerless(fd int) bool {
	st, err := statfs(fd)
	return err == nil && (uint32(st.Type) == unix.MSDOS_SUPER_MAGIC || uint32(st.Type) == exfatMagic)
}

// Symlink makes a symbolic link that points to target, in place of a file or link that
// may be there. The mode of a says nothing about a link.
func (f *Files) Symlink(target, name string, a Attr) error {
	return f.at("make symlink", name, func(s spot) error { return s.symlink(target, a) })
}

func (s spot) symlink(target string, a Attr) error {
	if info, err := s.lookAt(s.name); err == nil && info.Kind == Dir {
		return unix.EISDIR
	}
	err := s.fresh(func() error {
		return s.do("symlink", s.temp(), func() error { return unix.Symlinkat(target, s.dir, s.temp()) })
	})
	if err != nil {
		return err
	}
	if err := s.dressLink(s.temp(), a, true); err != nil {
		return s.giveUp(err)
	}
	return s.publish(0)
}

// Remove removes a file, a link or an empty folder, and what a stopped Write left of it.
// That it is absent already is no error.
func (f *Files) Remove(name string) error {
	err := f.at("remove", name, func(s spot) error {
		// The leftover first: when the path is gone, nothing would lead to it any more.
		if err := s.discard(s.temp()); err != nil {
			return err
		}
		if err := s.discard(s.name); err != nil {
			return err
		}
		return s.syncDir()
	})
	if errors.Is(err, unix.ENOENT) { // not even its folder is there
		return nil
	}
	return err
}

// Clean removes what a stopped Write, Mkdir or Symlink of a path left, if anything.
func (f *Files) Clean(name string) error {
	err := f.at("clean up", name, func(s spot) error {
		if _, err := s.lookAt(s.temp()); err != nil {
			return err
		}
		if err := s.discard(s.temp()); err != nil {
			return err
		}
		return s.syncDir()
	})
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	return err
}

// Sync makes what a path shows durable: a file's content and attributes, and that the name is there
// or is not. What a stopped change has published may be in memory alone.
func (f *Files) Sync(name string) error {
	p, err := clean(name)
	if err != nil {
		return err
	}
	err = f.at("make durable", p, func(s spot) error {
		if info, err := s.lookAt(s.name); err == nil && (info.Kind == File || info.Kind == Dir) {
			if err := s.syncFile(); err != nil {
				return err
			}
		}
		return s.syncDir()
	})
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) { // its folder is gone too
		return nil
	}
	return err
}

func (s spot) syncFile() error {
	fd, err := unix.Openat(s.dir, s.name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return s.do("fsync", s.name, func() error { return unix.Fsync(fd) })
}

// SetAttr gives a file or folder, or a symbolic link itself, another owner, mode and
// extended attributes. It makes only the changes that are needed.
func (f *Files) SetAttr(name string, a Attr) error {
	p, err := clean(name)
	if err != nil {
		return err
	}
	return f.explain("set attributes of", p, f.setAttr(p, a))
}
