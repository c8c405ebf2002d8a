package host

import (
	"errors"
	"path"

	"golang.org/x/sys/unix"
)

// Survey looks at a path itself and at its folder, through one look-up. Neither need be there.
func (t Tree) Survey(name string) (Survey, error) {
	p, err := clean(name)
	if err != nil {
		return Survey{}, err
	}
	dir, err := t.r.open(path.Dir(p), unix.O_PATH|unix.O_DIRECTORY)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return t.surveyAbove(p)
	}
	if err != nil {
		return Survey{}, named("look at", name, err)
	}
	defer unix.Close(dir)
	s, err := t.survey(dir, p)
	return s, named("look at", name, err)
}

// surveyAbove is Survey for a path without a folder.
func (t Tree) surveyAbove(p string) (Survey, error) {
	real, err := t.Resolve(p)
	if err != nil && !errors.Is(err, unix.ENOTDIR) {
		return Survey{}, err
	}
	ro, err := t.ReadOnly(p)
	return Survey{Real: real, ReadOnly: ro}, err
}

func (t Tree) survey(dir int, p string) (Survey, error) {
	real, err := t.realOf(dir)
	if err != nil {
		return Survey{}, err
	}
	s := Survey{Real: path.Join(real, path.Base(p))}
	st, err := statxOf(dir)
	if err != nil {
		return s, err
	}
	s.Folder = flagsOf(st)
	base := path.Base(p)
	if p == "/" {
		base = "."
	}
	fd, err := retry(func() (int, error) {
		return unix.Openat(dir, base, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	})
	if err == unix.ENOENT {
		s.ReadOnly, err = readOnly(dir)
		return s, err
	}
	if err != nil {
		return s, err
	}
	defer unix.Close(fd)
	if st, err = statxOf(fd); err != nil {
		return s, err
	}
	if s.Flags, s.Mounted = flagsOf(st), st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0; !tellsMounts(st) {
		if s.Mounted, err = t.inMountinfo(p); err != nil {
			return s, err
		}
	}
	s.ReadOnly, err = readOnly(fd)
	return s, err
}
