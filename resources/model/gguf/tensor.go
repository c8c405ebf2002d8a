package gguf

import (
	"fmt"
	"io"
	"math"
)

func (p *parser) tensors() error {
	for i := range p.nTensors {
		if err := p.tensor(i); err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) tensor(i uint64) error {
	name, err := p.tensorName(i)
	if err != nil {
		return err
	}
	dims, err := p.dims(name)
	if err != nil {
		return err
	}
	kind, size, err := p.tensorType(name, product(dims), dims[0])
	if err != nil {
		return err
	}
	at := p.off
	offset, err := p.uint64()
	switch {
	case err != nil:
	case offset%uint64(p.h.Alignment) != 0:
		err = fmt.Errorf("%d is no multiple of the alignment, %d", offset, p.h.Alignment)
	case offset != p.nextTensor:
		err = fmt.Errorf("%d is not where the tensor before it ends, %d", offset, p.nextTensor)
	}
	if err != nil {
		return refuse(at, err, "offset of tensor %s", show(name))
	}
	if offset > uint64(p.size) || size > uint64(p.size)-offset {
		return refuse(at, fmt.Errorf("takes %d bytes from %d of the data on, and the whole file has %d: it was cut off: %w", size, offset, p.size, io.ErrUnexpectedEOF),
			"data of tensor %s", show(name))
	}
	p.d.tensor(TensorShape{name, dims, kind})
	p.last, p.lastBegin, p.lastEnd = name, offset, offset+size
	p.nextTensor = pad(p.lastEnd, p.h.Alignment)
	return nil
}

func (p *parser) tensorName(i uint64) (string, error) {
	at := p.off
	b, err := p.text(MaxTensorName)
	if err == nil {
		err = nameFault(b)
	}
	name := string(b)
	if _, twice := p.names[name]; err == nil && twice {
		err = fmt.Errorf("%s is there twice", show(name))
	}
	if err != nil {
		return "", refuse(at, err, "name of tensor %d", i)
	}
	p.names[name] = struct{}{}
	return name, nil
}

// dims reads a tensor's, the length of a row first. Their product is a whole number that llama.cpp can hold.
func (p *parser) dims(name string) ([]uint64, error) {
	at := p.off
	n, err := p.uint32()
	switch {
	case err != nil:
	case n == 0:
		err = fmt.Errorf("%d is less than 1", n)
	case n > MaxDims:
		err = fmt.Errorf("%d is more than %d", n, MaxDims)
	}
	if err != nil {
		return nil, refuse(at, err, "n_dims of tensor %s", show(name))
	}
	elements := uint64(1)
	var dims []uint64
	for j := range n {
		at = p.off
		d, err := p.uint64()
		total, ok := multiply(elements, d)
		switch {
		case err != nil:
		case d == 0:
			err = fmt.Errorf("%d is less than 1", d)
		case !ok:
			err = fmt.Errorf("%d makes more than %d elements", d, uint64(math.MaxInt64))
		case p.h.Parameters > math.MaxInt64-total:
			err = fmt.Errorf("%d makes more than %d elements with the tensors before", d, uint64(math.MaxInt64))
		}
		if err != nil {
			return nil, refuse(at, err, "dims[%d] of tensor %s", j, show(name))
		}
		elements = total
		dims = append(dims, d)
	}
	p.h.Parameters += elements
	return dims, nil
}

// product is how many elements a tensor has.
func product(dims []uint64) uint64 {
	n := uint64(1)
	for _, d := range dims {
		n *= d
	}
	return n
}

// tensorType reads a tensor's type, and says how many bytes the tensor has with it.
func (p *parser) tensorType(name string, elements, row uint64) (t TensorType, size uint64, err error) {
	at := p.off
	n, err := p.uint32()
	if err != nil {
		return 0, 0, refuse(at, err, "type of tensor %s", show(name))
	}
	t = TensorType(n)
	per, width, err := t.Block()
	if err == nil && row%uint64(per) != 0 {
		err = fmt.Errorf("%v has blocks of %d, and dims[0] is %d, no multiple of that", t, per, row)
	}
	if err == nil {
		var ok bool
		if size, ok = multiply(elements/uint64(per), uint64(width)); !ok {
			err = fmt.Errorf("%d elements of %v take more than %d bytes", elements, t, uint64(math.MaxInt64))
		}
	}
	if err != nil {
		return 0, 0, refuse(at, err, "type of tensor %s", show(name))
	}
	return t, size, nil
}

// multiply is a*b, where that is a whole number that llama.cpp can hold in an int64.
func multiply(a, b uint64) (uint64, bool) {
	if a != 0 && b > math.MaxInt64/a {
		return 0, false
	}
	return a * b, true
}
