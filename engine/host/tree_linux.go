package host

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// ReadFile returns a file's content. It follows a symbolic link inside the root, refuses
// what is not a regular file, and never blocks on a FIFO.
func (t Tree) ReadFile(name string) ([]byte, error) {
	fd, info, err := t.openFile("read", name, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	if info.Kind != File {
		return nil, named("read", name, notFile(info.Kind))
	}
	b, err := readAll(fd, info.Size)
	return b, named("read", name, err)
}

// Open opens a regular file or a block device for reading. It follows a symbolic link
// inside the root. The caller closes it.
func (t Tree) Open(name string) (*os.File, error) {
	fd, info, err := t.openFile("open", name, 0)
	if err != nil {
		return nil, err
	}
	if info.Kind != File && !isBlock(fd) {
		unix.Close(fd)
		return nil, named("open", name, notFile(info.Kind))
	}
	if err := unix.SetNonblock(fd, false); err != nil {
		unix.Close(fd)
		return nil, named("open", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// openFile opens without blocking, so that the caller can look at what it got.
func (t Tree) openFile(verb, name string, flags int) (int, Info, error) {
	p, err := clean(name)
	if err != nil {
		return -1, Info{}, err
	}
	fd, err := t.r.open(p, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|flags)
	if err != nil {
		return -1, Info{}, named(verb, name, err)
	}
	info, err := fdInfo(fd)
	if err != nil {
		unix.Close(fd)
		return -1, Info{}, named(verb, name, err)
	}
	return fd, info, nil
}

func isBlock(fd int) bool {
	var st unix.Stat_t
	return unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFBLK
}

// readAll reads to the end: the size is a hint only, files in /proc say 0.
func readAll(fd int, size int64) ([]byte, error) {
	buf := make([]byte, 0, max(size+1, 512))
	for {
		if len(buf) == cap(buf) {
			buf = slices.Grow(buf, cap(buf))
		}
		n, err := retry(func() (int, error) { return unix.Read(fd, buf[len(buf):cap(buf)]) })
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return buf, nil
		}
		buf = buf[:len(buf)+n]
	}
}

// Stat describes a path, following a symbolic link inside the root.
func (t Tree) Stat(name string) (Info, error) { return t.stat(name, 0, 0) }

// Lstat describes a path; a symbolic link is described itself.
func (t Tree) Lstat(name string) (Info, error) {
	return t.stat(name, unix.O_NOFOLLOW, unix.AT_SYMLINK_NOFOLLOW)
}

func (t Tree) stat(name string, openFlag, statFlag int) (Info, error) {
	p, err := clean(name)
	if err != nil {
		return Info{}, err
	}
	if t.r.system() {
		info, err := infoAt(unix.AT_FDCWD, p, statFlag)
		return info, named("look at", name, err)
	}
	fd, err := t.r.open(p, unix.O_PATH|openFlag)
	if err != nil {
		return Info{}, named("look at", name, err)
	}
	defer unix.Close(fd)
	info, err := fdInfo(fd)
	return info, named("look at", name, err)
}

func infoAt(dir int, name string, flags int) (Info, error) {
	var st unix.Stat_t
	for {
		err := unix.Fstatat(dir, name, &st, flags)
		if err == nil {
			return newInfo(&st), nil
		}
		if err != unix.EINTR {
			return Info{}, err
		}
	}
}

func fdInfo(fd int) (Info, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return Info{}, err
	}
	return newInfo(&st), nil
}

func newInfo(st *unix.Stat_t) Info {
	kind := Other
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		kind = File
	case unix.S_IFDIR:
		kind = Dir
	case unix.S_IFLNK:
		kind = Symlink
	}
	return Info{
		Kind: kind, Mode: fs.FileMode(st.Mode & 0o7777),
		UID: int(st.Uid), GID: int(st.Gid),
		Size: st.Size, Links: uint64(st.Nlink), Dev: uint64(st.Dev), Ino: st.Ino,
		ModTime: time.Unix(st.Mtim.Unix()), ChangeTime: time.Unix(st.Ctim.Unix()),
	}
}

// Readlink returns what a symbolic link points to, as it was written.
func (t Tree) Readlink(name string) (string, error) {
	fd, err := t.path("read link", name, unix.O_NOFOLLOW)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	target, err := readlinkAt(fd, "")
	if err == unix.ENOENT { // what readlinkat says of an open file that is no link
		err = unix.EINVAL
	}
	return target, named("read link", name, err)
}

// path opens a place in the tree without opening the file that is there.
func (t Tree) path(verb, name string, flags int) (int, error) {
	p, err := clean(name)
	if err != nil {
		return -1, err
	}
	fd, err := t.r.open(p, unix.O_PATH|flags)
	return fd, named(verb, name, err)
}

func readlinkAt(dir int, name string) (string, error) {
	for size := 256; ; size *= 4 {
		buf := make([]byte, size)
		n, err := unix.Readlinkat(dir, name, buf)
		if err != nil {
			return "", err
		}
		if n < size {
			return string(buf[:n]), nil
		}
	}
}

// ReadDir returns the sorted names in a folder.
func (t Tree) ReadDir(name string) ([]string, error) {
	p, err := clean(name)
	if err != nil {
		return nil, err
	}
	fd, err := t.r.open(p, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, named("list", name, err)
	}
	dir := os.NewFile(uintptr(fd), name)
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	slices.Sort(names)
	return names, named("list", name, err)
}

// Scan returns what is in a folder, sorted by name.
func (t Tree) Scan(name string) ([]Entry, error) {
	p, err := clean(name)
	if err != nil {
		return nil, err
	}
	fd, err := t.r.open(p, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, named("list", name, err)
	}
	dir := os.NewFile(uintptr(fd), procFD(fd)) // a name by which what has no type in the folder can be looked at
	defer dir.Close()
	found, err := dir.ReadDir(-1)
	out, err := entries(found, err, func(name string) (string, error) { return readlinkAt(fd, name) })
	return out, named("list", name, err)
}

// Resolve returns the real path inside the root: the symbolic links of the parents are
// resolved, the last name is not. Parents that do not exist yet stay as they are written.
func (t Tree) Resolve(name string) (string, error) {
	p, err := clean(name)
	if err != nil || p == "/" {
		return p, err
	}
	dir, rest := path.Split(p)
	for {
		real, err := t.real(path.Clean(dir))
		if err == nil {
			return path.Join(real, rest), nil
		}
		if !errors.Is(err, fs.ErrNotExist) || path.Clean(dir) == "/" {
			return "", named("resolve", name, err)
		}
		parent, base := path.Split(path.Clean(dir))
		dir, rest = parent, path.Join(base, rest)
	}
}

// real asks the kernel for the path of an open folder, less that of the root.
func (t Tree) real(dir string) (string, error) {
	fd, err := t.r.open(dir, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	return t.realOf(fd)
}

func (t Tree) realOf(fd int) (string, error) {
	real, err := fdPath(fd)
	if err != nil || t.r.system() {
		return real, err
	}
	top, err := fdPath(t.r.fd)
	if err != nil {
		return "", err
	}
	if top == "/" {
		return real, nil
	}
	inside, ok := strings.CutPrefix(real, top)
	if !ok {
		return "", &reason{"the root was moved while the path was looked up", unix.EAGAIN}
	}
	return path.Join("/", inside), nil
}

func fdPath(fd int) (string, error) {
	name, err := readlinkAt(unix.AT_FDCWD, procFD(fd))
	if err != nil {
		return "", &reason{"/proc is not mounted", unix.ENOTSUP}
	}
	return name, nil
}

func procFD(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }
