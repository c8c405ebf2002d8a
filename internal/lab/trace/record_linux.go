package trace

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// recorder completes events when their calls have returned.
type recorder struct {
	nodes map[inode]Node
	last  Node
}

type inode struct{ dev, ino uint64 }

// node is the id of a file; fresh gives it a new one, since inode numbers are used again.
func (r *recorder) node(st unix.Stat_t, fresh bool) Node {
	key := inode{uint64(st.Dev), st.Ino}
	if n, ok := r.nodes[key]; ok && !fresh {
		return n
	}
	r.last++
	r.nodes[key] = r.last
	return r.last
}

// before notes what will be gone when the call returns.
func (r *recorder) before(c *call) {
	if c.ev.Op != OpUnlink && c.ev.Op != OpRmdir {
		return
	}
	if st, err := c.file.stat(); err == nil {
		c.ev.Node = r.node(st, false)
	}
}

// after fills in what the successful call did.
func (r *recorder) after(c *call) error {
	file := c.file
	switch c.ev.Op {
	case OpOther, OpSync, OpUnlink, OpRmdir:
		return nil
	case OpRename, OpExchange, OpLink:
		file = place{path: c.ev.To, via: c.ev.To}
	case OpOpen:
		opened, err := fdPlace(c.Thread, int(c.ev.Result))
		if err != nil {
			return fmt.Errorf("cannot find the file that %s opened: %w", c.ev.Point, err)
		}
		file, c.ev.Path = opened, opened.path
	case OpWrite:
		c.ev.Data = c.ev.Data[:c.ev.Result]
	case OpCopy:
		if err := c.readBack(); err != nil {
			return fmt.Errorf("cannot read what %s wrote: %w", c.ev.Point, err)
		}
	case OpSetxattr:
		if err := c.attrBack(); err != nil {
			return fmt.Errorf("cannot read what %s set: %w", c.ev.Point, err)
		}
	}
	return r.status(c, file)
}

func (r *recorder) status(c *call, file place) error {
	st, err := file.stat()
	if err != nil {
		return fmt.Errorf("cannot look at the file of %s: %w", c.ev.Point, err)
	}
	made := c.ev.Created || c.ev.Op == OpMkdir || c.ev.Op == OpMknod || c.ev.Op == OpSymlink
	c.ev.Node = r.node(st, made)
	c.ev.Mode, c.ev.UID, c.ev.GID, c.ev.Device = st.Mode, st.Uid, st.Gid, uint64(st.Rdev)
	return nil
}

// readBack takes from the file itself the data that never was in the caller's memory.
func (c *call) readBack() error {
	f, err := os.Open(c.file.via)
	if err != nil {
		return err
	}
	defer f.Close()
	if c.clone {
		c.ev.Data, err = io.ReadAll(f)
		return err
	}
	c.ev.Data = make([]byte, c.ev.Result)
	_, err = f.ReadAt(c.ev.Data, c.ev.Offset)
	return err
}

// attrBack takes the value that the file really has: the kernel rewrites capabilities, and turns
// an access list that says no more than the mode into the mode.
func (c *call) attrBack() error {
	get := unix.Getxattr
	if c.file.via == c.file.path {
		get = unix.Lgetxattr
	}
	value := make([]byte, 1<<16)
	n, err := get(c.file.via, c.ev.Attr, value)
	if err == unix.ENODATA {
		c.ev.Op, c.ev.Value = OpRemovexattr, nil
		return nil
	}
	c.ev.Value = value[:max(n, 0)]
	return err
}
