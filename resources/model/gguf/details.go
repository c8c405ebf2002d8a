package gguf

import (
	"io"
	"math"
)

// The limits of what Details keeps: a short text is a name, and short lists have a number for each layer.
const (
	maxDetailText = 64  // bytes
	maxDetailList = 512 // elements
)

// Details are what a header says beyond Header, for who wants to know whether a model can be computed: values of keys by
// their names, but for long texts and the elements of long arrays.
type Details struct {
	// Numbers are whole numbers and bools, Floats the others.
	Numbers map[string]Number
	Floats  map[string]float64
	// Texts are those of up to 64 bytes; a longer one is there as "".
	Texts map[string]string
	// Arrays are what arrays are of.
	Arrays map[string]ArrayShape
	// Tensors are in the file's order.
	Tensors []TensorShape
}

// Number is a whole number.
type Number struct {
	Kind ValueType
	// Value has the bits of the value, its sign extended where Kind has one.
	Value int64
}

// ArrayShape is what an array is of.
type ArrayShape struct {
	Kind   ValueType
	Length uint64
	// Numbers are the elements, where they are whole numbers of 32 bits and 512 or fewer.
	Numbers []int64
}

// TensorShape is what a header says of a tensor: the length of a row is first.
type TensorShape struct {
	Name string
	Dims []uint64
	Type TensorType
}

// ReadDetails is Read that keeps the details too.
func ReadDetails(r io.Reader, size int64) (*Header, *Details, error) {
	d := &Details{Numbers: map[string]Number{}, Floats: map[string]float64{}, Texts: map[string]string{}, Arrays: map[string]ArrayShape{}}
	h, err := read(r, size, d)
	if err != nil {
		return nil, nil, err
	}
	return h, d, nil
}

// scalar keeps a value of fixed width by its bits. A nil Details keeps nothing.
func (d *Details) scalar(key string, kind ValueType, bits uint64) {
	if d == nil {
		return
	}
	switch kind {
	case Float32:
		d.Floats[key] = float64(math.Float32frombits(uint32(bits)))
	case Float64:
		d.Floats[key] = math.Float64frombits(bits)
	default:
		d.Numbers[key] = Number{kind, signed(kind, bits)}
	}
}

// signed extends the sign of a value that has one.
func signed(kind ValueType, bits uint64) int64 {
	switch kind {
	case Int8:
		return int64(int8(bits))
	case Int16:
		return int64(int16(bits))
	case Int32:
		return int64(int32(bits))
	}
	return int64(bits)
}

// text keeps a string. A nil Details keeps nothing.
func (d *Details) text(key string, s []byte) {
	if d != nil {
		d.Texts[key] = string(s)
	}
}

// tensor keeps a tensor's shape. A nil Details keeps nothing.
func (d *Details) tensor(t TensorShape) {
	if d != nil {
		d.Tensors = append(d.Tensors, t)
	}
}

// detailText passes over a string, and keeps it if it is short.
func (p *parser) detailText(key string) error {
	n, err := p.uint64()
	if err != nil || n > maxDetailText || p.d == nil {
		p.d.text(key, nil)
		return p.skipText(n, err)
	}
	b, err := p.next(int(n))
	if err != nil {
		return err
	}
	p.d.text(key, b)
	return nil
}

// array keeps what an array is of. A nil Details keeps nothing.
func (d *Details) array(where place, kind ValueType, count uint64) {
	if d != nil && where.depth == 0 {
		d.Arrays[where.key] = ArrayShape{Kind: kind, Length: count}
	}
}

// list passes over the elements of an array of numbers, and keeps those of a short one.
func (p *parser) list(where place, kind ValueType, count uint64) error {
	if p.d == nil || where.depth > 0 || count > maxDetailList || kind != Uint32 && kind != Int32 {
		return p.skip(count * kind.width())
	}
	shape := p.d.Arrays[where.key]
	for range count {
		bits, err := p.scalar(kind)
		if err != nil {
			return err
		}
		shape.Numbers = append(shape.Numbers, signed(kind, bits))
	}
	p.d.Arrays[where.key] = shape
	return nil
}
