package gguf

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The keys whose values are taken; their types are those that llama.cpp asks for.
const (
	keyArchitecture = "general.architecture"
	keyName         = "general.name"
	keyAlignment    = "general.alignment"
	keyFileType     = "general.file_type"
	keySplitNo      = "split.no"
	keySplitCount   = "split.count"
	keySplitTensors = "split.tensors.count"
	contextLength   = ".context_length"
)

// splitKeys are the split.* keys that a file has.
type splitKeys struct {
	no, count, tensors *number
}

// typeOf is the type that a key has to have, -1 for any.
func typeOf(key string) ValueType {
	switch key {
	case keyArchitecture, keyName:
		return String
	case keyAlignment, keyFileType:
		return Uint32
	case keySplitNo, keySplitCount:
		return Uint16
	case keySplitTensors:
		return Int32
	}
	return -1
}

func (p *parser) pairs() error {
	for i := range p.nKeys {
		key, err := p.key(i)
		if err != nil {
			return err
		}
		if err := p.pair(key); err != nil {
			return err
		}
	}
	p.kvEnd = p.off
	return nil
}

func (p *parser) key(i uint64) (string, error) {
	at := p.off
	b, err := p.text(MaxKeyLength)
	if err == nil {
		err = nameFault(b)
	}
	if err == nil {
		digest := sha256.Sum256(b)
		if _, twice := p.keys[digest]; twice {
			err = fmt.Errorf("%s is there twice", show(string(b)))
		}
		p.keys[digest] = struct{}{}
	}
	if err != nil {
		return "", refuse(at, err, "key %d", i)
	}
	return string(b), nil
}

// text is a length and as many bytes, at most bufferSize. They hold until the next call.
func (p *parser) text(most int) ([]byte, error) {
	n, err := p.uint64()
	if err != nil {
		return nil, err
	}
	if n > uint64(most) {
		return nil, fmt.Errorf("%d bytes is more than %d", n, most)
	}
	return p.next(int(n))
}

// nameFault says what makes b no name of a key, tensor or architecture. A NUL would end the name early in C.
func nameFault(b []byte) error {
	switch {
	case len(b) == 0:
		return errors.New("is empty")
	case !utf8.Valid(b):
		return fmt.Errorf("%s is not UTF-8", show(string(b)))
	case bytes.ContainsFunc(b, unicode.IsControl):
		return fmt.Errorf("%s has control characters", show(string(b)))
	}
	return nil
}

func (p *parser) pair(key string) error {
	at := p.off
	n, err := p.uint32()
	kind := ValueType(n)
	switch want := typeOf(key); {
	case err != nil:
	case n > uint32(lastValueType):
		err = fmt.Errorf("%d is not the type of a value (0 to %d)", n, lastValueType)
	case want >= 0 && kind != want:
		err = fmt.Errorf("is %v, and has to be %v", kind, want)
	}
	if err != nil {
		return refuse(at, err, "type of %s", show(key))
	}
	begin := p.off
	switch kind {
	case String:
		return p.word(key, begin)
	case Array:
		return p.array(place{key: key})
	}
	v, err := p.scalar(kind)
	if err == nil {
		p.d.scalar(key, kind, v)
		err = p.take(key, number{kind: kind, value: v, at: at})
	}
	if err != nil {
		return refuse(begin, err, "value of %s", show(key))
	}
	return nil
}

// word reads a string, and keeps what Header has a field for.
func (p *parser) word(key string, begin int64) error {
	var err error
	switch key {
	case keyArchitecture:
		var b []byte
		if b, err = p.text(MaxArchitecture); err == nil {
			err = nameFault(b)
		}
		p.h.Architecture, p.hasArch = string(b), true
	case keyName:
		var b []byte
		b, err = p.text(MaxName)
		p.h.Name = strings.ToValidUTF8(string(b), "\ufffd")
	default:
		err = p.detailText(key)
	}
	if err != nil {
		return refuse(begin, err, "value of %s", show(key))
	}
	return nil
}

// take keeps a number that Header has a field for.
func (p *parser) take(key string, n number) error {
	switch key {
	case keyAlignment:
		if n.value == 0 || n.value&(n.value-1) != 0 {
			return fmt.Errorf("%d is not a power of two", n.value)
		}
		p.h.Alignment = uint32(n.value)
	case keyFileType:
		v := uint32(n.value)
		p.fileType = &v
	case keySplitNo:
		p.split.no = &n
	case keySplitCount:
		p.split.count = &n
	case keySplitTensors:
		if n.value > math.MaxInt32 {
			return fmt.Errorf("%d is less than nothing", int32(n.value))
		}
		p.split.tensors = &n
	default:
		if of, ok := strings.CutSuffix(key, contextLength); ok && len(of) <= MaxArchitecture {
			p.contexts[of] = n
		}
	}
	return nil
}

// metadata is what can only be said after the last key.
func (p *parser) metadata() error {
	if err := p.shard(); err != nil {
		return err
	}
	// llama-gguf-split leaves all but the first shard without any key but its own.
	if !p.hasArch && p.h.Split.No == 0 {
		return refuse(p.kvEnd, errors.New("is missing"), "key %q", keyArchitecture)
	}
	if p.fileType != nil {
		p.h.FileType = fileTypeName(*p.fileType)
	}
	n, ok := p.contexts[p.h.Architecture]
	if !ok {
		return nil
	}
	// The format says uint64, and llama.cpp writes and reads uint32.
	if n.kind != Uint32 && n.kind != Uint64 {
		return refuse(n.at, fmt.Errorf("is %v, and has to be %v or %v", n.kind, Uint32, Uint64), "type of %s", show(p.h.Architecture+contextLength))
	}
	p.h.ContextLength = n.value
	return nil
}

// shard puts the split.* keys together. A file that was merged of shards has a count of 0 and may have the others still.
func (p *parser) shard() error {
	s := p.split
	if s.count == nil || s.count.value == 0 {
		return nil
	}
	for _, k := range []struct {
		name string
		have *number
	}{{keySplitNo, s.no}, {keySplitTensors, s.tensors}} {
		if k.have == nil {
			return refuse(p.kvEnd, fmt.Errorf("is missing, and %s is there", keySplitCount), "key %q", k.name)
		}
	}
	if s.no.value >= s.count.value {
		return refuse(s.no.at+4, fmt.Errorf("%d is not less than %s, %d", s.no.value, keySplitCount, s.count.value), "value of %q", keySplitNo)
	}
	if p.nTensors > s.tensors.value {
		return refuse(s.tensors.at+4, fmt.Errorf("%d is less than the %d tensors of this shard alone", s.tensors.value, p.nTensors), "value of %q", keySplitTensors)
	}
	p.h.Split = Split{No: int(s.no.value), Count: int(s.count.value), Tensors: int(s.tensors.value)}
	return nil
}
