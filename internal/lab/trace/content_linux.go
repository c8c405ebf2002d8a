package trace

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// here is the offset argument that means the descriptor's own position.
const here = -1

// writes is write(fd, buffer, count) or pwrite64 with an offset argument.
func writes(offset int) decoder {
	return func(c *call) bool {
		return c.write(offset, 0, func() ([]byte, error) { return c.Memory(c.Args[1], int(c.Args[2])) })
	}
}

// writesVector is writev and its kin; flags is the argument that pwritev2 has, or here.
func writesVector(offset, flags int) decoder {
	return func(c *call) bool {
		var rwf uint64
		if flags != here {
			rwf = c.Args[flags]
		}
		return c.write(offset, rwf, func() ([]byte, error) {
			return readVector(c.Thread, c.Args[1], c.int(2))
		})
	}
}

func (c *call) write(offset int, rwf uint64, data func() ([]byte, error)) bool {
	st, ok := c.onRegular(OpWrite, c.int(0))
	if !ok {
		return false
	}
	if !c.record {
		return true
	}
	pos, flags, err := c.position(c.int(0))
	if err != nil {
		return c.give(err)
	}
	c.ev.Offset = pos
	if offset != here && int64(c.Args[offset]) >= 0 {
		c.ev.Offset = int64(c.Args[offset])
	}
	// On Linux appending wins even over the offset of pwrite.
	if flags&unix.O_APPEND != 0 || rwf&unix.RWF_APPEND != 0 {
		c.ev.Offset = st.Size
	}
	if c.ev.Data, err = data(); err != nil {
		return c.give(err)
	}
	return true
}

// copies is a call by which the kernel moves data into a file; offset points at a loff_t.
func copies(fd, offset int) decoder {
	return func(c *call) bool {
		st, ok := c.onRegular(OpCopy, c.int(fd))
		if !ok {
			return false
		}
		pos, flags, err := c.position(c.int(fd))
		if err != nil {
			return c.give(err)
		}
		c.ev.Offset = pos
		if flags&unix.O_APPEND != 0 {
			c.ev.Offset = st.Size
		}
		if offset == here || c.Args[offset] == 0 {
			return true
		}
		b, err := c.Memory(c.Args[offset], 8)
		if err != nil {
			return c.give(err)
		}
		c.ev.Offset = int64(binary.NativeEndian.Uint64(b))
		return true
	}
}

// The ioctls that share blocks between files.
const (
	ficlone      = 0x40049409
	ficloneRange = 0x4020940d
)

func ioctl(c *call) bool {
	if c.Args[1] != ficlone && c.Args[1] != ficloneRange {
		return false
	}
	c.clone = true
	_, ok := c.onRegular(OpCopy, c.int(0))
	return ok
}

func truncate(c *call) bool {
	c.ev.Size = int64(c.Args[1])
	return onPath(OpTruncate, cwd, 0, true)(c)
}

func ftruncate(c *call) bool {
	c.ev.Size = int64(c.Args[1])
	_, ok := c.onRegular(OpTruncate, c.int(0))
	return ok
}

func fallocate(c *call) bool {
	st, ok := c.onRegular(OpAllocate, c.int(0))
	if !ok {
		return false
	}
	mode := c.Args[1]
	c.ev.Offset, c.ev.Size = int64(c.Args[2]), int64(c.Args[3])
	if mode&unix.FALLOC_FL_KEEP_SIZE != 0 {
		c.ev.Size = max(0, min(c.ev.Size, st.Size-c.ev.Offset))
	}
	switch mode &^ unix.FALLOC_FL_KEEP_SIZE {
	case 0:
	case unix.FALLOC_FL_PUNCH_HOLE, unix.FALLOC_FL_ZERO_RANGE:
		c.ev.Op = OpZero
	default:
		c.blind = true
	}
	return true
}

// mapping notices a shared writable mapping of a file. It is never a point.
func mapping(c *call) bool {
	if c.Args[3]&unix.MAP_SHARED == 0 || c.Args[2]&unix.PROT_WRITE == 0 || c.int(4) < 0 {
		return false
	}
	_, c.blind = c.onRegular(OpOther, c.int(4))
	return false
}

// ring notices io_uring, whose writes are no system calls at all.
func ring(c *call) bool {
	c.blind, c.whole = true, true
	return false
}
