package gguftest

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/agent0-converge/agent0-converge/resources/model/gguf"
)

// single is the value of a binary16, as IEEE 754 says it.
func single(h uint16) float64 {
	sign := 1.0
	if h&0x8000 != 0 {
		sign = -1
	}
	exp, mantissa := int(h>>10&31), float64(h&0x3ff)
	switch exp {
	case 0:
		return sign * math.Ldexp(mantissa, -24)
	case 31:
		return sign * math.Inf(1)
	}
	return sign * math.Ldexp(1+mantissa/1024, exp-15)
}

func TestHalf(t *testing.T) {
	for h := range uint16(0x7c01) {
		for _, h := range []uint16{h, h | 0x8000} {
			if got := half(float32(single(h))); got != h {
				t.Fatalf("%#04x became %#04x", h, got)
			}
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 1_000_000 {
		f := float32(math.Ldexp(r.Float64()*2-1, r.IntN(42)-26))
		h := half(f)
		off := math.Abs(single(h) - float64(f))
		if h&0x7fff == 0x7c00 {
			if math.Abs(float64(f)) < 65520 {
				t.Fatalf("%g became infinite", f)
			}
			continue
		}
		for _, n := range []uint16{h - 1, h + 1} {
			// Next to zero and to infinity there is a neighbour on one side only.
			if n&0x8000 != h&0x8000 || n&0x7fff >= 0x7c00 {
				continue
			}
			if other := math.Abs(single(n) - float64(f)); other < off || other == off && h&1 == 1 {
				t.Fatalf("%g became %#04x, and %#04x is nearer", f, h, n)
			}
		}
	}
}

// elements is what a tensor's bytes mean, as dequantize_row_* of ggml-quants.c has it.
func elements(t *testing.T, kind gguf.TensorType, b []byte) (out []float64) {
	t.Helper()
	for len(b) > 0 {
		switch kind {
		case gguf.F32:
			out = append(out, float64(math.Float32frombits(binary.LittleEndian.Uint32(b))))
			b = b[4:]
		case gguf.F16:
			out = append(out, single(binary.LittleEndian.Uint16(b)))
			b = b[2:]
		case gguf.Q8_0:
			d := single(binary.LittleEndian.Uint16(b))
			for _, q := range b[2:34] {
				if q == 0x80 {
					t.Fatal("-128 in a block of Q8_0")
				}
				out = append(out, d*float64(int8(q)))
			}
			b = b[34:]
		case gguf.Q4_0:
			d := single(binary.LittleEndian.Uint16(b))
			for _, q := range b[2:18] {
				out = append(out, d*(float64(q&15)-8), d*(float64(q>>4)-8))
			}
			b = b[18:]
		default:
			t.Fatalf("%v", kind)
		}
	}
	return out
}

// The weights of a matrix have the spread that keeps what goes through it as large as it was, and those of a norm are near 1.
func TestWeightsArePlausible(t *testing.T) {
	for _, kind := range []gguf.TensorType{gguf.F32, gguf.F16, gguf.Q8_0, gguf.Q4_0} {
		o := Small()
		o.Type = kind
		o, err := o.withDefaults()
		if err != nil {
			t.Fatal(err)
		}
		for _, tensor := range o.tensors() {
			b := make([]byte, tensor.size)
			newWeights(o.Seed, tensor).fill(b)
			weights := elements(t, tensor.kind, b)
			count := 1
			for _, d := range tensor.dims {
				count *= d
			}
			mean, spread, most := moments(weights)
			switch {
			case len(weights) != count:
				t.Errorf("%v: %s has %d elements, want %d", kind, tensor.name, len(weights), count)
			case tensor.spread == 0:
				if math.Abs(mean-1) > 0.01 || most > 1.1 {
					t.Errorf("%v: %s: mean %g, largest %g", kind, tensor.name, mean, most)
				}
			case math.Abs(mean) > 0.03*tensor.spread || math.Abs(spread/tensor.spread-1) > 0.1 || most > 4*tensor.spread:
				t.Errorf("%v: %s: mean %g, spread %g, largest %g; the spread has to be %g", kind, tensor.name, mean, spread, most, tensor.spread)
			}
		}
	}
}

// moments are mean, standard deviation and the largest absolute value.
func moments(values []float64) (mean, spread, most float64) {
	for _, v := range values {
		mean += v / float64(len(values))
		most = max(most, math.Abs(v))
	}
	for _, v := range values {
		spread += (v - mean) * (v - mean) / float64(len(values))
	}
	return mean, math.Sqrt(spread), most
}

// However the bytes are asked for, they are the same.
func TestWeightsDoNotDependOnTheChunk(t *testing.T) {
	o, err := Small().withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	for _, tensor := range o.tensors() {
		whole, parts := make([]byte, tensor.size), make([]byte, tensor.size)
		newWeights(1, tensor).fill(whole)
		w := newWeights(1, tensor)
		for b := parts; len(b) > 0; b = b[w.unit():] {
			w.fill(b[:w.unit()])
		}
		if !bytes.Equal(whole, parts) {
			t.Errorf("%s", tensor.name)
		}
	}
}

func TestVocabulary(t *testing.T) {
	seen := map[string]int{}
	kinds := map[int32]int{}
	last := float32(1)
	for i := range 200_000 {
		text, score, kind := token(i)
		if at, twice := seen[text]; twice || text == "" {
			t.Fatalf("token %d is %q, and so is token %d", i, text, at)
		}
		seen[text] = i
		kinds[kind]++
		if kind == normalToken {
			if score >= last {
				t.Fatalf("token %d scores %g after %g", i, score, last)
			}
			last = score
		}
	}
	if kinds[byteToken] != 256 || kinds[unknownToken] != 1 || kinds[controlToken] != 4 {
		t.Errorf("%v", kinds)
	}
	for text, want := range map[string]int{"<unk>": unknownID, "<s>": beginID, "</s>": endID, "<0x00>": 3, "<0x0A>": 13, "<0xFF>": 258, "<|im_start|>": imStartID, "<|im_end|>": imEndID, space: MinVocab} {
		if at, ok := seen[text]; !ok || at != want {
			t.Errorf("%s is token %d (%t), want %d", text, at, ok, want)
		}
	}
	for c := '!'; c <= '~'; c++ {
		if _, ok := seen[string(c)]; !ok {
			t.Errorf("no token for %c", c)
		}
	}
	if text, _, _ := token(maxVocab - 1); text != "zzzz" {
		t.Errorf("the last token is %q", text)
	}
}
