package host

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Flags returns the attributes that forbid changing a path, none where the file system
// has no such thing. A symbolic link is looked at itself.
func (t Tree) Flags(name string) (Flags, error) {
	st, err := t.statx(name)
	if err != nil {
		return 0, err
	}
	return flagsOf(st), nil
}

func flagsOf(st *unix.Statx_t) Flags {
	var flags Flags
	if st.Attributes&unix.STATX_ATTR_IMMUTABLE != 0 {
		flags |= Immutable
	}
	if st.Attributes&unix.STATX_ATTR_APPEND != 0 {
		flags |= AppendOnly
	}
	return flags
}

// IsMountPoint reports whether something is mounted at a path, be it a single file.
func (t Tree) IsMountPoint(name string) (bool, error) {
	st, err := t.statx(name)
	if err != nil {
		return false, err
	}
	if tellsMounts(st) {
		return st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0, nil
	}
	return t.inMountinfo(name)
}

// tellsMounts reports whether the kernel says in st what mount points are.
func tellsMounts(st *unix.Statx_t) bool { return st.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT != 0 }

func (t Tree) statx(name string) (*unix.Statx_t, error) {
	fd, err := t.path("look at", name, unix.O_NOFOLLOW)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	st, err := statxOf(fd)
	return st, named("look at", name, err)
}

func statxOf(fd int) (*unix.Statx_t, error) {
	var st unix.Statx_t
	err := unix.Statx(fd, "", unix.AT_EMPTY_PATH|unix.AT_SYMLINK_NOFOLLOW, 0, &st)
	return &st, err
}

// inMountinfo serves kernels before 5.8, whose statx does not tell mount points.
func (t Tree) inMountinfo(name string) (bool, error) {
	fd, err := t.path("look at", name, unix.O_NOFOLLOW)
	if err != nil {
		return false, err
	}
	defer unix.Close(fd)
	real, err := fdPath(fd)
	if err != nil {
		return false, named("look at", name, err)
	}
	table, err := running().ReadFile("/proc/self/mountinfo")
	if err != nil {
		return false, err
	}
	return mountedAt(string(table), real), nil
}

// mountedAt looks for a path among the fifth fields of mountinfo, where blanks are octal.
func mountedAt(table, real string) bool {
	escape := strings.NewReplacer(`\`, `\134`, " ", `\040`, "\t", `\011`, "\n", `\012`)
	want := escape.Replace(real)
	for line := range strings.Lines(table) {
		if f := strings.Fields(line); len(f) > 4 && f[4] == want {
			return true
		}
	}
	return false
}

// ReadOnly reports whether a path is on a file system that is mounted read-only. For a
// path that does not exist it looks at the nearest folder that does.
func (t Tree) ReadOnly(name string) (bool, error) {
	p, err := clean(name)
	if err != nil {
		return false, err
	}
	for flags := unix.O_PATH | unix.O_NOFOLLOW; ; p, flags = path.Dir(p), unix.O_PATH {
		fd, err := t.r.open(p, flags)
		if p != "/" && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR)) {
			continue
		}
		if err != nil {
			return false, named("look at", name, err)
		}
		ro, err := readOnly(fd)
		unix.Close(fd)
		return ro, named("look at", name, err)
	}
}

func readOnly(fd int) (bool, error) {
	var st unix.Statfs_t
	_, err := retry(func() (int, error) { return 0, unix.Fstatfs(fd, &st) })
	return st.Flags&unix.ST_RDONLY != 0, err
}

// Xattrs returns the extended attributes of a path, nil where there are none. A symbolic
// link is looked at itself.
func (t Tree) Xattrs(name string) (map[string][]byte, error) {
	p, err := clean(name)
	if err != nil {
		return nil, err
	}
	if t.r.system() {
		m, err := linkXattrs(p)
		return m, named("read attributes of", name, err)
	}
	fd, err := t.path("read attributes of", name, unix.O_NOFOLLOW)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	// The f-calls refuse a descriptor that only names a place; its entry in /proc leads
	// to the very same file, link or not.
	m, err := readXattrs(
		func(b []byte) (int, error) { return unix.Listxattr(procFD(fd), b) },
		func(key string, b []byte) (int, error) { return unix.Getxattr(procFD(fd), key, b) })
	if errors.Is(err, fs.ErrNotExist) {
		err = &reason{"/proc is not mounted", unix.ENOTSUP}
	}
	return m, named("read attributes of", name, err)
}

func linkXattrs(name string) (map[string][]byte, error) {
	return readXattrs(
		func(b []byte) (int, error) { return unix.Llistxattr(name, b) },
		func(key string, b []byte) (int, error) { return unix.Lgetxattr(name, key, b) })
}

func fdXattrs(fd int) (map[string][]byte, error) {
	return readXattrs(
		func(b []byte) (int, error) { return unix.Flistxattr(fd, b) },
		func(key string, b []byte) (int, error) { return unix.Fgetxattr(fd, key, b) })
}

// readXattrs leaves out what a file system lists and by design does not show: overlayfs
// its own bookkeeping, others what only a more capable process may read.
func readXattrs(list func([]byte) (int, error), get func(string, []byte) (int, error)) (map[string][]byte, error) {
	names, err := grown(list)
	if errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.ENOSYS) {
		return nil, nil
	}
	if err != nil || len(names) == 0 {
		return nil, err
	}
	var m map[string][]byte
	for _, key := range strings.Split(strings.TrimRight(string(names), "\x00"), "\x00") {
		if strings.HasPrefix(key, "trusted.overlay.") {
			continue
		}
		value, err := grown(func(b []byte) (int, error) { return get(key, b) })
		if hidden := []error{unix.ENODATA, unix.EPERM, unix.EACCES, unix.ENOTSUP}; slices.Contains(hidden, err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if m == nil {
			m = map[string][]byte{}
		}
		m[key] = value
	}
	return m, nil
}

// grown makes a call that fills a buffer, with a larger one for as long as it asks.
func grown(fill func([]byte) (int, error)) ([]byte, error) {
	var small [256]byte
	buf := small[:]
	for {
		n, err := fill(buf)
		switch {
		case err == unix.EINTR:
		case err == unix.ERANGE && len(buf) < 1<<20:
			buf = make([]byte, len(buf)*8)
		case err != nil:
			return nil, err
		default:
			return slices.Clone(buf[:n]), nil
		}
	}
}
