package host

import (
	"errors"
	"io/fs"
	"path"
	"strconv"

	"golang.org/x/sys/unix"
)

// spot is a path about to be changed: a name in a folder that is held open, so that all
// steps of the change happen in one and the same folder, whatever is renamed meanwhile.
type spot struct {
	f    *Files
	path string // inside the root, for errors and the watcher
	dir  int
	name string
}

// at opens the folder of a path, runs change there and closes it.
func (f *Files) at(verb, name string, change func(spot) error) error {
	p, err := clean(name)
	if err != nil {
		return err
	}
	if p == "/" {
		return named(verb, p, &BusyError{p})
	}
	dir, err := f.r.open(path.Dir(p), unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return f.explain(verb, p, err)
	}
	defer unix.Close(dir)
	return f.explain(verb, p, change(spot{f, p, dir, path.Base(p)}))
}

// explain puts into words why the kernel refused a change.
func (f *Files) explain(verb, name string, err error) error {
	if _, done := errors.AsType[*fs.PathError](err); done {
		return err // another reason around it would hide the path
	}
	switch {
	case errors.Is(err, unix.EROFS):
		err = &reason{"the file system is read-only", err}
	case errors.Is(err, unix.EBUSY):
		if mounted, e := f.IsMountPoint(name); e == nil && mounted {
			err = &BusyError{name}
		}
	case errors.Is(err, unix.EPERM):
		err = f.explainFlags(name, err)
	}
	return named(verb, name, err)
}

// explainFlags finds the attribute that is behind an EPERM, on the path or its folder.
func (f *Files) explainFlags(name string, err error) error {
	for _, p := range []string{name, path.Dir(name)} {
		flags, e := f.Flags(p)
		if e != nil {
			continue
		}
		if flags&Immutable != 0 {
			return &reason{p + " has the immutable attribute (chattr -i)", err}
		}
		if flags&AppendOnly != 0 {
			return &reason{p + " has the append-only attribute (chattr -a)", err}
		}
	}
	return err
}

// do passes one change of a path in this folder through the gate.
func (s spot) do(op, name string, change func() error) error {
	return s.f.gate.do(op, path.Join(path.Dir(s.path), name), change)
}

func (s spot) temp() string { return TempName(s.name) }

// lookAt describes a name in the folder.
func (s spot) lookAt(name string) (Info, error) {
	return infoAt(s.dir, name, unix.AT_SYMLINK_NOFOLLOW)
}

// inProc names an entry of the folder for the calls that take no folder descriptor.
func (s spot) inProc(name string) string {
	return "/proc/self/fd/" + strconv.Itoa(s.dir) + "/" + name
}

// fresh makes something new under the temporary name, after removing what a stopped run
// may have left there.
func (s spot) fresh(create func() error) error {
	err := create()
	if !errors.Is(err, unix.EEXIST) {
		return err
	}
	if err := s.discard(s.temp()); err != nil {
		return err
	}
	return create()
}

// discard removes a name, be it a file or an empty folder; it may be absent.
func (s spot) discard(name string) error {
	info, err := s.lookAt(name)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Kind == Dir {
		return s.do("rmdir", name, func() error { return unix.Unlinkat(s.dir, name, unix.AT_REMOVEDIR) })
	}
	return s.do("unlink", name, func() error { return unix.Unlinkat(s.dir, name, 0) })
}

// giveUp removes the temporary after a failure. That the failure is what is reported, and
// not that its traces could not be removed, is deliberate: the next run removes them.
func (s spot) giveUp(err error) error {
	_ = s.discard(s.temp())
	return err
}

// publish gives the finished temporary its name and makes that durable.
func (s spot) publish(flags uint) error {
	err := s.do("rename", s.name, func() error { return s.rename(flags) })
	if err != nil {
		return s.giveUp(err)
	}
	return s.syncDir()
}

func (s spot) rename(flags uint) error {
	if flags == 0 {
		return unix.Renameat(s.dir, s.temp(), s.dir, s.name)
	}
	err := unix.Renameat2(s.dir, s.temp(), s.dir, s.name, flags)
	if err != unix.EINVAL && err != unix.ENOSYS {
		return err
	}
	// Some network file systems know no flags. What is lost is only that an empty folder
	// which appeared this very moment is replaced.
	if _, err := s.lookAt(s.name); err == nil {
		return unix.EEXIST
	}
	return unix.Renameat(s.dir, s.temp(), s.dir, s.name)
}

// syncDir makes the names in the folder durable.
func (s spot) syncDir() error {
	return s.f.gate.do("fsyncdir", path.Dir(s.path), func() error { return unix.Fsync(s.dir) })
}
