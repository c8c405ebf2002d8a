package host

import (
	"errors"
	"path"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// systemRoot is the root of the running system.
const systemRoot = "/"

// root is where a Tree looks paths up.
type root struct {
	name string
	// fd is the open root, or AT_FDCWD for the running system: its paths are absolute,
	// and the kernel resolves them with no help.
	fd int
	// digests are those of files that were hashed.
	digests digests
}

func openRoot(name string) (*root, error) {
	if name == systemRoot {
		return &root{name: name, fd: unix.AT_FDCWD}, nil
	}
	fd, err := retry(func() (int, error) {
		return unix.Open(name, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return nil, err
	}
	return &root{name: name, fd: fd}, nil
}

// running is the tree of the running system, whatever root another tree has.
func running() Tree { return Tree{r: &root{name: systemRoot, fd: unix.AT_FDCWD}} }

func (r *root) system() bool { return r.name == systemRoot }

func (r *root) close() error {
	if r.system() || r.fd < 0 {
		return nil
	}
	fd := r.fd
	r.fd = -1 // later use fails with EBADF and cannot hit a descriptor that took the number
	return unix.Close(fd)
}

// open opens a path as the root resolves it.
func (r *root) open(path string, flags int) (int, error) {
	flags |= unix.O_CLOEXEC
	if r.system() {
		return retry(func() (int, error) { return unix.Open(path, flags, 0) })
	}
	how := &unix.OpenHow{Flags: uint64(flags), Resolve: unix.RESOLVE_IN_ROOT}
	for try := 0; ; try++ {
		fd, err := unix.Openat2(r.fd, path, how)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN && try < maxLookups:
			// Something was renamed while the kernel climbed a "..": it looks again.
			if try%16 == 15 {
				runtime.Gosched()
			}
			continue
		}
		return fd, openat2Error(err)
	}
}

// openat2Error puts into words what has another meaning for openat2 than for open.
func openat2Error(err error) error {
	switch err {
	case nil:
		return nil
	case unix.ENOSYS:
		return &reason{"kernel older than 5.6 has no openat2: --root needs it", err}
	case unix.EXDEV:
		return &reason{"it leads out of the root through a link of /proc", err}
	case unix.EAGAIN:
		return &reason{"files are renamed faster than the path can be looked up", err}
	}
	return err
}

// clean returns the path that is looked up, or an error for one that is none.
func clean(name string) (string, error) {
	if !strings.HasPrefix(name, "/") {
		return "", named("use", name, &reason{"the path is not absolute", unix.EINVAL})
	}
	if strings.IndexByte(name, 0) >= 0 {
		return "", named("use", name, unix.EINVAL)
	}
	return path.Clean(name), nil
}

// retry makes a call that changes nothing until it is not interrupted.
func retry[T any](call func() (T, error)) (T, error) {
	for {
		v, err := call()
		if !errors.Is(err, unix.EINTR) {
			return v, err
		}
	}
}
