package gguftest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/agent0-converge/agent0-converge/resources/model/gguf"
)

// File is a whole GGUF file in memory, taken apart so that a test can change one thing of it and leave all else as it was.
type File struct {
	// Version of the format.
	Version uint32
	// Keys are its pairs of key and value, in its order.
	Keys []Key
	// Tensors are what it says of its tensors, in its order.
	Tensors []Tensor
	// Data is that of the tensors: all from where the first begins.
	Data []byte
}

// Key is a key with its value as it is written.
type Key struct {
	Name string
	Kind gguf.ValueType
	// Raw is the value in the format's bytes.
	Raw []byte
}

// Tensor is what a header says of a tensor.
type Tensor struct {
	Name string
	Dims []uint64
	Kind gguf.TensorType
	// Offset is in Data.
	Offset uint64
}

// Value is a key with a value of fixed width or a string, or with an array of one of those where v is a slice.
// A type that the format lacks is a mistake of the test, and panics.
func Value(name string, v any) Key {
	var b bytes.Buffer
	if words, ok := v.([]string); ok {
		put(&b, uint32(gguf.String), uint64(len(words)))
		for _, w := range words {
			put(&b, uint64(len(w)), []byte(w))
		}
		return Key{name, gguf.Array, b.Bytes()}
	}
	switch v := v.(type) {
	case string:
		put(&b, uint64(len(v)), []byte(v))
		return Key{name, gguf.String, b.Bytes()}
	case []float32:
		put(&b, uint32(gguf.Float32), uint64(len(v)), v)
		return Key{name, gguf.Array, b.Bytes()}
	case []int32:
		put(&b, uint32(gguf.Int32), uint64(len(v)), v)
		return Key{name, gguf.Array, b.Bytes()}
	case []uint32:
		put(&b, uint32(gguf.Uint32), uint64(len(v)), v)
		return Key{name, gguf.Array, b.Bytes()}
	}
	kinds := map[string]gguf.ValueType{"uint8": gguf.Uint8, "int8": gguf.Int8, "uint16": gguf.Uint16, "int16": gguf.Int16, "uint32": gguf.Uint32, "int32": gguf.Int32,
		"float32": gguf.Float32, "bool": gguf.Bool, "uint64": gguf.Uint64, "int64": gguf.Int64, "float64": gguf.Float64}
	kind, ok := kinds[fmt.Sprintf("%T", v)]
	if !ok {
		panic(fmt.Sprintf("gguftest: a value of %s cannot be a %T", name, v))
	}
	put(&b, v)
	return Key{name, kind, b.Bytes()}
}

// put writes values of fixed width.
func put(b *bytes.Buffer, all ...any) {
	for _, v := range all {
		if err := binary.Write(b, binary.LittleEndian, v); err != nil {
			panic(err) // a value without a fixed width is a mistake of this package
		}
	}
}

// Parse takes a file apart, which gguf.Read has to take.
func Parse(b []byte) (*File, error) {
	h, err := gguf.Read(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	f := &File{Version: h.Version, Data: slices.Clone(b[h.DataOffset:])}
	nTensors, nKeys := le.Uint64(b[8:]), le.Uint64(b[16:])
	at := cursor{b: b, off: 24}
	for range nKeys {
		name := at.text()
		kind := gguf.ValueType(at.uint32())
		begin := at.off
		at.skip(kind)
		f.Keys = append(f.Keys, Key{name, kind, slices.Clone(b[begin:at.off])})
	}
	for range nTensors {
		t := Tensor{Name: at.text(), Dims: make([]uint64, at.uint32())}
		for i := range t.Dims {
			t.Dims[i] = at.uint64()
		}
		t.Kind, t.Offset = gguf.TensorType(at.uint32()), at.uint64()
		f.Tensors = append(f.Tensors, t)
	}
	return f, nil
}

// cursor reads a header that is known to be whole.
type cursor struct {
	b   []byte
	off int
}

func (c *cursor) uint32() uint32 {
	c.off += 4
	return binary.LittleEndian.Uint32(c.b[c.off-4:])
}

func (c *cursor) uint64() uint64 {
	c.off += 8
	return binary.LittleEndian.Uint64(c.b[c.off-8:])
}

func (c *cursor) text() string {
	n := int(c.uint64())
	c.off += n
	return string(c.b[c.off-n : c.off])
}

// skip passes over a value.
func (c *cursor) skip(kind gguf.ValueType) {
	switch kind {
	case gguf.String:
		c.text()
	case gguf.Array:
		of := gguf.ValueType(c.uint32())
		for range c.uint64() {
			c.skip(of)
		}
	case gguf.Uint8, gguf.Int8, gguf.Bool:
		c.off++
	case gguf.Uint16, gguf.Int16:
		c.off += 2
	case gguf.Uint32, gguf.Int32, gguf.Float32:
		c.off += 4
	case gguf.Uint64, gguf.Int64, gguf.Float64:
		c.off += 8
	}
}

// Set gives a key another value, or adds it.
func (f *File) Set(k Key) {
	if i := f.index(k.Name); i >= 0 {
		f.Keys[i] = k
		return
	}
	f.Keys = append(f.Keys, k)
}

// Remove takes a key out. That it is not there is a mistake of the test, and panics.
func (f *File) Remove(name string) {
	i := f.index(name)
	if i < 0 {
		panic("gguftest: there is no key " + name)
	}
	f.Keys = slices.Delete(f.Keys, i, i+1)
}

func (f *File) index(name string) int {
	return slices.IndexFunc(f.Keys, func(k Key) bool { return k.Name == name })
}

// Tensor returns the tensor of that name, to be changed. That it is not there is a mistake of the test, and panics.
func (f *File) Tensor(name string) *Tensor {
	i := slices.IndexFunc(f.Tensors, func(t Tensor) bool { return t.Name == name })
	if i < 0 {
		panic("gguftest: there is no tensor " + name)
	}
	return &f.Tensors[i]
}

// Drop takes a tensor out, with its data, so that those after it move up.
func (f *File) Drop(name string) {
	t := *f.Tensor(name)
	end := uint64(len(f.Data))
	for _, o := range f.Tensors {
		if o.Offset > t.Offset {
			end = min(end, o.Offset)
		}
	}
	f.Data = slices.Delete(f.Data, int(t.Offset), int(end))
	f.Tensors = slices.DeleteFunc(f.Tensors, func(o Tensor) bool { return o.Name == name })
	for i := range f.Tensors {
		if f.Tensors[i].Offset > t.Offset {
			f.Tensors[i].Offset -= end - t.Offset
		}
	}
}

// Bytes is the file, with what was changed in it and the default alignment.
func (f *File) Bytes() []byte {
	var b bytes.Buffer
	put(&b, []byte("GGUF"), f.Version, uint64(len(f.Tensors)), uint64(len(f.Keys)))
	for _, k := range f.Keys {
		put(&b, uint64(len(k.Name)), []byte(k.Name), uint32(k.Kind), k.Raw)
	}
	for _, t := range f.Tensors {
		put(&b, uint64(len(t.Name)), []byte(t.Name), uint32(len(t.Dims)), t.Dims, uint32(t.Kind), t.Offset)
	}
	if len(f.Tensors) > 0 {
		put(&b, make([]byte, padded(int64(b.Len()), gguf.DefaultAlignment)-int64(b.Len())))
	}
	put(&b, f.Data)
	return b.Bytes()
}
