package fetch

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// past is what a journal tells.
type past struct {
	head    header
	size    int64 // -1: unknown
	senders []sender
	// before is the last checkpoint but one, last the last one; both are the file's beginning where there is none.
	before, last mark
	// marks follow the last checkpoint, blocks lie behind it. Both are in the order of their writing.
	marks  []mark
	blocks []block
}

// readPast reads a journal as far as it is whole. Where there is none, it is empty.
func readPast(t host.Tree, path string) (*past, error) {
	p := &past{size: -1}
	file, err := t.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	r := bufio.NewReaderSize(file, 256<<10)
	for first := true; ; first = false {
		kind, payload, err := readRecord(r)
		if err != nil {
			return nil, err
		}
		if kind == 0 || first != (kind == recordHeader) || !p.take(kind, payload) {
			return p, nil
		}
	}
}

// readRecord returns the kind 0 at the end and for a record that is not whole.
func readRecord(r *bufio.Reader) (kind byte, payload []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, ended(err)
	}
	n := binary.LittleEndian.Uint32(head[:])
	if n > maxRecord {
		return 0, nil, nil
	}
	payload = make([]byte, n+4)
	if _, err := io.ReadFull(r, payload); err != nil {
		return 0, nil, ended(err)
	}
	sum := crc32.Update(crc32.Checksum(head[:], castagnoli), castagnoli, payload[:n])
	if sum != binary.LittleEndian.Uint32(payload[n:]) {
		return 0, nil, nil
	}
	return head[4], payload[:n], nil
}

func ended(err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// take reports whether the record makes sense.
func (p *past) take(kind byte, b []byte) bool {
	switch {
	case kind == recordHeader:
		return json.Unmarshal(b, &p.head) == nil && p.head.Format == journalFormat
	case kind == recordSender:
		var s sender
		if json.Unmarshal(b, &s) != nil {
			return false
		}
		p.senders = append(p.senders, s)
	case kind == recordWrong:
		var w wrongFile
		if json.Unmarshal(b, &w) != nil {
			return false
		}
		p.head.Wrong = append(p.head.Wrong, w)
	case kind == recordSize && len(b) == 8:
		p.size = int64(binary.LittleEndian.Uint64(b))
	case kind == recordBlock && len(b) == 16:
		p.blocks = append(p.blocks, block{
			int64(binary.LittleEndian.Uint64(b)), binary.LittleEndian.Uint32(b[8:]), binary.LittleEndian.Uint32(b[12:]),
		})
	case (kind == recordMark || kind == recordCheckpoint) && len(b) > 8:
		p.takeMark(mark{int64(binary.LittleEndian.Uint64(b)), b[8:]}, kind == recordCheckpoint)
	default:
		return false
	}
	return true
}

// takeMark forgets what a checkpoint makes needless, so that the journal of a large file takes little memory.
func (p *past) takeMark(m mark, durable bool) {
	if !durable {
		p.marks = append(p.marks, m)
		return
	}
	p.before, p.last = p.last, m
	var marks []mark
	for _, later := range p.marks {
		if later.off > m.off {
			marks = append(marks, later)
		}
	}
	p.marks = marks
	var blocks []block
	for _, b := range p.blocks {
		if b.span().to > m.off {
			blocks = append(blocks, b)
		}
	}
	p.blocks = blocks
}

// holds reports whether the journal tells of this file.
func (p *past) holds(i host.Info) bool {
	return p.head.Format == journalFormat && p.head.Dev == i.Dev && p.head.Ino == i.Ino
}

// here estimates which bytes are there, without reading the file, whose length is given.
func (p *past) here(length int64) spans {
	var have spans
	to := p.last.off
	for _, m := range p.marks {
		to = max(to, m.off)
	}
	have.add(span{0, min(to, length)})
	for _, b := range p.blocks {
		if b.span().to <= length {
			have.add(b.span())
		}
	}
	return have
}

// encode is the journal that tells the same, of what is worth telling.
func (p *past) encode() []byte {
	b := appendJSON(nil, recordHeader, p.head)
	if p.size >= 0 {
		b = appendSize(b, p.size)
	}
	for _, s := range p.senders {
		b = appendJSON(b, recordSender, s)
	}
	for _, m := range []mark{p.before, p.last} {
		if m.off > 0 {
			b = appendMark(b, recordCheckpoint, m)
		}
	}
	for _, m := range p.marks {
		b = appendMark(b, recordMark, m)
	}
	for _, n := range p.blocks {
		b = appendBlock(b, n)
	}
	return b
}
