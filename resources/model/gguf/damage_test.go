package gguf_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/resources/model/gguf"
	"github.com/agent0-converge/agent0-converge/resources/model/gguf/gguftest"
)

// put writes v where f is, in as many bytes as f has.
func put(b []byte, f gguftest.Field, v uint64) {
	var full [8]byte
	binary.LittleEndian.PutUint64(full[:], v)
	copy(b[f.Offset:f.Offset+f.Size], full[:])
}

// get is the number where f is.
func get(b []byte, f gguftest.Field) uint64 {
	var full [8]byte
	copy(full[:], b[f.Offset:f.Offset+f.Size])
	return binary.LittleEndian.Uint64(full[:])
}

// damage is a header with one field changed.
type damage struct {
	what string
	head []byte
	want string // the field that has to be refused
}

// corpus makes damages of one header, every field at and beyond its limits.
type corpus struct {
	head   []byte
	fields []gguftest.Field
	o      gguftest.Options
	size   int64 // of the file
	made   []damage
}

// tensorFields are the fields of one tensor.
func (c *corpus) tensorFields(owner string) (out []gguftest.Field) {
	for _, f := range c.fields {
		if f.Owner == owner && f.Part >= gguftest.NameLength {
			out = append(out, f)
		}
	}
	return out
}

// set writes each of values into f and expects that want is refused.
func (c *corpus) set(f gguftest.Field, want string, values ...uint64) {
	for _, v := range values {
		b := bytes.Clone(c.head)
		put(b, f, v)
		c.made = append(c.made, damage{fmt.Sprintf("%s (byte %d) = %#x", f.Name, f.Offset, v), b, want})
	}
}

// first replaces the first byte of a text.
func (c *corpus) first(f gguftest.Field, want string, values ...byte) {
	for _, v := range values {
		b := bytes.Clone(c.head)
		b[f.Offset] = v
		c.made = append(c.made, damage{fmt.Sprintf("%s (byte %d) begins %#x", f.Name, f.Offset, v), b, want})
	}
}

// huge is what no length, count or dimension may be.
var huge = []uint64{1 << 63, 1<<63 + 1, math.MaxUint64}

func (c *corpus) damage(i int) {
	f := c.fields[i]
	switch f.Part {
	case gguftest.Magic:
		for at := range f.Size {
			b := bytes.Clone(c.head)
			b[at] ^= 0x20
			c.made = append(c.made, damage{fmt.Sprintf("byte %d of the magic", at), b, f.Name})
		}
	case gguftest.Version:
		c.set(f, f.Name, 0, 1, 4, 255, 0x0300_0000, 0x0200_0000, 0x0100_0000, math.MaxUint32)
	case gguftest.TensorCount:
		c.set(f, f.Name, append(huge, gguf.MaxTensors+1, 1<<32)...)
		n := get(c.head, f)
		c.set(f, fmt.Sprintf("name of tensor %d", n), n+1) // zeros follow the header
		if c.o.Split.Count == 0 {
			c.set(f, fmt.Sprintf("name of tensor %d", n), gguf.MaxTensors)
		} else {
			c.set(f, `value of "split.tensors.count"`, gguf.MaxTensors)
		}
	case gguftest.KeyCount:
		c.keyCount(f)
	case gguftest.KeyLength:
		c.set(f, f.Name, append(huge, 0, gguf.MaxKeyLength+1, 1<<32)...)
	case gguftest.KeyText, gguftest.NameText:
		c.first(f, f.Name, 0, '\n', 0x7f, 0xff, 0x80)
	case gguftest.ValueKind:
		c.valueKind(f)
	case gguftest.Scalar:
		c.scalar(f)
	case gguftest.TextLength:
		c.set(f, f.Name, append(huge, gguf.MaxStringLength+1, 1<<32, uint64(c.size-f.Offset-7))...)
		if f.Owner == "general.architecture" {
			c.set(f, f.Name, 0, gguf.MaxArchitecture+1)
		}
		if f.Owner == "general.name" {
			c.set(f, f.Name, gguf.MaxName+1)
		}
	case gguftest.Text:
		if f.Owner == "general.architecture" {
			c.first(f, f.Name, 0, '\n', 0xff)
		}
	default:
		c.damageRest(f)
	}
}

func (c *corpus) damageRest(f gguftest.Field) {
	switch f.Part {
	case gguftest.ElementKind:
		c.set(f, f.Name, 13, 14, 1<<31, math.MaxUint32)
	case gguftest.ArrayLength:
		width := map[gguf.ValueType]int64{gguf.String: 8, gguf.Float32: 4, gguf.Int32: 4}[f.Kind]
		c.set(f, f.Name, append(huge, gguf.MaxArrayLength+1, gguf.MaxArrayLength, 1<<61, 1<<62, uint64((c.size-f.Offset-8)/width+1))...)
	case gguftest.NameLength:
		c.set(f, f.Name, append(huge, 0, gguf.MaxTensorName+1, 1<<32)...)
	case gguftest.DimCount:
		c.set(f, f.Name, 0, gguf.MaxDims+1, 1<<31, math.MaxUint32)
	case gguftest.Dim:
		c.dim(f)
	case gguftest.TensorKind:
		// Those removed, those that no one has, and blocks that the rows here are no multiple of.
		c.set(f, f.Name, 4, 5, 31, 32, 33, 36, 37, 38, 43, 64, 1<<31, math.MaxUint32, uint64(gguf.Q4_K), uint64(gguf.IQ1_S))
	case gguftest.DataOffset:
		at := get(c.head, f)
		c.set(f, f.Name, append(huge, at+1, at+31, at+32, at+64, 1<<40)...)
		if at > 0 {
			c.set(f, f.Name, 0, at-32, at-1)
		}
	}
}

