package gguftest

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/agent0-converge/agent0-converge/resources/model/gguf"
)

// Part says what a field of a header is.
type Part int

// The parts of a header, in the order in which they come.
const (
	Magic       Part = iota // "GGUF"
	Version                 // uint32
	TensorCount             // uint64
	KeyCount                // uint64
	KeyLength               // uint64
	KeyText                 // as many bytes
	ValueKind               // uint32, a gguf.ValueType
	Scalar                  // a value of fixed width
	TextLength              // uint64, of a string or a string in an array
	Text                    // as many bytes
	ElementKind             // uint32, a gguf.ValueType
	ArrayLength             // uint64
	Elements                // as many values of fixed width
	NameLength              // uint64
	NameText                // as many bytes
	DimCount                // uint32
	Dim                     // uint64
	TensorKind              // uint32, a gguf.TensorType
	DataOffset              // uint64
)

// Field is one field of a header, for tests that damage it.
type Field struct {
	// Name is what gguf.FieldError calls it.
	Name string
	// Part says what it is.
	Part Part
	// Offset is where in the file it begins, and Size how many bytes it has.
	Offset, Size int64
	// Owner is the key or tensor that it belongs to, "" before the first.
	Owner string
	// Kind is the type of a scalar or of the elements of an array.
	Kind gguf.ValueType
}

// encoder writes a header and keeps where its fields are.
type encoder struct {
	buf    bytes.Buffer
	fields []Field
	keys   uint64
	nKeys  int // where in buf the number of keys is
	owner  string
}

// put writes v, a value of fixed width or bytes, as one field.
func (e *encoder) put(part Part, name string, v any) {
	begin := e.buf.Len()
	if b, ok := v.([]byte); ok {
		e.buf.Write(b)
	} else if err := binary.Write(&e.buf, binary.LittleEndian, v); err != nil {
		panic(err) // a value without a fixed width is a mistake of this package
	}
	e.fields = append(e.fields, Field{Name: name, Part: part, Offset: int64(begin), Size: int64(e.buf.Len() - begin), Owner: e.owner})
}

// preamble writes what comes before the keys.
func (e *encoder) preamble(version uint32, tensors int) {
	e.put(Magic, "magic", []byte("GGUF"))
	e.put(Version, "version", version)
	e.put(TensorCount, "n_tensors", uint64(tensors))
	e.nKeys = e.buf.Len()
	e.put(KeyCount, "n_kv", uint64(0))
}

// finish writes the number of keys where it belongs.
func (e *encoder) finish() []byte {
	b := e.buf.Bytes()
	binary.LittleEndian.PutUint64(b[e.nKeys:], e.keys)
	return b
}

func (e *encoder) text(length, text Part, name, s string) {
	e.put(length, name, uint64(len(s)))
	e.put(text, name, []byte(s))
}

// key writes a key and the type of its value, and is the name of the value.
func (e *encoder) key(key string, kind gguf.ValueType) string {
	e.owner = key
	e.text(KeyLength, KeyText, fmt.Sprintf("key %d", e.keys), key)
	e.keys++
	e.put(ValueKind, fmt.Sprintf("type of %q", key), uint32(kind))
	return fmt.Sprintf("value of %q", key)
}

func (e *encoder) string(key, v string) {
	e.text(TextLength, Text, e.key(key, gguf.String), v)
}

func (e *encoder) uint32(key string, v int) {
	e.scalar(key, gguf.Uint32, uint32(v))
}

func (e *encoder) float32(key string, v float32) {
	e.scalar(key, gguf.Float32, v)
}

func (e *encoder) bool(key string, v bool) {
	e.scalar(key, gguf.Bool, v)
}

func (e *encoder) scalar(key string, kind gguf.ValueType, v any) {
	e.put(Scalar, e.key(key, kind), v)
	e.fields[len(e.fields)-1].Kind = kind
}

// array writes the head of an array.
func (e *encoder) array(key string, kind gguf.ValueType, n int) {
	e.key(key, gguf.Array)
	e.put(ElementKind, fmt.Sprintf("element type of %q", key), uint32(kind))
	e.put(ArrayLength, fmt.Sprintf("length of %q", key), uint64(n))
	e.fields[len(e.fields)-1].Kind = kind
}

// elements writes the rest of an array of values of fixed width.
func (e *encoder) elements(key string, kind gguf.ValueType, values any) {
	e.put(Elements, fmt.Sprintf("elements of %q", key), values)
	e.fields[len(e.fields)-1].Kind = kind
}

// element writes one string of an array.
func (e *encoder) element(key string, i int, s string) {
	e.text(TextLength, Text, fmt.Sprintf("element %d of %q", i, key), s)
}

func (e *encoder) tensor(t tensor, offset int64) {
	e.owner = t.name
	e.text(NameLength, NameText, fmt.Sprintf("name of tensor %d", t.number), t.name)
	e.put(DimCount, fmt.Sprintf("n_dims of tensor %q", t.name), uint32(len(t.dims)))
	for i, d := range t.dims {
		e.put(Dim, fmt.Sprintf("dims[%d] of tensor %q", i, t.name), uint64(d))
	}
	e.put(TensorKind, fmt.Sprintf("type of tensor %q", t.name), uint32(t.kind))
	e.put(DataOffset, fmt.Sprintf("offset of tensor %q", t.name), uint64(offset))
}
