package trace

import "fmt"

// Op is what a point does, whichever of its many system calls was used.
type Op string

// The kinds of point. A recorded Event says in its fields what the op did.
const (
	OpOther       Op = "other" // one that Options.Extra asked for
	OpOpen        Op = "open"
	OpWrite       Op = "write"
	OpCopy        Op = "copy" // like a write, the data coming from another file
	OpTruncate    Op = "truncate"
	OpAllocate    Op = "allocate"
	OpZero        Op = "zero" // a range that becomes a hole or zeros
	OpRename      Op = "rename"
	OpExchange    Op = "exchange"
	OpLink        Op = "link"
	OpSymlink     Op = "symlink"
	OpUnlink      Op = "unlink"
	OpRmdir       Op = "rmdir"
	OpMkdir       Op = "mkdir"
	OpMknod       Op = "mknod"
	OpChmod       Op = "chmod"
	OpChown       Op = "chown"
	OpSetxattr    Op = "setxattr"
	OpRemovexattr Op = "removexattr"
	OpTimes       Op = "times"
	OpFsync       Op = "fsync"
	OpFdatasync   Op = "fdatasync"
	OpSyncRange   Op = "syncrange" // promises nothing: sync_file_range leaves metadata behind
	OpSyncfs      Op = "syncfs"
	OpSync        Op = "sync"
)

// Point is one system call that may change files.
type Point struct {
	// Index counts from 1 over all threads, in the order in which the calls ran.
	Index int
	// Call is the system call's name.
	Call string
	// Op is what kind of change it is.
	Op Op
	// Path is the file, absolute and free of symlinks; empty for sync.
	Path string
	// To is the second path of a rename, exchange or link.
	To string
	// Process and Thread are the ids of the caller.
	Process, Thread int
	// Done is whether the call returned, false for the one that a kill prevented.
	Done bool
	// Result is what the call returned: below zero it is minus an errno.
	Result int64
}

// OK reports whether the call ran and succeeded.
func (p Point) OK() bool { return p.Done && p.Result >= 0 }

// String is the point in one line, as in "12 renameat2 /d/f.tmp -> /d/f".
func (p Point) String() string {
	s := fmt.Sprintf("%d %s %s", p.Index, p.Call, p.Path)
	if p.To != "" {
		s += " -> " + p.To
	}
	return s
}

// Node identifies a file through renames, and apart from later files that get its inode number.
// Zero means that the recorder could not tell.
type Node int

// Event is a point with all of its effect.
type Event struct {
	Point
	// Node is the file that the call worked on: for a rename the one that moved.
	Node Node
	// Created, Unnamed and Truncates say what an open did: made the file, made it without a
	// name (O_TMPFILE), or emptied one that was there.
	Created, Unnamed, Truncates bool
	// Offset is where the data went; Data is what was written.
	Offset int64
	Data   []byte
	// Size is the new length of a truncate, or the length of an allocated or zeroed range.
	Size int64
	// Mode, UID and GID are the file's after the call that created it or changed one of them;
	// Mode is the whole st_mode, type included. Device is the number of a device node.
	Mode     uint32
	UID, GID uint32
	Device   uint64
	// Attr and Value are the name and content of an extended attribute.
	Attr  string
	Value []byte
	// Target is what a symlink says.
	Target string
}
