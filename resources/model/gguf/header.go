// Package gguf reads the headers of GGUF files, the format of llama.cpp's models, and refuses what llama.cpp could not
// load or should not be given: a header is data from the network, and the C++ that reads it next is not to meet
// the first damaged one.
//
// The format is that of docs/gguf.md in github.com/ggml-org/ggml; where it and llama.cpp's reader (ggml/src/gguf.cpp)
// differ, the package takes what both take, but for what is said at the limits below.
package gguf

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
)

// Limits on what a header may claim. No memory is taken for a claim, only for bytes that came.
const (
	// MaxKeyLength is how many bytes a key may have, as the format says.
	MaxKeyLength = 1<<16 - 1
	// MaxKeys is how many pairs of key and value a file may have; models have some dozens.
	MaxKeys = 1 << 16
	// MaxTensors is how many tensors a file may have; the largest models with a tensor for each expert have about 70000.
	MaxTensors = 1 << 17
	// MaxStringLength is how many bytes a value may have; the longest are tokenizers as JSON, of some 30 MB.
	MaxStringLength = 1 << 26
	// MaxArrayLength is how many elements an array may have; vocabularies have up to 300000.
	MaxArrayLength = 1 << 26
	// MaxArrayDepth is how deep arrays may be nested: 1 is an array of plain values, all that llama.cpp takes.
	MaxArrayDepth = 4
	// MaxTensorName is how many bytes the name of a tensor may have, as the format says; llama.cpp takes 63.
	MaxTensorName = 64
	// MaxDims is how many dimensions a tensor may have.
	MaxDims = 4
	// MaxName is how many bytes of general.name are taken.
	MaxName = 1<<16 - 1
	// MaxArchitecture is how many bytes general.architecture may have.
	MaxArchitecture = 64
)

// DefaultAlignment is the alignment in bytes of a file that does not say one.
const DefaultAlignment = 32

// bufferSize holds the longest key, which is looked at in one piece.
const bufferSize = 1 << 16

// Header is what the header of a GGUF file says.
type Header struct {
	// Version of the format: 2 or 3.
	Version uint32
	// Architecture of the model, such as "llama"; "" in a shard after the first that leaves it to the first.
	Architecture string
	// Name of the model, "" where the file has none.
	Name string
	// FileType says how most weights are stored, such as "Q8_0"; "" where the file does not say.
	FileType string
	// ContextLength is how many tokens the model was trained for, 0 where the file does not say.
	ContextLength uint64
	// Parameters is how many elements all tensors of the file have together.
	Parameters uint64
	// Tensors is how many tensors the file has.
	Tensors int
	// Alignment of the tensors' data in bytes, a power of two.
	Alignment uint32
	// DataOffset is where in the file the tensors' data begins: the end of the header, aligned where there are tensors.
	DataOffset int64
	// DataSize is how many bytes from DataOffset to the end of the last tensor, without the padding after it.
	DataSize int64
	// Split says which shard of a model the file is.
	Split Split
}

// Split is a shard's place among the shards of a model. Its zero value is a model in one file.
type Split struct {
	// No counts the shards from 0 on.
	No int
	// Count is how many shards the model has; 0 for a model in one file.
	Count int
	// Tensors is how many tensors all shards have together.
	Tensors int
}

// Read reads the header of a GGUF file of size bytes from r, which gives the file from its first byte on. It may take
// more bytes from r than the header has. What it refuses is told by a *FieldError, and a file that is shorter
// than its tensors is refused as well.
func Read(r io.Reader, size int64) (*Header, error) { return read(r, size, nil) }

// read keeps the details in d, unless that is nil.
func read(r io.Reader, size int64, d *Details) (*Header, error) {
	if size < 0 {
		return nil, refuse(0, fmt.Errorf("%d is less than nothing", size), "size")
	}
	p := parser{
		scanner:  scanner{r: bufio.NewReaderSize(io.LimitReader(r, size), bufferSize), size: size},
		h:        &Header{Alignment: DefaultAlignment},
		d:        d,
		keys:     map[[sha256.Size]byte]struct{}{},
		contexts: map[string]number{},
		names:    map[string]struct{}{},
	}
	for _, step := range []func() error{p.magic, p.version, p.counts, p.pairs, p.metadata, p.tensors, p.data} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return p.h, nil
}

// parser is one reading of a header.
type parser struct {
	scanner
	h          *Header
	d          *Details // nil where nobody asked for them
	nKeys      uint64
	nTensors   uint64
	keys       map[[sha256.Size]byte]struct{} // digests, so that long keys take no memory
	contexts   map[string]number              // *.context_length by what stands before it: the architecture may come later
	fileType   *uint32
	split      splitKeys
	names      map[string]struct{}
	last       string // the tensor read last
	lastBegin  uint64 // where its data begins, from the data's begin on
	lastEnd    uint64 // and where it ends
	nextTensor uint64 // where the data of the next tensor has to begin
	kvEnd      int64  // where the keys end
	hasArch    bool
}

// number is a whole number that the header gives, and where.
type number struct {
	kind  ValueType
	value uint64
	at    int64 // of its type
}

func (p *parser) magic() error {
	b, err := p.peek(4)
	if err != nil {
		return refuse(0, err, "magic")
	}
	if string(b) != "GGUF" {
		// The header is of no use now, so that what was read beyond the magic may serve to say what it is.
		prefix, _ := p.r.Peek(sniffLength)
		return refuse(0, Sniff(prefix), "magic")
	}
	return p.skip(4)
}

func (p *parser) version() error {
	at := p.off
	v, err := p.uint32()
	switch {
	case err != nil:
	case v == 2 || v == 3:
		p.h.Version = v
		return nil
	case v == 1:
		err = errors.New("version 1 is no longer supported: convert the model again, or get a newer file of it")
	case v&0xffff == 0 && v != 0:
		err = fmt.Errorf("%#08x is a file for big endian machines: get the little endian one", v)
	default:
		err = fmt.Errorf("%d is not 2 or 3", v)
	}
	return refuse(at, err, "version")
}

func (p *parser) counts() error {
	var err error
	if p.nTensors, err = p.count("n_tensors", MaxTensors); err != nil {
		return err
	}
	p.nKeys, err = p.count("n_kv", MaxKeys)
	return err
}

func (p *parser) count(field string, most uint64) (uint64, error) {
	at := p.off
	n, err := p.uint64()
	if err == nil && n > most {
		err = fmt.Errorf("%d is more than %d", n, most)
	}
	if err != nil {
		return 0, refuse(at, err, "%s", field)
	}
	return n, nil
}

// data compares the file with what its tensors need.
func (p *parser) data() error {
	p.h.Tensors = int(p.nTensors)
	p.h.DataOffset = p.off
	if p.nTensors == 0 {
		return nil // as llama.cpp: a vocabulary alone is written without padding
	}
	begin := pad(uint64(p.off), p.h.Alignment)
	if begin > math.MaxInt64-p.lastEnd || begin+p.lastEnd > uint64(p.size) {
		return refuse(int64(begin+p.lastBegin), fmt.Errorf("ends at byte %d, and the file has %d: it was cut off: %w",
			begin+p.lastEnd, p.size, io.ErrUnexpectedEOF), "data of tensor %s", show(p.last))
	}
	p.h.DataOffset, p.h.DataSize = int64(begin), int64(p.lastEnd)
	return nil
}

// pad is n rounded up to a multiple of alignment, a power of two.
func pad(n uint64, alignment uint32) uint64 {
	a := uint64(alignment)
	return (n + a - 1) &^ (a - 1)
}
