package host

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"golang.org/x/sys/windows"
)

// located runs a call with the place where a path is, and names the path in its error.
func located[T any](t Tree, verb, name string, follow bool, call func(full string) (T, error)) (T, error) {
	full, err := t.r.locate(name, follow)
	if err != nil {
		var none T
		return none, named(verb, name, err)
	}
	v, err := call(full)
	return v, named(verb, name, bare(err))
}

// ReadFile returns a file's content. It follows a symbolic link inside the root and
// refuses what is not a regular file.
func (t Tree) ReadFile(name string) ([]byte, error) {
	return located(t, "read", name, true, func(full string) ([]byte, error) {
		f, err := openRegular(full)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return io.ReadAll(f)
	})
}

// Open opens a regular file for reading. It follows a symbolic link inside the root. The
// caller closes it.
func (t Tree) Open(name string) (*os.File, error) {
	return located(t, "open", name, true, openRegular)
}

func openRegular(full string) (*os.File, error) {
	info, err := os.Stat(full)
	if err == nil && info.IsDir() {
		err = syscall.EISDIR
	}
	if err == nil && !info.Mode().IsRegular() {
		err = &reason{"it is a special file", syscall.EINVAL}
	}
	if err != nil {
		return nil, err
	}
	return os.Open(full)
}

// Stat describes a path, following a symbolic link inside the root.
func (t Tree) Stat(name string) (Info, error) {
	return located(t, "look at", name, true, func(full string) (Info, error) { return info(full, os.Stat, 0) })
}

// Lstat describes a path; a symbolic link is described itself.
func (t Tree) Lstat(name string) (Info, error) {
	return located(t, "look at", name, false, func(full string) (Info, error) {
		return info(full, os.Lstat, windows.FILE_FLAG_OPEN_REPARSE_POINT)
	})
}

func info(full string, stat func(string) (fs.FileInfo, error), flags uint32) (Info, error) {
	st, err := stat(full)
	if err != nil {
		return Info{}, err
	}
	p, err := windows.UTF16PtrFromString(full)
	if err != nil {
		return Info{}, err
	}
	h, err := windows.CreateFile(p, 0, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE,
		nil, windows.OPEN_EXISTING, windows.FILE_FLAG_BACKUP_SEMANTICS|flags, 0)
	if err != nil {
		return Info{}, err
	}
	defer windows.CloseHandle(h)
	return handleInfo(h, st)
}

// handleInfo is what is open, with what st does not tell.
func handleInfo(h windows.Handle, st fs.FileInfo) (Info, error) {
	var more windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(h, &more); err != nil {
		return Info{}, err
	}
	return Info{
		Kind: kindOf(st.Mode()), UID: -1, GID: -1, Size: st.Size(), Links: uint64(more.NumberOfLinks),
		Dev: uint64(more.VolumeSerialNumber), Ino: uint64(more.FileIndexHigh)<<32 | uint64(more.FileIndexLow),
		ModTime: st.ModTime(), ChangeTime: changeTime(h, st.ModTime()),
	}, nil
}

// Readlink returns what a symbolic link points to, as it was written.
func (t Tree) Readlink(name string) (string, error) {
	return located(t, "read link", name, false, os.Readlink)
}

// ReadDir returns the sorted names in a folder.
func (t Tree) ReadDir(name string) ([]string, error) {
	return located(t, "list", name, true, func(full string) ([]string, error) {
		dir, err := os.Open(full)
		if err != nil {
			return nil, err
		}
		defer dir.Close()
		names, err := dir.Readdirnames(-1)
		slices.Sort(names)
		return names, err
	})
}

// Scan returns what is in a folder, sorted by name.
func (t Tree) Scan(name string) ([]Entry, error) {
	return located(t, "list", name, true, func(full string) ([]Entry, error) {
		found, err := os.ReadDir(full)
		return entries(found, err, func(name string) (string, error) { return os.Readlink(filepath.Join(full, name)) })
	})
}

// Xattrs returns nil: Windows has no extended attributes of this kind.
func (t Tree) Xattrs(name string) (map[string][]byte, error) {
	_, err := t.Lstat(name)
	return nil, err
}

// Flags returns Immutable for a file with the read-only attribute.
func (t Tree) Flags(name string) (Flags, error) {
	return located(t, "look at", name, false, func(full string) (Flags, error) {
		p, err := windows.UTF16PtrFromString(full)
		if err != nil {
			return 0, err
		}
		attributes, err := windows.GetFileAttributes(p)
		if err != nil || attributes&windows.FILE_ATTRIBUTE_DIRECTORY != 0 { // folders: it means something else
			return 0, err
		}
		if attributes&windows.FILE_ATTRIBUTE_READONLY != 0 {
			return Immutable, nil
		}
		return 0, nil
	})
}

// IsMountPoint reports whether a volume is mounted at a path.
func (t Tree) IsMountPoint(name string) (bool, error) {
	return located(t, "look at", name, false, func(full string) (bool, error) {
		if _, err := os.Lstat(full); err != nil {
			return false, err
		}
		volume, err := volumeOf(full)
		return filepath.Clean(volume) == filepath.Clean(full), err
	})
}

// ReadOnly reports whether a path is on a volume that is read-only. For a path that does
// not exist it looks at the nearest folder that does.
func (t Tree) ReadOnly(name string) (bool, error) {
	return located(t, "look at", name, false, func(full string) (bool, error) {
		for ; ; full = filepath.Dir(full) {
			_, err := os.Lstat(full)
			if errors.Is(err, fs.ErrNotExist) && full != filepath.Dir(full) {
				continue
			}
			if err != nil {
				return false, err
			}
			return volumeReadOnly(full)
		}
	})
}

func volumeOf(full string) (string, error) {
	p, err := windows.UTF16PtrFromString(full)
	if err != nil {
		return "", err
	}
	buf := make([]uint16, max(windows.MAX_PATH, len(full)+1))
	if err := windows.GetVolumePathName(p, &buf[0], uint32(len(buf))); err != nil {
		return "", err
	}
	return windows.UTF16ToString(buf), nil
}

func volumeReadOnly(full string) (bool, error) {
	volume, err := volumeOf(full)
	if err != nil {
		return false, err
	}
	p, err := windows.UTF16PtrFromString(volume)
	if err != nil {
		return false, err
	}
	var flags uint32
	err = windows.GetVolumeInformation(p, nil, 0, nil, nil, &flags, nil, 0)
	return flags&windows.FILE_READ_ONLY_VOLUME != 0, err
}

// Resolve returns the real path inside the root: the links of the parents are resolved,
// the last name is not. Parents that do not exist yet stay as they are written. Under a
// root that is not the running system there are none to resolve.
func (t Tree) Resolve(name string) (string, error) {
	p, err := clean(name)
	if err != nil || !t.r.system() {
		return p, err
	}
	dir, rest := filepath.Split(p)
	for {
		real, err := filepath.EvalSymlinks(dir)
		if err == nil {
			return filepath.Join(real, rest), nil
		}
		up := filepath.Dir(filepath.Clean(dir))
		if !errors.Is(err, fs.ErrNotExist) || up == filepath.Clean(dir) {
			return "", named("resolve", name, bare(err))
		}
		dir, rest = up, filepath.Join(filepath.Base(dir), rest)
	}
}
