package trace

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Syscall is one call at its entry, its thread being stopped.
type Syscall struct {
	// Name is the call's name, or "syscall 123" for one this package has no name for.
	Name string
	// Nr is its number, one of unix.SYS_*.
	Nr uint64
	// Args are its arguments as they are in the registers.
	Args [6]uint64
	// Process and Thread are the ids of the caller.
	Process, Thread int
}

// Memory copies n bytes of the caller's memory.
func (s Syscall) Memory(addr uint64, n int) ([]byte, error) { return readMemory(s.Thread, addr, n) }

// CString copies a NUL-terminated string of the caller's memory.
func (s Syscall) CString(addr uint64) (string, error) { return readString(s.Thread, addr) }

// FD is what the caller's descriptor refers to: a path, or a name such as "socket:[123]".
func (s Syscall) FD(fd int) (string, error) {
	return os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", s.Thread, fd))
}

// call is a syscall on its way to being an event.
type call struct {
	Syscall
	ev     Event
	file   place // the file of ev.Path
	record bool  // whether data is wanted too
	whole  bool  // concerns a whole file system, whatever the path
	blind  bool  // can change files in a way that ev does not tell
	clone  bool  // data is the whole file afterwards
	err    error // why we could not tell what it is
}

// give ends the decoding of a call that cannot be a point: its pointers or descriptors are bad,
// and it will fail. Any other reason is our own failure to look, which must not pass in silence.
func (c *call) give(err error) bool {
	for _, own := range []error{unix.EFAULT, unix.EBADF, unix.EINVAL, unix.ENAMETOOLONG, unix.ESRCH, fs.ErrNotExist} {
		if errors.Is(err, own) {
			return false
		}
	}
	c.err = fmt.Errorf("cannot decode %s: %w", c.Name, err)
	return false
}

// cwd stands for "no dirfd argument": paths start at the working directory.
const cwd = -1

// int is an argument as the C int that descriptors and flags are.
func (c *call) int(i int) int {
	if i == cwd {
		return unix.AT_FDCWD
	}
	return int(int32(c.Args[i]))
}

// resolve finds the file that a dirfd and a path argument name.
func (c *call) resolve(dir, path int, follow bool) (place, error) {
	s, err := c.CString(c.Args[path])
	if err != nil {
		return place{}, err
	}
	if s == "" {
		return place{}, unix.ENOENT
	}
	l := lookup{tid: c.Thread, root: rootOf(c.Thread), follow: follow}
	if strings.HasPrefix(s, "/") {
		return l.walk("/", s), nil
	}
	start, err := l.start(c.int(dir))
	if err != nil {
		return place{}, err
	}
	return l.walk(start.path, s), nil
}

// resolveAt is resolve for the calls that take AT_ flags or work on dirfd itself if path is empty.
func (c *call) resolveAt(dir, path int, flags uint64, follow bool) (place, error) {
	if c.Args[path] == 0 {
		return lookup{tid: c.Thread}.start(c.int(dir))
	}
	if flags&unix.AT_EMPTY_PATH != 0 {
		if s, err := c.CString(c.Args[path]); err != nil || s == "" {
			p, startErr := lookup{tid: c.Thread}.start(c.int(dir))
			return p, errors.Join(err, startErr)
		}
	}
	return c.resolve(dir, path, follow)
}

// on makes the call a point of kind op on a file.
func (c *call) on(op Op, file place, err error) bool {
	if err != nil {
		return c.give(err)
	}
	c.ev.Op, c.ev.Path, c.file = op, file.path, file
	return true
}

// onFD makes the call a point on what a descriptor refers to, unless that is no file on a disk.
func (c *call) onFD(op Op, fd int) bool {
	file, err := fdPlace(c.Thread, fd)
	if err == nil && (!strings.HasPrefix(file.path, "/") || strings.HasPrefix(file.path, "/memfd:")) {
		return false
	}
	return c.on(op, file, err)
}

// onRegular is onFD for what only a regular file has: content. It leaves out terminals,
// /dev/null and FIFOs.
func (c *call) onRegular(op Op, fd int) (unix.Stat_t, bool) {
	if !c.onFD(op, fd) {
		return unix.Stat_t{}, false
	}
	st, err := c.file.stat()
	if err != nil {
		return st, c.give(err)
	}
	return st, st.Mode&unix.S_IFMT == unix.S_IFREG
}

// position is the descriptor's file offset and its open flags.
func (c *call) position(fd int) (pos int64, flags int64, err error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%d", c.Thread, fd))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(b)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch value = strings.TrimSpace(value); key {
		case "pos":
			pos, err = strconv.ParseInt(value, 10, 64)
		case "flags":
			flags, err = strconv.ParseInt(value, 8, 64)
		}
		if err != nil {
			return 0, 0, err
		}
	}
	return pos, flags, nil
}

// stat is the file's own status, also if it has no name any more.
func (p place) stat() (st unix.Stat_t, err error) {
	if p.via == p.path {
		err = unix.Lstat(p.via, &st)
	} else {
		err = unix.Stat(p.via, &st)
	}
	return st, err
}
