package crash

import (
	"fmt"

	"github.com/agent0-converge/agent0-converge/internal/lab/trace"
)

func (m *Model) op(seq int) op { return op{seq: seq, text: m.texts[seq]} }

// enter records a change of a directory's names.
func (m *Model) enter(seq int, dir *inode, changes ...change) *entryOp {
	o := &entryOp{op: m.op(seq), changes: changes}
	dir.names = append(dir.names, o)
	for _, c := range changes {
		if c.file == nil {
			delete(dir.live, c.name)
		} else {
			dir.live[c.name] = c.file
		}
	}
	return o
}

func (m *Model) open(seq int, e *trace.Event) error {
	if e.Created {
		return m.create(seq, e)
	}
	ino, err := m.file(e)
	if err == nil && e.Truncates {
		ino.content = append(ino.content, &dataOp{op: m.op(seq), kind: trace.OpTruncate})
	}
	return err
}

// create makes a file with the mode and owner it was born with, and no content.
func (m *Model) create(seq int, e *trace.Event) error {
	n := &node{mode: e.Mode, uid: e.UID, gid: e.GID, device: e.Device, target: e.Target}
	ino := m.inode(n)
	m.bind(e, ino)
	if e.Unnamed {
		return nil
	}
	dir, name, err := m.parent(e.Path)
	if err == nil && dir != nil {
		m.enter(seq, dir, change{name, ino})
	}
	return err
}

func (m *Model) link(seq int, e *trace.Event) error {
	ino, err := m.file(e)
	if err != nil {
		return err
	}
	dir, name, err := m.parent(e.To)
	if err == nil && dir != nil {
		m.enter(seq, dir, change{name, ino})
	}
	return err
}

func (m *Model) unlink(seq int, e *trace.Event) error {
	dir, name, err := m.parent(e.Path)
	if err != nil || dir == nil {
		return err
	}
	if dir.live[name] == nil {
		return fmt.Errorf("%w: %s", errNoFile, e.Path)
	}
	m.bind(e, dir.live[name])
	m.enter(seq, dir, change{name, nil})
	return nil
}

func (m *Model) rename(seq int, e *trace.Event) error {
	from, fromName, err := m.parent(e.Path)
	if err != nil {
		return err
	}
	to, toName, err := m.parent(e.To)
	if err != nil {
		return err
	}
	if from == nil {
		return fmt.Errorf("%w: %s came from outside", errNoFile, e.Path)
	}
	moved := from.live[fromName]
	if moved == nil {
		return fmt.Errorf("%w: %s", errNoFile, e.Path)
	}
	m.bind(e, moved)
	var back *inode // what takes the moved file's place
	if to != nil && e.Op == trace.OpExchange {
		back = to.live[toName]
	}
	switch to {
	case nil:
		m.enter(seq, from, change{fromName, nil})
	case from:
		// Two names of one file stay: rename does nothing then.
		if to.live[toName] != moved {
			m.enter(seq, from, change{fromName, back}, change{toName, moved})
		}
	default:
		m.move(seq, from, change{fromName, back}, to, change{toName, moved})
	}
	return nil
}

// move is a rename between two directories, whose halves become durable each with its own.
func (m *Model) move(seq int, from *inode, leave change, to *inode, arrive change) {
	if to.live[arrive.name] == arrive.file {
		return
	}
	joined := leave.file != nil || arrive.file.live != nil
	a, b := m.enter(seq, from, leave), m.enter(seq, to, arrive)
	a.pair, b.pair = b, a
	a.joined, b.joined, b.adds = joined, joined, true
}

// biggest is a file's length beyond which a model in memory is no good.
const biggest = 64 << 20

func (m *Model) data(seq int, e *trace.Event) error {
	ino, err := m.file(e)
	if err != nil {
		return err
	}
	if e.Offset+e.Size+int64(len(e.Data)) > biggest {
		return errTooBig
	}
	if e.Op == trace.OpTruncate || e.Size > 0 || len(e.Data) > 0 {
		d := &dataOp{op: m.op(seq), kind: e.Op, offset: e.Offset, size: e.Size, data: e.Data}
		ino.content = append(ino.content, d)
	}
	return nil
}

func (m *Model) status(seq int, e *trace.Event) error {
	ino, err := m.file(e)
	if err != nil {
		return err
	}
	o := &metaOp{op: m.op(seq), mode: e.Mode, uid: e.UID, gid: e.GID}
	if e.Op == trace.OpSetxattr || e.Op == trace.OpRemovexattr {
		o.attr, o.value, o.remove = e.Attr, string(e.Value), e.Op == trace.OpRemovexattr
	}
	ino.meta = append(ino.meta, o)
	return nil
}
