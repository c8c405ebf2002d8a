package gguftest

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"math/rand/v2"

	"github.com/agent0-converge/agent0-converge/resources/model/gguf"
)

// weights makes the bytes of one tensor, in order. They depend on the seed and the tensor's name alone, so that a shard has
// what the whole file has.
type weights struct {
	random *rand.PCG
	t      tensor
}

func newWeights(seed uint64, t tensor) *weights {
	h := fnv.New64a()
	h.Write([]byte(t.name))
	return &weights{random: rand.NewPCG(seed, h.Sum64()), t: t}
}

// unit is how many bytes fill makes at once at least: a block of the tensor's type.
func (w *weights) unit() int {
	_, width, err := w.t.kind.Block()
	if err != nil {
		panic(err) // withDefaults refuses such types
	}
	return width
}

// fill makes the next len(b) bytes, a multiple of unit.
func (w *weights) fill(b []byte) {
	unit := w.unit()
	for ; len(b) > 0; b = b[unit:] {
		switch w.t.kind {
		case gguf.Q8_0:
			w.q8(b[:unit])
		case gguf.Q4_0:
			w.q4(b[:unit])
		case gguf.F16:
			binary.LittleEndian.PutUint16(b, half(float32(w.even()*w.t.spread)))
		default:
			binary.LittleEndian.PutUint32(b, math.Float32bits(float32(w.single())))
		}
	}
}

// single is one weight as F32: near 1 in a norm.
func (w *weights) single() float64 {
	if w.t.spread == 0 {
		return 1 + float64(0.02*w.even()) // the conversion keeps machines with a fused add from rounding otherwise
	}
	return w.even() * w.t.spread
}

// even is evenly spread around 0 with a standard deviation of 1.
func (w *weights) even() float64 {
	return (float64(w.random.Uint64()>>11)/(1<<52) - 1) * math.Sqrt(3)
}

// scale is the scale of a block whose whole numbers have the standard deviation of: from half to one and a half of what
// gives the tensor's spread.
func (w *weights) scale(b []byte, of float64) {
	binary.LittleEndian.PutUint16(b, half(float32((1+w.even()/math.Sqrt(12))*w.t.spread/of)))
}

// q8 is a block_q8_0: a scale and 32 int8. -128 is not among them, as ggml never writes it and some kernels
// take the absolute value.
func (w *weights) q8(b []byte) {
	w.scale(b, 73.3)
	for i := 2; i < len(b); i += 8 {
		binary.LittleEndian.PutUint64(b[i:], w.random.Uint64())
	}
	for i, v := range b[2:] {
		if v == 0x80 {
			b[2+i] = 0
		}
	}
}

// q4 is a block_q4_0: a scale and 32 numbers from 0 to 15 that mean -8 to 7. 0 is not among them, so that the
// mean is 0.
func (w *weights) q4(b []byte) {
	w.scale(b, 4.18)
	for i := 2; i < len(b); i += 8 {
		binary.LittleEndian.PutUint64(b[i:], w.random.Uint64())
	}
	for i, v := range b[2:] {
		if v&0x0f == 0 {
			v |= 0x08
		}
		if v&0xf0 == 0 {
			v |= 0x80
		}
		b[2+i] = v
	}
}

// half is the nearest binary16 of f, which is of a size that a weight or a scale may have; what is too large for it
// becomes infinite.
func half(f float32) uint16 {
	bits := math.Float32bits(f)
	sign := uint16(bits >> 16 & 0x8000)
	exp := int(bits>>23&0xff) - 127 + 15
	mantissa := bits&0x7fffff | 0x800000
	shift := uint(13)
	switch {
	case exp >= 31:
		return sign | 0x7c00
	case exp < -10:
		return sign
	case exp < 1: // subnormal
		shift += uint(1 - exp)
		exp = 0
	default:
		mantissa &= 0x7fffff
	}
	rest := mantissa & (1<<shift - 1)
	h := uint16(exp)<<10 + uint16(mantissa>>shift)
	if middle := uint32(1) << (shift - 1); rest > middle || rest == middle && h&1 == 1 {
		h++ // to the nearest, to even in the middle; the carry into the exponent is right
	}
	return sign | h
}
