package crash

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/internal/lab/trace"
)

// Model is what a program did to a tree, and when each part of it became durable.
type Model struct {
	// Ordered limits States to what a journalling file system leaves: no change of names survives
	// an older one in another directory, but for what a sync kept.
	Ordered bool

	root   *inode
	dir    string // where the tree was in the trace
	inodes []*inode
	nodes  map[trace.Node]*inode

	changed []*inode       // those with operations of their own
	points  []int          // the events after which a crash may leave something new
	texts   map[int]string // the events for people
}

// Replay builds the model of the events that a traced run made in dir, which held base before.
// Events elsewhere are left out. One that does not fit base is an error: then something else
// changed the tree too.
func Replay(base *Tree, dir string, events []trace.Event) (*Model, error) {
	m := &Model{dir: path.Clean(dir), nodes: map[trace.Node]*inode{}, points: []int{0}, texts: map[int]string{0: "the start"}}
	m.root = m.adopt(base.root, map[*node]*inode{})
	for i := range events {
		seq, e := i+1, &events[i]
		inside := m.inside(e.Path) || m.inside(e.To) || e.Op == trace.OpSync || e.Op == trace.OpSyncfs
		if !e.OK() || !inside {
			continue
		}
		m.texts[seq] = strings.ReplaceAll(e.Point.String(), m.dir+"/", "/")
		if err := m.event(seq, e); err != nil {
			return nil, fmt.Errorf("cannot replay event %s: %w", e.Point, err)
		}
		m.points = append(m.points, seq)
	}
	seen := map[*inode]bool{}
	for _, ino := range m.inodes {
		ino.mark(seen)
		if ino.hasOps() {
			m.changed = append(m.changed, ino)
		}
	}
	return m, nil
}

// adopt makes inodes of a tree.
func (m *Model) adopt(n *node, seen map[*node]*inode) *inode {
	if ino := seen[n]; ino != nil {
		return ino
	}
	ino := m.inode(n)
	seen[n] = ino
	// In order, since the order of inodes decides which states a seed draws.
	for _, name := range slices.Sorted(maps.Keys(n.entries)) {
		ino.start[name] = m.adopt(n.entries[name], seen)
		ino.live[name] = ino.start[name]
	}
	return ino
}

func (m *Model) inode(n *node) *inode {
	ino := &inode{base: n}
	if n.isDir() {
		ino.start, ino.live = map[string]*inode{}, map[string]*inode{}
	}
	m.inodes = append(m.inodes, ino)
	return ino
}

func (ino *inode) hasOps() bool { return len(ino.names)+len(ino.content)+len(ino.meta) > 0 }

// mark finds what a crash may change. Names that came later made their directory dirty already.
func (ino *inode) mark(seen map[*inode]bool) bool {
	if seen[ino] {
		return ino.dirty
	}
	seen[ino] = true
	ino.dirty = ino.hasOps()
	for _, child := range ino.start {
		if child.mark(seen) {
			ino.dirty = true
		}
	}
	return ino.dirty
}

func (m *Model) inside(p string) bool { return p == m.dir || strings.HasPrefix(p, m.dir+"/") }

var (
	errNoFile = errors.New("the model has no such file")
	errTooBig = errors.New("the file is too big to model")
)

// lookup finds a path in the tree as it is now.
func (m *Model) lookup(p string) (*inode, error) {
	at := m.root
	for name := range strings.SplitSeq(strings.TrimPrefix(p, m.dir), "/") {
		if name == "" {
			continue
		}
		if at = at.live[name]; at == nil {
			return nil, fmt.Errorf("%w: %s", errNoFile, p)
		}
	}
	return at, nil
}

// parent finds the directory of a path, nil if it is outside, and the last name.
func (m *Model) parent(p string) (*inode, string, error) {
	if !m.inside(p) || p == m.dir {
		return nil, "", nil
	}
	dir, name := path.Split(p)
	ino, err := m.lookup(path.Clean(dir))
	if err == nil && ino.live == nil {
		err = fmt.Errorf("%w: %s is no directory", errNoFile, dir)
	}
	return ino, name, err
}

// file is what the event worked on: by its identity, or by name the first time it is met.
func (m *Model) file(e *trace.Event) (*inode, error) {
	if ino := m.nodes[e.Node]; ino != nil {
		return ino, nil
	}
	ino, err := m.lookup(e.Path)
	if err == nil {
		m.bind(e, ino)
	}
	return ino, err
}

func (m *Model) bind(e *trace.Event, ino *inode) {
	if e.Node != 0 {
		m.nodes[e.Node] = ino
	}
}

// event replays one event.
func (m *Model) event(seq int, e *trace.Event) error {
	switch e.Op {
	case trace.OpOpen:
		return m.open(seq, e)
	case trace.OpMkdir, trace.OpMknod, trace.OpSymlink:
		return m.create(seq, e)
	case trace.OpRename, trace.OpExchange:
		return m.rename(seq, e)
	case trace.OpLink:
		return m.link(seq, e)
	case trace.OpUnlink, trace.OpRmdir:
		return m.unlink(seq, e)
	case trace.OpWrite, trace.OpCopy, trace.OpTruncate, trace.OpAllocate, trace.OpZero:
		return m.data(seq, e)
	case trace.OpChmod, trace.OpChown, trace.OpSetxattr, trace.OpRemovexattr:
		return m.status(seq, e)
	case trace.OpFsync, trace.OpFdatasync:
		ino, err := m.file(e)
		if err == nil {
			ino.sync(seq, e.Op == trace.OpFsync)
		}
		return err
	case trace.OpSync, trace.OpSyncfs:
		for _, ino := range m.inodes {
			ino.sync(seq, true)
		}
	}
	return nil
}

// sync makes durable what was done to a file, its mode, owner and attributes only if all is set.
func (ino *inode) sync(seq int, all bool) {
	for _, o := range ino.names {
		o.sync(seq)
	}
	for _, o := range ino.content {
		o.sync(seq)
	}
	if !all {
		return
	}
	for _, o := range ino.meta {
		o.sync(seq)
	}
}
