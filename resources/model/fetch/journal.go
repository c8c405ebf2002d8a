package fetch

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"sync"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
)

// Dir is where the host keeps what it knows of fetches: only root may write there.
const Dir = engine.StateDir + "/models"

// suffix is that of journals in Dir.
const suffix = ".fetch"

// journalFormat is the number of the format below. A journal of another is as good as none.
const journalFormat = 1

// A journal is a row of records, each with the length of its payload (4 bytes, little endian), its kind (1 byte),
// the payload, and the CRC-32C of all that (4 bytes). What follows the first record that is not whole is ignored.
const (
	recordHeader     = 'H' // header as JSON, the first record and no other
	recordSender     = 'S' // sender as JSON
	recordSize       = 'L' // 8 bytes: the length of the file
	recordBlock      = 'B' // 8, 4 and 4 bytes: offset, length and CRC-32C of what was written
	recordMark       = 'M' // 8 bytes and the state of the hasher: all before the offset was written and hashed
	recordCheckpoint = 'C' // a mark whose bytes are durable
	recordWrong      = 'W' // wrongFile as JSON: the file is about to get that name
)

// maxRecord bounds the payload: nothing that was written is nearly so long.
const maxRecord = 1 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// header says what a journal tells of.
type header struct {
	Format     int    `json:"format"`
	SHA256     string `json:"sha256,omitempty"`
	Unverified bool   `json:"unverified,omitempty"`
	For        string `json:"for,omitempty"`
	// Path, Dev and Ino are the partial file's.
	Path string `json:"path"`
	Dev  uint64 `json:"dev"`
	Ino  uint64 `json:"ino"`
	// Pure is the one source that may send bytes, "" where any may.
	Pure string `json:"pure,omitempty"`
	// Wrong are files that sources sent in place of this one.
	Wrong []wrongFile `json:"wrong,omitempty"`
}

// wrongFile is a file that a source sent and that was another.
type wrongFile struct {
	Source  string `json:"source"`
	Version string `json:"version,omitempty"`
	SHA256  string `json:"sha256"`
	Size    int64  `json:"size"`
	// Path is where it is kept, "" where it is not.
	Path string `json:"path,omitempty"`
}

// sender is a content of a source that bytes came from.
type sender struct {
	Source  string `json:"source"`
	Version string `json:"version,omitempty"`
}

// block is a piece of the file as it was written.
type block struct {
	off int64
	len uint32
	crc uint32
}

func (b block) span() span { return span{b.off, b.off + int64(b.len)} }

// mark is a state of the hasher.
type mark struct {
	off   int64
	state []byte
}

// journal is what is written down while a file is fetched. Its methods may be called at the same time.
type journal struct {
	files *host.Files
	path  string
	mu    sync.Mutex
	file  *host.AppendFile
	buf   []byte
}

// replaceJournal writes a journal anew and opens it for more.
func replaceJournal(files *host.Files, path string, content []byte) (*journal, error) {
	if err := files.Write(path, content, host.Attr{Mode: 0o600, UID: -1, GID: -1}); err != nil {
		return nil, err
	}
	file, err := files.OpenAppend(path, 0o600)
	if err != nil {
		return nil, err
	}
	return &journal{files: files, path: path, file: file}, nil
}

// add appends records, which are made by the append functions below.
func (j *journal) add(record func([]byte) []byte) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.buf = record(j.buf[:0])
	if _, err := j.file.Write(j.buf); err != nil {
		return fmt.Errorf("cannot note what was fetched: %w", err)
	}
	return nil
}

// promise appends records durably.
func (j *journal) promise(record func([]byte) []byte) error {
	if err := j.add(record); err != nil {
		return err
	}
	return j.file.Sync()
}

func (j *journal) close() error { return j.file.Close() }

func appendRecord(b []byte, kind byte, payload ...[]byte) []byte {
	start := len(b)
	b = append(b, 0, 0, 0, 0, kind)
	for _, p := range payload {
		b = append(b, p...)
	}
	binary.LittleEndian.PutUint32(b[start:], uint32(len(b)-start-5))
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli))
}

func appendJSON(b []byte, kind byte, v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings and numbers
	}
	return appendRecord(b, kind, text)
}

func appendSize(b []byte, size int64) []byte {
	return appendRecord(b, recordSize, binary.LittleEndian.AppendUint64(nil, uint64(size)))
}

func appendBlock(b []byte, n block) []byte {
	var p [16]byte
	binary.LittleEndian.PutUint64(p[:], uint64(n.off))
	binary.LittleEndian.PutUint32(p[8:], n.len)
	binary.LittleEndian.PutUint32(p[12:], n.crc)
	return appendRecord(b, recordBlock, p[:])
}

func appendMark(b []byte, kind byte, m mark) []byte {
	var off [8]byte
	binary.LittleEndian.PutUint64(off[:], uint64(m.off))
	return appendRecord(b, kind, off[:], m.state)
}

// sameState reports whether two states of hashers are one.
func sameState(a, b []byte) bool { return bytes.Equal(a, b) }
