package gguf

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// ValueType is the type of a value in a header, by its number in the format.
type ValueType int32

// The types of values, gguf_type of gguf.h.
const (
	Uint8   ValueType = 0
	Int8    ValueType = 1
	Uint16  ValueType = 2
	Int16   ValueType = 3
	Uint32  ValueType = 4
	Int32   ValueType = 5
	Float32 ValueType = 6
	Bool    ValueType = 7
	String  ValueType = 8
	Array   ValueType = 9
	Uint64  ValueType = 10
	Int64   ValueType = 11
	Float64 ValueType = 12

	lastValueType = Float64
)

func (t ValueType) String() string {
	names := [...]string{"uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "bool", "string", "array", "uint64", "int64", "float64"}
	if t < 0 || int(t) >= len(names) {
		return fmt.Sprintf("type %d", int32(t))
	}
	return names[t]
}

// width is how many bytes a value has, and for strings and arrays how many it has at least.
func (t ValueType) width() uint64 {
	switch t {
	case Uint8, Int8, Bool:
		return 1
	case Uint16, Int16:
		return 2
	case Uint32, Int32, Float32:
		return 4
	case Array:
		return 12
	}
	return 8
}

// place is where in a value the parser is: the element of an element of … of a key's array.
type place struct {
	key   string
	path  [MaxArrayDepth]uint64
	depth int
}

// at is the i-th element of p.
func (p place) at(i uint64) place {
	p.path[p.depth] = i
	p.depth++
	return p
}

func (p place) String() string {
	var b strings.Builder
	for i := p.depth - 1; i >= 0; i-- {
		fmt.Fprintf(&b, "element %d of ", p.path[i])
	}
	return b.String() + show(p.key)
}

// scalar reads a value of fixed width; the bits of floats are not looked at.
func (p *parser) scalar(t ValueType) (uint64, error) {
	b, err := p.next(int(t.width()))
	if err != nil {
		return 0, err
	}
	var v uint64
	switch len(b) {
	case 1:
		v = uint64(b[0])
	case 2:
		v = uint64(binary.LittleEndian.Uint16(b))
	case 4:
		v = uint64(binary.LittleEndian.Uint32(b))
	default:
		v = binary.LittleEndian.Uint64(b)
	}
	if t == Bool {
		return v, boolFault(b[0])
	}
	return v, nil
}

func boolFault(b byte) error {
	if b > 1 {
		return fmt.Errorf("%d is not a bool, 0 or 1", b)
	}
	return nil
}

func (p *parser) skipString() error {
	return p.skipText(p.uint64())
}

// skipText passes over n bytes of a string, unless its length could not be read.
func (p *parser) skipText(n uint64, err error) error {
	if err != nil {
		return err
	}
	if n > MaxStringLength {
		return fmt.Errorf("%d bytes is more than %d", n, MaxStringLength)
	}
	return p.skip(n)
}

// array passes over an array whose type and length come next.
func (p *parser) array(where place) error {
	at := p.off
	n, err := p.uint32()
	switch {
	case err != nil:
	case n > uint32(lastValueType):
		err = fmt.Errorf("%d is not the type of a value (0 to %d)", n, lastValueType)
	case ValueType(n) == Array && where.depth+1 >= MaxArrayDepth:
		err = fmt.Errorf("arrays are nested more than %d deep", MaxArrayDepth)
	}
	if err != nil {
		return refuse(at, err, "element type of %v", where)
	}
	kind := ValueType(n)
	at = p.off
	count, err := p.uint64()
	switch {
	case err != nil:
	case count > MaxArrayLength:
		err = fmt.Errorf("%d elements is more than %d", count, MaxArrayLength)
	case count*kind.width() > p.left():
		err = fmt.Errorf("%d elements of %v: %w", count, kind, p.need(count*kind.width()))
	}
	if err != nil {
		return refuse(at, err, "length of %v", where)
	}
	return p.elements(where, kind, count)
}

func (p *parser) elements(where place, kind ValueType, count uint64) error {
	p.d.array(where, kind, count)
	switch kind {
	case String:
		return p.strings(where, count)
	case Bool:
		return p.bools(where, count)
	case Array:
		for i := range count {
			if err := p.array(where.at(i)); err != nil {
				return err
			}
		}
		return nil
	}
	at := p.off
	if err := p.list(where, kind, count); err != nil {
		return refuse(at, err, "elements of %v", where)
	}
	return nil
}

func (p *parser) strings(where place, count uint64) error {
	for i := range count {
		at := p.off
		if err := p.skipString(); err != nil {
			return refuse(at, err, "%v", where.at(i))
		}
	}
	return nil
}

func (p *parser) bools(where place, count uint64) error {
	for i := uint64(0); i < count; {
		at := p.off
		b, err := p.next(int(min(count-i, bufferSize)))
		if err != nil {
			return refuse(at, err, "elements of %v", where)
		}
		for j, v := range b {
			if err := boolFault(v); err != nil {
				return refuse(at+int64(j), err, "%v", where.at(i+uint64(j)))
			}
		}
		i += uint64(len(b))
	}
	return nil
}
