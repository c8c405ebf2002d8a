package host

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Tree is the read half of a rooted file tree. Every path is absolute inside the root and
// lexically cleaned. Symbolic links, absolute ones too, are resolved as if the root were
// "/", so nothing outside of it can be reached. Errors name the path inside the root.
type Tree struct {
	r    *root
	pass *pass // nil but in a pass of reading
}

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
	// ChangeTime is when content or attributes last changed (ctime): no program sets it as it likes.
	ChangeTime time.Time
}

// Unchanged reports whether a file is the one that since describes and has not been written to since: it is the same
// inode, with the same size and the same times. See Settle for when that can be relied upon.
func (i Info) Unchanged(since Info) bool {
	return i.Dev == since.Dev && i.Ino == since.Ino && i.Size == since.Size &&
		i.ModTime.Equal(since.ModTime) && i.ChangeTime.Equal(since.ChangeTime)
}

func notFile(k Kind) error {
	if k == Dir {
		return syscall.EISDIR
	}
	return &reason{"it is a " + k.String() + ", not a file", syscall.EINVAL}
}

// Entry is what a folder has under a name.
type Entry struct {
	Name string
	Kind Kind
	// Target is the text of a symbolic link.
	Target string
}

// entries are what was found in a folder, with where its links lead. What is gone meanwhile is left out.
func entries(found []fs.DirEntry, err error, readlink func(name string) (string, error)) ([]Entry, error) {
	out := make([]Entry, 0, len(found))
	for _, f := range found {
		e := Entry{Name: f.Name(), Kind: kindOf(f.Type())}
		if e.Kind == Symlink {
			target, linkErr := readlink(e.Name)
			if errors.Is(linkErr, fs.ErrNotExist) {
				continue
			}
			e.Target, err = target, errors.Join(err, linkErr)
		}
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return out, err
}

func kindOf(m fs.FileMode) Kind {
	switch {
	case m.IsRegular():
		return File
	case m.IsDir():
		return Dir
	case m&fs.ModeSymlink != 0:
		return Symlink
	}
	return Other
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
