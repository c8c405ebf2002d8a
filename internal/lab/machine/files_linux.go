package machine

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Put writes a file of the machine, running or off, and makes the folders that lead to it. Links on the way
// are the machine's: none leads out of it.
func (m *Machine) Put(name string, content []byte, mode fs.FileMode) error {
	root, err := m.root()
	if err != nil {
		return err
	}
	defer root.Close()
	if err := mkdirAll(root, path.Dir(name)); err != nil {
		return fmt.Errorf("cannot make the folder of %s in the machine: %w", name, err)
	}
	f, err := openIn(root, name, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	// Whatever the umask of this process.
	return errors.Join(err, f.Chmod(mode), f.Close())
}

// Get reads a file of the machine, running or off.
func (m *Machine) Get(name string) ([]byte, error) {
	root, err := m.root()
	if err != nil {
		return nil, err
	}
	defer root.Close()
	f, err := openIn(root, name, unix.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(f)
	return b, errors.Join(err, f.Close())
}

// PutTree copies a folder of the host, regular files and folders, to the folder name of the machine.
func (m *Machine) PutTree(from, name string) error {
	return filepath.WalkDir(from, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, p)
		if err != nil {
			return err
		}
		return m.Put(path.Join(name, filepath.ToSlash(rel)), b, info.Mode().Perm())
	})
}

// root opens the machine's root folder: that of PID 1, which sees /run and /tmp as programs do, or that of the
// overlay while the machine is off.
func (m *Machine) root() (*os.File, error) {
	at := fmt.Sprintf("/proc/%d/root%s", m.supervisor.Process.Pid, m.merged)
	if p, err := m.on(); err == nil {
		at = fmt.Sprintf("/proc/%d/root", p.pid)
	}
	fd, err := unix.Open(at, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot open the machine's root (is it closed?): %w", err)
	}
	return os.NewFile(uintptr(fd), at), nil
}

// openIn opens a file as a program whose root folder is root would.
func openIn(root *os.File, name string, flags uint64, mode fs.FileMode) (*os.File, error) {
	how := unix.OpenHow{Flags: flags | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT}
	if flags&unix.O_CREAT != 0 {
		how.Mode = uint64(mode.Perm())
	}
	fd, err := unix.Openat2(int(root.Fd()), name, &how)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return os.NewFile(uintptr(fd), name), nil
}

func mkdirAll(root *os.File, dir string) error {
	at := "/"
	for part := range strings.SplitSeq(strings.Trim(dir, "/"), "/") {
		if part == "" {
			continue
		}
		parent, err := openIn(root, at, unix.O_PATH|unix.O_DIRECTORY, 0)
		if err != nil {
			return err
		}
		err = unix.Mkdirat(int(parent.Fd()), part, 0o755)
		if closeErr := parent.Close(); closeErr != nil {
			return closeErr
		}
		if err != nil && !errors.Is(err, unix.EEXIST) {
			return err
		}
		at = path.Join(at, part)
	}
	return nil
}
