package host

import (
	"errors"
	"maps"
	"path"
	"slices"

	"golang.org/x/sys/unix"
)

// setAttr opens the path itself, not its folder, so that "/" has attributes to set too.
func (f *Files) setAttr(p string, a Attr) error {
	info, err := f.Lstat(p)
	if err != nil {
		return err
	}
	switch info.Kind {
	case Symlink:
		return f.at("set attributes of", p, func(s spot) error {
			if err := s.dressLink(s.name, a, false); err != nil {
				return err
			}
			return s.syncDir()
		})
	case Other:
		return &reason{"it is a special file", unix.EINVAL}
	}
	fd, err := f.r.open(p, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	s := spot{f, p, -1, path.Base(p)}
	if a.Xattrs == nil && newOwner(info, a) {
		// The kernel takes a file's capabilities away with its owner. Asked to keep the
		// attributes, it must not: the program would no longer start.
		if a.Xattrs, err = fdXattrs(fd); err != nil {
			return err
		}
	}
	if err := s.dress(fd, s.name, a, false); err != nil {
		return err
	}
	return s.do("fsync", s.name, func() error { return unix.Fsync(fd) })
}

// dress gives an open file or folder its attributes. The order matters: chown takes away
// set-uid and capabilities, and an ACL changes what the group bits mean; the mode comes
// last so that it is what was asked for, whatever an ACL or a default ACL says.
func (s spot) dress(fd int, name string, a Attr, fresh bool) error {
	before, err := fdInfo(fd)
	if err != nil {
		return err
	}
	changed, err := s.chown(fd, name, before, a)
	if err != nil {
		return err
	}
	dressed, err := s.dressXattrs(fdStore(fd), name, a.Xattrs, fresh)
	if err != nil {
		return err
	}
	if !changed && !dressed && before.Mode == a.Mode {
		return nil
	}
	return s.do("fchmod", name, func() error { return unix.Fchmod(fd, uint32(a.Mode)&0o7777) })
}

func (s spot) chown(fd int, name string, before Info, a Attr) (bool, error) {
	if !newOwner(before, a) {
		return false, nil
	}
	return true, s.do("fchown", name, func() error { return unix.Fchown(fd, a.UID, a.GID) })
}

func newOwner(before Info, a Attr) bool {
	return a.UID != -1 && a.UID != before.UID || a.GID != -1 && a.GID != before.GID
}

// dressLink is dress for a symbolic link, which cannot be opened.
func (s spot) dressLink(name string, a Attr, fresh bool) error {
	fd, err := unix.Openat(s.dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if fresh {
		if err := isOurs(fd, Symlink); err != nil {
			return err
		}
	}
	before, err := fdInfo(fd)
	if err != nil {
		return err
	}
	if newOwner(before, a) {
		err := s.do("lchown", name, func() error {
			return unix.Fchownat(fd, "", a.UID, a.GID, unix.AT_EMPTY_PATH|unix.AT_SYMLINK_NOFOLLOW)
		})
		if err != nil {
			return err
		}
	}
	_, err = s.dressXattrs(pathStore(s.inProc(name)), name, a.Xattrs, fresh)
	return err
}

// xattrStore is where extended attributes are: an open file or the path of a link.
type xattrStore struct {
	list        func() (map[string][]byte, error)
	set         func(key string, value []byte) error
	remove      func(key string) error
	setOp, rmOp string
}

func fdStore(fd int) xattrStore {
	return xattrStore{
		list:   func() (map[string][]byte, error) { return fdXattrs(fd) },
		set:    func(key string, value []byte) error { return unix.Fsetxattr(fd, key, value, 0) },
		remove: func(key string) error { return unix.Fremovexattr(fd, key) },
		setOp:  "fsetxattr", rmOp: "fremovexattr",
	}
}

func pathStore(name string) xattrStore {
	return xattrStore{
		list:   func() (map[string][]byte, error) { return linkXattrs(name) },
		set:    func(key string, value []byte) error { return unix.Lsetxattr(name, key, value, 0) },
		remove: func(key string) error { return unix.Lremovexattr(name, key) },
		setOp:  "setxattr", rmOp: "removexattr",
	}
}

// xattrs reads those of a name in the folder.
func (s spot) xattrs(name string) (map[string][]byte, error) {
	if s.f.r.system() {
		return linkXattrs(path.Join(path.Dir(s.path), name))
	}
	return linkXattrs(s.inProc(name))
}

// dressXattrs makes want all the extended attributes there are, and reports whether it
// changed any. With nil it takes only the access ACL off a new file, which a default ACL
// of the folder left there.
func (s spot) dressXattrs(x xattrStore, name string, want map[string][]byte, fresh bool) (bool, error) {
	if want == nil && !fresh {
		return false, nil
	}
	have, err := x.list()
	if err != nil {
		return false, err
	}
	changed := false
	for _, key := range slices.Sorted(maps.Keys(have)) {
		if _, wanted := want[key]; wanted || !removable(key) || want == nil && key != "system.posix_acl_access" {
			continue
		}
		changed = true
		err := s.do(x.rmOp, name, func() error { return x.remove(key) })
		if err != nil && !errors.Is(err, unix.ENODATA) {
			return true, err
		}
	}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if value, ok := have[key]; ok && string(value) == string(want[key]) {
			continue
		}
		changed = true
		if err := s.do(x.setOp, name, func() error { return x.set(key, want[key]) }); err != nil {
			return true, &reason{"attribute " + key + ": " + err.Error(), err}
		}
	}
	return changed, nil
}
