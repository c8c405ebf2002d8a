package host

import (
	"io/fs"
	"time"
)

// Tree is the read half of a rooted file tree. Every path is absolute inside the root and
// lexically cleaned. Symbolic links, absolute ones too, are resolved as if the root were
// "/", so nothing outside of it can be reached. Errors name the path inside the root.
type Tree struct{ r *root }

// Root returns the folder that takes the place of "/".
func (t Tree) Root() string { return t.r.name }

// Kind is what a path is.
type Kind uint8

// The kinds of path. Other is a device, a FIFO or a socket.
const (
	Other Kind = iota
	File
	Dir
	Symlink
)

func (k Kind) String() string {
	return [...]string{"special file", "file", "directory", "symlink"}[k]
}

// Info describes a path.
type Info struct {
	Kind Kind
	// Mode holds the permissions with set-uid, set-gid and sticky as the octal bits of
	// chmod(2): 0o4755, not fs.ModeSetuid|0o755. On Windows it is 0.
	Mode fs.FileMode
	// UID and GID are the owner; -1 on Windows.
	UID, GID int
	Size     int64
	Links    uint64
	Dev, Ino uint64
	ModTime  time.Time
}

// Flags are the attributes of a path that forbid changing it, whoever asks.
type Flags uint8

// The flags that chattr(1) calls i and a.
const (
	Immutable Flags = 1 << iota
	AppendOnly
)

// maxLookups bounds how often a look-up that raced with a rename is tried again.
const maxLookups = 1000
