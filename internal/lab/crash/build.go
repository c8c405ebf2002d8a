package crash

import (
	"fmt"
	"maps"
	"slices"
)

// builder makes the tree that one choice leaves.
type builder struct {
	choice
	chosen map[*entryOp]bool // durable or kept by the choice
	made   map[*inode]*node
	above  map[*inode]bool  // the directories being made, which cannot be in themselves
	lost   map[int][]string // by event: what became of it
}

func (m *Model) build(c choice) *builder {
	b := &builder{choice: c, chosen: map[*entryOp]bool{}, made: map[*inode]*node{}, above: map[*inode]bool{}, lost: map[int][]string{}}
	for _, ino := range m.changed {
		kept, open := lasting(ino.names, c.at)
		for i, o := range ino.names[:kept+open] {
			b.chosen[o] = i < kept+c.names[ino]
		}
	}
	b.make(m.root)
	return b
}

// note says what became of an operation.
func (b *builder) note(o op, what string) { b.lost[o.seq] = append(b.lost[o.seq], what+" "+o.text) }

func (b *builder) make(ino *inode) *node {
	if !ino.dirty {
		return ino.base
	}
	if n := b.made[ino]; n != nil {
		return n
	}
	n := &node{mode: ino.base.mode, uid: ino.base.uid, gid: ino.base.gid, device: ino.base.device, target: ino.base.target}
	b.made[ino] = n
	n.data = b.data(ino)
	b.meta(ino, n)
	if ino.start != nil {
		b.entries(ino, n)
	}
	return n
}

func (b *builder) entries(ino *inode, n *node) {
	files := maps.Clone(ino.start)
	for _, o := range ino.names {
		if happened, _ := o.at(b.at); !happened {
			break
		}
		if !b.applied(o) {
			b.note(o.op, "lost")
			continue
		}
		for _, c := range o.changes {
			if c.file == nil {
				delete(files, c.name)
			} else {
				files[c.name] = c.file
			}
		}
	}
	b.above[ino] = true
	n.entries = map[string]*node{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !b.above[files[name]] {
			n.entries[name] = b.make(files[name])
		}
	}
	delete(b.above, ino)
}

// applied is whether a change of names is on the disk: itself, or on account of its other half.
func (b *builder) applied(o *entryOp) bool {
	return b.chosen[o] || o.pair != nil && b.chosen[o.pair] && (o.joined || o.adds)
}

func (b *builder) meta(ino *inode, n *node) {
	n.attrs = maps.Clone(ino.base.attrs)
	if n.attrs == nil {
		n.attrs = map[string]string{}
	}
	kept, open := lasting(ino.meta, b.at)
	for i, o := range ino.meta[:kept+open] {
		if i < kept+b.choice.meta[ino] {
			o.apply(n)
		} else {
			b.note(o.op, "lost")
		}
	}
}

func (b *builder) data(ino *inode) []byte {
	content := ino.base.data
	kept, open := lasting(ino.content, b.at)
	for _, o := range ino.content[:kept] {
		content = o.apply(content)
	}
	f := b.content[ino]
	for i, o := range ino.content[kept : kept+open] {
		switch number := i + 1; {
		case number > f.keep || number == f.skip:
			b.note(o.op, "lost")
		case number == f.keep && f.last != whole:
			b.note(o.op, fmt.Sprintf("%s at %d of %d bytes", f.last, f.cut, len(o.data)))
			content = o.damaged(content, f)
		default:
			content = o.apply(content)
		}
	}
	return content
}

// damaged is the content after a write of which only the length or the beginning arrived.
func (d *dataOp) damaged(content []byte, f fate) []byte {
	data := d.data[:f.cut]
	if f.last != short {
		data = resized(data, int64(len(d.data)))
	}
	return overwrite(content, d.offset, data)
}
