package host

import (
	"errors"
	"io/fs"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// User returns who the process acts as: 0 may give files away and change those of others.
// Windows has no such number and returns -1.
func (t Tree) User() int { return os.Geteuid() }

// Writable returns nil if the process may make, replace and remove what is at a path. For a
// path in folders that do not exist it looks at the nearest one that does.
func (t Tree) Writable(name string) error {
	p, err := clean(name)
	if err != nil {
		return err
	}
	for dir := path.Dir(p); ; dir = path.Dir(dir) {
		fd, err := t.r.open(dir, unix.O_PATH)
		if dir != "/" && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR)) {
			continue
		}
		if err != nil {
			return named("write to", dir, err)
		}
		err = writableFD(fd)
		unix.Close(fd)
		return named("write to", dir, err)
	}
}

func writableFD(fd int) error {
	_, err := retry(func() (int, error) {
		return 0, unix.Faccessat(unix.AT_FDCWD, procFD(fd), unix.W_OK|unix.X_OK, unix.AT_EACCESS)
	})
	return err
}
