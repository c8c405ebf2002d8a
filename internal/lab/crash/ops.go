package crash

import "github.com/agent0-converge/agent0-converge/internal/lab/trace"

// inode is a file of the model. base is as it was at the start, or when it was made; its
// operations tell what became of it, each from when on and since when for good.
type inode struct {
	base    *node
	live    map[string]*inode // a directory's entries at the end of what has been replayed
	start   map[string]*inode // and at the beginning
	names   []*entryOp
	content []*dataOp
	meta    []*metaOp
	dirty   bool // it or something below it has operations
}

// op is what all operations have.
type op struct {
	seq     int    // the event, from 1, that did it
	durable int    // the event that made it last, or 0
	text    string // for people
}

// at reports whether the operation has happened, and whether for good, when a crash comes after
// the given event.
func (o op) at(crash int) (happened, kept bool) {
	return o.seq <= crash, o.durable != 0 && o.durable <= crash
}

func (o *op) sync(seq int) {
	if o.durable == 0 {
		o.durable = seq
	}
}

// entryOp is an atomic change of one directory's names.
type entryOp struct {
	op
	changes []change
	// pair is the other directory's half of a rename. Both happen or none if joined; else this
	// half follows the other if adds is set: a file is not lost on its way.
	pair         *entryOp
	joined, adds bool
}

// change makes name mean file, or nothing if file is nil.
type change struct {
	name string
	file *inode
}

// dataOp is a write, truncate, allocate or zero.
type dataOp struct {
	op
	kind   trace.Op
	offset int64
	size   int64
	data   []byte
}

// metaOp sets mode and owner and perhaps one extended attribute; an access list changes both.
type metaOp struct {
	op
	mode, uid, gid uint32
	attr           string
	value          string
	remove         bool
}

// isWrite reports whether the operation has data that may arrive in part.
func (d *dataOp) isWrite() bool { return len(d.data) > 0 }

// apply is the content after the operation; the argument stays as it is.
func (d *dataOp) apply(content []byte) []byte {
	size := int64(len(content))
	end := d.offset + d.size
	switch d.kind {
	case trace.OpTruncate:
		return resized(content, d.size)
	case trace.OpAllocate:
		return resized(content, max(size, end))
	case trace.OpZero:
		out := resized(content, max(size, end))
		clear(out[d.offset:end])
		return out
	}
	return overwrite(content, d.offset, d.data)
}

func overwrite(content []byte, offset int64, data []byte) []byte {
	if len(data) == 0 {
		return content
	}
	out := resized(content, max(int64(len(content)), offset+int64(len(data))))
	copy(out[offset:], data)
	return out
}

// resized is a copy with another length, zeros being added.
func resized(content []byte, size int64) []byte {
	out := make([]byte, size)
	copy(out, content)
	return out
}

func (m *metaOp) apply(n *node) {
	n.mode, n.uid, n.gid = m.mode, m.uid, m.gid
	switch {
	case m.attr == "":
	case m.remove:
		delete(n.attrs, m.attr)
	default:
		n.attrs[m.attr] = m.value
	}
}
