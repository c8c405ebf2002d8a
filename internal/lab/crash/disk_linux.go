package crash

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// Load reads the tree under dir.
func Load(dir string) (*Tree, error) {
	l := loader{seen: map[[2]uint64]*node{}}
	root, err := l.load(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot load tree %s: %w", dir, err)
	}
	if !root.isDir() {
		return nil, fmt.Errorf("cannot load tree %s: not a directory", dir)
	}
	return &Tree{root: root}, nil
}

// loader remembers inodes, so that hard links stay one file.
type loader struct{ seen map[[2]uint64]*node }

func (l loader) load(path string) (*node, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return nil, &os.PathError{Op: "lstat", Path: path, Err: err}
	}
	key := [2]uint64{uint64(st.Dev), st.Ino}
	if n := l.seen[key]; n != nil {
		return n, nil
	}
	n := &node{mode: st.Mode, uid: st.Uid, gid: st.Gid, device: uint64(st.Rdev)}
	l.seen[key] = n
	var err error
	if n.attrs, err = loadAttrs(path); err != nil {
		return nil, err
	}
	switch n.mode & typeMask {
	case typeFile:
		n.data, err = os.ReadFile(path)
	case typeSymlink:
		n.target, err = os.Readlink(path)
	case typeDir:
		err = l.loadEntries(path, n)
	}
	return n, err
}

func (l loader) loadEntries(path string, n *node) error {
	list, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	n.entries = map[string]*node{}
	for _, e := range list {
		if n.entries[e.Name()], err = l.load(filepath.Join(path, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

func loadAttrs(path string) (map[string]string, error) {
	const most = 1 << 16 // both for the list and for one value
	buf := make([]byte, most)
	size, err := unix.Llistxattr(path, buf)
	if errors.Is(err, unix.EOPNOTSUPP) || size == 0 && err == nil {
		return nil, nil
	}
	if err != nil {
		return nil, &os.PathError{Op: "llistxattr", Path: path, Err: err}
	}
	attrs := map[string]string{}
	value := make([]byte, most)
	for name := range bytes.SplitSeq(bytes.TrimSuffix(buf[:size], []byte{0}), []byte{0}) {
		n, err := unix.Lgetxattr(path, string(name), value)
		if err != nil {
			return nil, &os.PathError{Op: "lgetxattr " + string(name), Path: path, Err: err}
		}
		attrs[string(name)] = string(value[:n])
	}
	return attrs, nil
}

// Materialize writes the tree into the empty directory dir, which takes the root's mode and owner.
func (t *Tree) Materialize(dir string) error {
	list, err := os.ReadDir(dir)
	if err == nil && len(list) > 0 {
		err = errors.New("it is not empty")
	}
	if err == nil {
		err = writer{}.fill(dir, t.root)
	}
	if err != nil {
		return fmt.Errorf("cannot write tree into %s: %w", dir, err)
	}
	return nil
}

// writer remembers where each file went first, for its hard links.
type writer map[*node]string

func (w writer) write(path string, n *node) error {
	if first, ok := w[n]; ok && !n.isDir() {
		return os.Link(first, path)
	}
	w[n] = path
	var err error
	switch n.mode & typeMask {
	case typeDir:
		if err = os.Mkdir(path, 0o700); err == nil {
			err = w.fill(path, n)
		}
		return err
	case typeFile:
		err = os.WriteFile(path, n.data, 0o600)
	case typeSymlink:
		err = os.Symlink(n.target, path)
	default:
		err = unix.Mknod(path, n.mode, int(n.device))
	}
	if err != nil {
		return err
	}
	return status(path, n)
}

// fill writes a directory's entries and only then its mode, which may forbid writing.
func (w writer) fill(path string, n *node) error {
	for _, name := range slices.Sorted(maps.Keys(n.entries)) {
		if err := w.write(filepath.Join(path, name), n.entries[name]); err != nil {
			return err
		}
	}
	return status(path, n)
}

// status sets the owner first, as a change of owner takes set-id bits and capabilities away.
func status(path string, n *node) error {
	if err := os.Lchown(path, int(n.uid), int(n.gid)); err != nil {
		return err
	}
	for name, value := range n.attrs {
		if err := unix.Lsetxattr(path, name, []byte(value), 0); err != nil {
			return &os.PathError{Op: "lsetxattr " + name, Path: path, Err: err}
		}
	}
	if n.mode&typeMask == typeSymlink {
		return nil
	}
	return unix.Chmod(path, n.mode&^typeMask)
}
