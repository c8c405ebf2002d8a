package host

import (
	"errors"
	"io"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// copyStep is how much of a file is copied with one change.
const copyStep = 16 << 20

// Publish gives the finished file owner, mode and extended attributes and the name to, which may be in another
// folder, so that whoever looks sees there what was before or the whole new file, also after a power cut.
// Attributes are as Write has them. before, where not nil, is called with the path of the file once its content is
// durable and nobody has it open for writing any more, while it still is this process's alone: for fs-verity.
//
// On another file system the file is copied, and before gets the path of the copy. A file that is not published for
// an error is where it was, and Publish may be called again, but it cannot be written to any more.
func (p *Partial) Publish(to string, a Attr, before func(name string) error) error {
	return p.spot.f.at("publish", to, func(s spot) error { return p.publish(s, a, before) })
}

func (p *Partial) publish(to spot, a Attr, before func(string) error) error {
	a, err := to.inherit(a)
	if err != nil {
		return err
	}
	dir, err := fdInfo(to.dir)
	if err != nil {
		return err
	}
	if dir.Dev != p.id.dev {
		return p.publishCopy(to, a, before)
	}
	if err := p.spot.do("fsync", p.spot.name, func() error { return unix.Fsync(int(p.lock.Fd())) }); err != nil {
		return err
	}
	if err := p.closeWriter(); err != nil {
		return err
	}
	if err := p.spot.finish(int(p.lock.Fd()), p.spot.name, a, before); err != nil {
		return err
	}
	if err := p.still(); err != nil {
		return err
	}
	err = to.do("rename", to.name, func() error { return unix.Renameat(p.spot.dir, p.spot.name, to.dir, to.name) })
	if errors.Is(err, unix.EXDEV) { // another mount of the same file system
		return p.publishCopy(to, a, before)
	}
	if err != nil {
		return err
	}
	return p.moved(to)
}

// finish makes a file whose content is durable all that it shall be. Owner and mode come last: from then on others
// may change it, and after a crash it is no longer known to be ours.
func (s spot) finish(fd int, name string, a Attr, before func(string) error) error {
	if before != nil {
		if err := before(path.Join(path.Dir(s.path), name)); err != nil {
			return err
		}
	}
	if err := s.dress(fd, name, a, true); err != nil {
		return err
	}
	return s.do("fsync", name, func() error { return unix.Fsync(fd) })
}

// moved makes a rename durable in both folders, the new one first, and keeps to the new name.
func (p *Partial) moved(to spot) error {
	if err := to.syncDir(); err != nil {
		return err
	}
	was, err := fdInfo(p.spot.dir)
	if err != nil {
		return err
	}
	is, err := fdInfo(to.dir)
	if err != nil {
		return err
	}
	if was.Dev == is.Dev && was.Ino == is.Ino {
		return nil
	}
	return p.spot.syncDir()
}

// publishCopy copies the file to beside its place, publishes the copy and removes the file.
func (p *Partial) publishCopy(to spot, a Attr, before func(string) error) error {
	if err := p.copyTo(to); err != nil {
		return to.giveUp(p.noRoom(to, err))
	}
	fd, err := to.openOurs(to.temp())
	if err != nil {
		return to.giveUp(err)
	}
	err = to.finish(fd, to.temp(), a, before)
	if closeErr := unix.Close(fd); err == nil && closeErr != unix.EINTR {
		err = closeErr
	}
	if err != nil {
		return to.giveUp(err)
	}
	if err := to.publish(0); err != nil {
		return err
	}
	if err := p.still(); err != nil {
		return nil // somebody took it away, which was to be done
	}
	if err := p.spot.discard(p.spot.name); err != nil {
		return err
	}
	return p.spot.syncDir()
}

// copyTo makes a durable copy under the temporary name.
func (p *Partial) copyTo(to spot) error {
	var out *os.File
	err := to.fresh(func() error {
		return to.do("open", to.temp(), func() error {
			fd, err := unix.Openat(to.dir, to.temp(), unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
			if err == nil {
				out = os.NewFile(uintptr(fd), to.path)
			}
			return err
		})
	})
	if err != nil {
		return err
	}
	err = p.copyContent(to, out)
	if err == nil {
		err = to.do("fsync", to.temp(), out.Sync)
	}
	return errors.Join(err, out.Close())
}

// copyContent copies in steps, within the kernel where it can (copy_file_range(2)).
func (p *Partial) copyContent(to spot, out *os.File) error {
	info, err := p.Info()
	if err != nil {
		return err
	}
	for off := int64(0); off < info.Size; {
		step := min(copyStep, info.Size-off)
		err := to.do("write", to.temp(), func() error {
			if _, err := p.lock.Seek(off, io.SeekStart); err != nil {
				return err
			}
			if _, err := out.Seek(off, io.SeekStart); err != nil {
				return err
			}
			_, err := io.CopyN(out, p.lock, step)
			return err
		})
		if err != nil {
			return err
		}
		off += step
	}
	return nil
}

// noRoom says what a copy lacked where that was room.
func (p *Partial) noRoom(to spot, err error) error {
	var st unix.Statfs_t
	info, infoErr := p.Info()
	if !isFull(err) || infoErr != nil || unix.Fstatfs(to.dir, &st) != nil {
		return err
	}
	return &NoSpaceError{to.path, info.Size, int64(st.Bavail) * st.Frsize, err}
}

// openOurs opens a file that this process made, for reading.
func (s spot) openOurs(name string) (int, error) {
	fd, err := unix.Openat(s.dir, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	if err := isOurs(fd, File); err != nil {
		return -1, errors.Join(err, unix.Close(fd))
	}
	return fd, nil
}
