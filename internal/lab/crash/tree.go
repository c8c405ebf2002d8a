package crash

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// Tree is a directory tree in memory, with modes, owners, extended attributes and hard links.
type Tree struct{ root *node }

// node is a file of any type. Once in a Tree it does not change.
type node struct {
	mode, uid, gid uint32 // mode is the whole st_mode
	device         uint64
	attrs          map[string]string
	data           []byte
	target         string
	entries        map[string]*node

	digest *Digest // computed once
}

// Digest is equal for equal trees.
type Digest [sha256.Size]byte

// The file types in st_mode, the same on every Unix.
const (
	typeMask    = 0o170000
	typeDir     = 0o040000
	typeFile    = 0o100000
	typeSymlink = 0o120000
)

func (n *node) isDir() bool { return n.mode&typeMask == typeDir }

// Digest is of all that a Tree holds, but for which names are one file.
func (t *Tree) Digest() Digest { return t.root.sum() }

func (n *node) sum() Digest {
	if n.digest != nil {
		return *n.digest
	}
	h := sha256.New()
	for _, v := range []uint64{uint64(n.mode), uint64(n.uid), uint64(n.gid), n.device, uint64(len(n.attrs))} {
		field(h, binary.LittleEndian.AppendUint64(nil, v))
	}
	for _, name := range slices.Sorted(maps.Keys(n.attrs)) {
		field(h, []byte(name))
		field(h, []byte(n.attrs[name]))
	}
	field(h, n.data)
	field(h, []byte(n.target))
	for _, name := range slices.Sorted(maps.Keys(n.entries)) {
		sum := n.entries[name].sum()
		field(h, []byte(name))
		field(h, sum[:])
	}
	n.digest = new(Digest(h.Sum(nil)))
	return *n.digest
}

// field writes b so that no other sequence of fields has the same bytes.
func field(h hash.Hash, b []byte) {
	h.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(b))))
	h.Write(b)
}

// ReadFile is a regular file's content and permissions. The path is relative to the tree, and
// symlinks are not followed.
func (t *Tree) ReadFile(name string) ([]byte, fs.FileMode, error) {
	n := t.root
	for part := range strings.SplitSeq(strings.TrimPrefix(name, "/"), "/") {
		if n = n.entries[part]; n == nil {
			return nil, 0, &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
		}
	}
	if n.mode&typeMask != typeFile {
		return nil, 0, &fs.PathError{Op: "read", Path: name, Err: fs.ErrInvalid}
	}
	return slices.Clone(n.data), fs.FileMode(n.mode & 0o777), nil
}

// Diff lists what u has otherwise than t, one line for each path; none means equal.
func (t *Tree) Diff(u *Tree) []string { return diff("/", t.root, u.root) }

func diff(at string, a, b *node) []string {
	if a.sum() == b.sum() {
		return nil
	}
	var lines []string
	say := func(differ bool, what string, had, has any) {
		if differ {
			lines = append(lines, fmt.Sprintf("%s: %s %v, now %v", at, what, had, has))
		}
	}
	say(a.mode != b.mode, "mode", fmt.Sprintf("%o", a.mode), fmt.Sprintf("%o", b.mode))
	say(a.uid != b.uid || a.gid != b.gid, "owner", fmt.Sprint(a.uid, ":", a.gid), fmt.Sprint(b.uid, ":", b.gid))
	say(a.device != b.device, "device", a.device, b.device)
	say(!maps.Equal(a.attrs, b.attrs), "attributes", a.attrs, b.attrs)
	say(a.target != b.target, "target", a.target, b.target)
	say(!bytes.Equal(a.data, b.data), "content", brief(a.data), brief(b.data))
	names := maps.Clone(a.entries)
	if names == nil {
		names = map[string]*node{}
	}
	maps.Copy(names, b.entries)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		lines = append(lines, diffEntry(path.Join(at, name), a.entries[name], b.entries[name])...)
	}
	return lines
}

func diffEntry(at string, a, b *node) []string {
	switch {
	case a == nil:
		return []string{at + ": new"}
	case b == nil:
		return []string{at + ": gone"}
	}
	return diff(at, a, b)
}

func brief(b []byte) string {
	const most = 60
	if len(b) > most {
		return fmt.Sprintf("%q… (%d bytes)", b[:most], len(b))
	}
	return fmt.Sprintf("%q", b)
}