func (c *corpus) keyCount(f gguftest.Field) {
	c.set(f, f.Name, append(huge, gguf.MaxKeys+1, 1<<32)...)
	if c.o.Split.No > 0 {
		return // such a shard may do without keys
	}
	c.set(f, `key "general.architecture"`, 0)
	if c.o.Split.Count > 0 {
		c.set(f, `key "split.tensors.count"`, get(c.head, f)-1) // it comes last
	} else if c.o.Alignment == 0 {
		// The last key is taken for a tensor, and its type, a string's, for n_dims.
		c.set(f, `n_dims of tensor "tokenizer.chat_template"`, get(c.head, f)-1)
	}
}

func (c *corpus) valueKind(f gguftest.Field) {
	c.set(f, f.Name, 13, 14, 255, 1<<31, math.MaxUint32)
	allowed := map[string]gguf.ValueType{"general.architecture": gguf.String, "general.name": gguf.String, "general.alignment": gguf.Uint32,
		"general.file_type": gguf.Uint32, "split.no": gguf.Uint16, "split.count": gguf.Uint16, "split.tensors.count": gguf.Int32}
	if want, ok := allowed[f.Owner]; ok {
		for kind := gguf.Uint8; kind <= gguf.Float64; kind++ {
			if kind != want {
				c.set(f, f.Name, uint64(kind))
			}
		}
	}
	if f.Owner == "llama.context_length" {
		c.set(f, f.Name, uint64(gguf.Int32), uint64(gguf.Float32))
	}
}

func (c *corpus) scalar(f gguftest.Field) {
	switch {
	case f.Kind == gguf.Bool:
		c.set(f, f.Name, 2, 127, 128, 255)
	case f.Owner == "general.alignment":
		c.set(f, f.Name, 0, 3, 31, 33, 96, math.MaxUint32)
	case f.Owner == "split.no":
		c.set(f, f.Name, 2, 3, math.MaxUint16)
	case f.Owner == "split.count" && c.o.Split.No > 0:
		c.set(f, `value of "split.no"`, 1)
	case f.Owner == "split.tensors.count":
		c.set(f, f.Name, 0, 1, 1<<31, math.MaxUint32)
	}
}

// dim changes the shape of a tensor: what no tensor can be is refused at the dimension, and what this one cannot be where it shows.
func (c *corpus) dim(f gguftest.Field) {
	c.set(f, f.Name, append(huge, 0)...)
	own := c.tensorFields(f.Owner)
	kind, quantized := own[len(own)-2], len(own) == 7 // a matrix has two dimensions
	isRow := strings.HasPrefix(f.Name, "dims[0]")
	d := get(c.head, f)
	switch {
	case quantized && isRow:
		c.set(f, kind.Name, d-1, d+1, 1)
		c.set(f, strings.Replace(f.Name, "dims[0]", "dims[1]", 1), 1<<62)
		if c.fields[len(c.fields)-1].Owner == f.Owner {
			c.set(f, f.Name, math.MaxInt64) // together with the tensors before
		}
	case quantized:
		c.set(f, f.Name, 1<<62, math.MaxInt64)
		c.set(f, c.after(f.Owner), d+1)
	default:
		c.set(f, kind.Name, 1<<62, 1<<61)
		c.set(f, c.after(f.Owner), d+8)
	}
}

// after is what shows that the tensor owner is longer than it was.
func (c *corpus) after(owner string) string {
	found := false
	for _, f := range c.fields {
		if f.Part != gguftest.DataOffset {
			continue
		}
		if found {
			return f.Name
		}
		found = f.Owner == owner
	}
	return fmt.Sprintf("data of tensor %q", owner)
}

func newCorpus(t *testing.T, o gguftest.Options) *corpus {
	t.Helper()
	head, fields, err := gguftest.Header(o)
	if err != nil {
		t.Fatal(err)
	}
	size, err := gguftest.Size(o)
	if err != nil {
		t.Fatal(err)
	}
	c := &corpus{head: head, fields: fields, o: o, size: size}
	if _, err := c.read(head); err != nil {
		t.Fatalf("the undamaged header: %v", err)
	}
	return c
}

// read reads a header with zeros for data.
func (c *corpus) read(head []byte) (*gguf.Header, error) {
	return gguf.Read(io.MultiReader(bytes.NewReader(head), &counter{}), c.size)
}

// variants are models that have all fields there are between them.
func variants() map[string]gguftest.Options {
	aligned, shard, second := tiny(), tiny(), tiny()
	aligned.Alignment, aligned.Version = 32, 2
	shard.Split = gguf.Split{Count: 2}
	second.Split, second.Alignment = gguf.Split{No: 1, Count: 2}, 32
	return map[string]gguftest.Options{"plain": tiny(), "aligned": aligned, "first shard": shard, "second shard": second}
}

func TestReadRefusesEveryDamagedField(t *testing.T) {
	made, found := 0, 0
	for name, o := range variants() {
		c := newCorpus(t, o)
		for i := range c.fields {
			c.damage(i)
		}
		for _, d := range c.made {
			made++
			_, err := c.read(d.head)
			var field *gguf.FieldError
			switch {
			case err == nil:
				t.Errorf("%s: %s: taken", name, d.what)
			case !errors.As(err, &field):
				t.Errorf("%s: %s: no FieldError: %v", name, d.what, err)
			case field.Field != d.want:
				t.Errorf("%s: %s: %s was to be refused: %v", name, d.what, d.want, err)
			default:
				found++
			}
		}
	}
	t.Logf("%d damaged headers, %d refused by the name of their field", made, found)
	if made < 8000 || found != made {
		t.Fatalf("%d damaged headers, and %d were found", made, found)
	}
}
