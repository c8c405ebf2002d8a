package trace

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// decoder fills in the event of a call at its entry. It answers false if the call changes nothing.
type decoder func(*call) bool

// opens is open(dir, path, flags).
func opens(dir, path, flags int) decoder {
	return func(c *call) bool { return c.open(dir, path, c.Args[flags], 0) }
}

func openat2(c *call) bool {
	how, err := c.Memory(c.Args[2], 24)
	if err != nil {
		return c.give(err)
	}
	return c.open(0, 1, binary.NativeEndian.Uint64(how), binary.NativeEndian.Uint64(how[16:]))
}

func (c *call) open(dir, path int, flags, resolve uint64) bool {
	const writes = unix.O_WRONLY | unix.O_RDWR | unix.O_CREAT | unix.O_TRUNC | unix.O_APPEND
	const exclusive = unix.O_CREAT | unix.O_EXCL
	if flags&unix.O_PATH != 0 || flags&writes == 0 {
		return false
	}
	follow := flags&unix.O_NOFOLLOW == 0 && flags&exclusive != exclusive
	file, err := c.opened(dir, path, resolve, follow)
	if !c.on(OpOpen, file, err) {
		return false
	}
	st, err := file.stat()
	if flags&unix.O_TMPFILE == unix.O_TMPFILE {
		c.ev.Created, c.ev.Unnamed = true, true
		return true
	}
	c.ev.Created = err != nil && flags&unix.O_CREAT != 0
	c.ev.Truncates = err == nil && flags&unix.O_TRUNC != 0
	// A device or FIFO is no file on a disk; a directory or symlink will be refused.
	return err != nil || st.Mode&unix.S_IFMT == unix.S_IFREG
}

// opened resolves an open's path, which with RESOLVE_IN_ROOT cannot leave dirfd.
func (c *call) opened(dir, path int, resolve uint64, follow bool) (place, error) {
	if resolve&unix.RESOLVE_IN_ROOT == 0 {
		return c.resolve(dir, path, follow)
	}
	s, err := c.CString(c.Args[path])
	if err != nil {
		return place{}, err
	}
	l := lookup{tid: c.Thread, follow: follow}
	start, err := l.start(c.int(dir))
	if err != nil {
		return place{}, err
	}
	l.root = start.path
	return l.walk(start.path, s), nil
}

// onPath is a call on (dir, path) that always or never follows a symlink.
func onPath(op Op, dir, path int, follow bool) decoder {
	return func(c *call) bool {
		file, err := c.resolve(dir, path, follow)
		return c.on(op, file, err)
	}
}

// onPathAt is a call on (dir, path) with AT_ flags.
func onPathAt(op Op, dir, path, flags int) decoder {
	return func(c *call) bool {
		f := c.Args[flags]
		file, err := c.resolveAt(dir, path, f, f&unix.AT_SYMLINK_NOFOLLOW == 0)
		return c.on(op, file, err)
	}
}

// onFile is a call on a descriptor.
func onFile(op Op, fd int) decoder {
	return func(c *call) bool { return c.onFD(op, c.int(fd)) }
}

// onPair is a call from one (dir, path) to another.
func onPair(op Op, dir, path, dir2, path2 int) decoder {
	return func(c *call) bool {
		from, err := c.resolve(dir, path, false)
		return c.pair(op, from, err, dir2, path2)
	}
}

func (c *call) pair(op Op, from place, err error, dir2, path2 int) bool {
	if !c.on(op, from, err) {
		return false
	}
	to, err := c.resolve(dir2, path2, false)
	if err != nil {
		return c.give(err)
	}
	c.ev.To = to.path
	return true
}

func linkat(c *call) bool {
	from, err := c.resolveAt(0, 1, c.Args[4], c.Args[4]&unix.AT_SYMLINK_FOLLOW != 0)
	return c.pair(OpLink, from, err, 2, 3)
}

func renameat2(c *call) bool {
	op := OpRename
	if c.Args[4]&unix.RENAME_EXCHANGE != 0 {
		op = OpExchange
	}
	c.blind = c.Args[4]&unix.RENAME_WHITEOUT != 0
	return onPair(op, 0, 1, 2, 3)(c)
}

func unlinkat(c *call) bool {
	op := OpUnlink
	if c.Args[2]&unix.AT_REMOVEDIR != 0 {
		op = OpRmdir
	}
	return onPath(op, 0, 1, false)(c)
}

// symlinks is symlink(target, dir, path).
func symlinks(target, dir, path int) decoder {
	return func(c *call) bool {
		s, err := c.CString(c.Args[target])
		if err != nil {
			return c.give(err)
		}
		c.ev.Target = s
		return onPath(OpSymlink, dir, path, false)(c)
	}
}

// attrs adds the name of an extended attribute to a call, and its value if there is one.
func attrs(d decoder, name, value, size int) decoder {
	return func(c *call) bool {
		if !d(c) {
			return false
		}
		var err error
		if c.ev.Attr, err = c.CString(c.Args[name]); err != nil {
			return c.give(err)
		}
		if value > 0 {
			return c.attrValue(c.Args[value], c.Args[size])
		}
		return true
	}
}

// setxattrat hides its value behind a struct xattr_args.
func setxattrat(c *call) bool {
	if !attrs(onPathAt(OpSetxattr, 0, 1, 2), 3, 0, 0)(c) {
		return false
	}
	args, err := c.Memory(c.Args[4], 16)
	if err != nil {
		return c.give(err)
	}
	return c.attrValue(binary.NativeEndian.Uint64(args), uint64(binary.NativeEndian.Uint32(args[8:])))
}

func (c *call) attrValue(addr, size uint64) bool {
	const most = 1 << 16 // XATTR_SIZE_MAX: the kernel refuses more
	if size > most {
		return false
	}
	var err error
	if c.ev.Value, err = c.Memory(addr, int(size)); err != nil {
		return c.give(err)
	}
	return true
}

func wholeSync(c *call) bool {
	c.ev.Op, c.whole = OpSync, true
	return true
}

func syncfs(c *call) bool {
	c.whole = true
	return c.onFD(OpSyncfs, c.int(0))
}
