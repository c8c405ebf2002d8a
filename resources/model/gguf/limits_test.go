package gguf_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/resources/model/gguf"
)

// raw is a header written by hand, in parts, so that the long ones take no memory.
type raw struct{ parts []io.Reader }

// add writes numbers as they are, strings with their lengths, and readers.
func (r *raw) add(values ...any) *raw {
	var b bytes.Buffer
	for _, v := range values {
		switch v := v.(type) {
		case string:
			_ = binary.Write(&b, binary.LittleEndian, uint64(len(v)))
			b.WriteString(v)
		case gguf.ValueType:
			_ = binary.Write(&b, binary.LittleEndian, uint32(v))
		case gguf.TensorType:
			_ = binary.Write(&b, binary.LittleEndian, uint32(v))
		case io.Reader:
			r.parts = append(r.parts, bytes.NewReader(bytes.Clone(b.Bytes())), v)
			b.Reset()
		default:
			if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
				panic(err)
			}
		}
	}
	r.parts = append(r.parts, &b)
	return r
}

// header begins one with the architecture and n keys more.
func rawHeader(keys, tensors uint64) *raw {
	return new(raw).add([]byte("GGUF"), uint32(3), tensors, keys+1, "general.architecture", gguf.String, "llama")
}

// zeros are n of them.
func zeros(n int64) io.Reader { return io.LimitReader(&counter{}, n) }

// read reads r, of size bytes in all, with zeros behind it.
func (r *raw) read(size int64) (*gguf.Header, error) {
	return gguf.Read(io.MultiReader(append(r.parts, &counter{})...), size)
}

// Each limit is taken at its last value and refused one beyond, and so is what only a header made by hand has.
func TestReadAtItsLimits(t *testing.T) {
	const size = 1 << 40
	key := func(n int) string { return strings.Repeat("k", n) }
	tensor := func(r *raw, name string, kind gguf.TensorType, offset uint64, dims ...uint64) *raw {
		return r.add(name, uint32(len(dims)), dims, kind, offset)
	}
	nested := func(depth int) *raw {
		r := rawHeader(1, 0).add("nest", gguf.Array)
		for range depth - 1 {
			r.add(gguf.Array, uint64(1))
		}
		return r.add(gguf.Uint8, uint64(1), uint8(1))
	}
	bools := func(n uint64, bad int64) *raw {
		return rawHeader(1, 0).add("flags", gguf.Array, gguf.Bool, n, zeros(bad), uint8(2), zeros(int64(n)-bad-1))
	}
	half := uint64(math.MaxInt64/128) * 128 // elements of Q1_0, the type with the fewest bits, in 1<<60 bytes or so
	for _, c := range []struct {
		what string
		head *raw
		want string // the field refused; "" where it is taken
	}{
		{"longest key", rawHeader(1, 0).add(key(gguf.MaxKeyLength), gguf.Uint8, uint8(0)), ""},
		{"key one too long", rawHeader(1, 0).add(key(gguf.MaxKeyLength+1), gguf.Uint8, uint8(0)), "key 1"},
		{"shortest key", rawHeader(1, 0).add("k", gguf.Uint8, uint8(0)), ""},
		{"key twice", rawHeader(2, 0).add("k", gguf.Uint8, uint8(0), "k", gguf.Int8, int8(1)), "key 2"},
		{"architecture twice", rawHeader(1, 0).add("general.architecture", gguf.String, "llama"), "key 1"},
		{"key in Greek", rawHeader(1, 0).add("μοντέλο", gguf.Uint8, uint8(0)), ""},
		{"key of a cut character", rawHeader(1, 0).add("μοντέλ\xce", gguf.Uint8, uint8(0)), "key 1"},
		{"every type", rawHeader(13, 0).add("0", gguf.Uint8, uint8(255), "1", gguf.Int8, int8(-1), "2", gguf.Uint16, uint16(1), "3", gguf.Int16, int16(-1),
			"4", gguf.Uint32, uint32(1), "5", gguf.Int32, int32(-1), "6", gguf.Float32, float32(math.Inf(1)), "7", gguf.Bool, true, "8", gguf.String, "\xff\x00",
			"9", gguf.Array, gguf.Float64, uint64(1), 1.5, "10", gguf.Uint64, uint64(1), "11", gguf.Int64, int64(-1), "12", gguf.Float64, math.NaN()), ""},
		{"empty string", rawHeader(1, 0).add("s", gguf.String, ""), ""},
		{"longest string", rawHeader(1, 0).add("s", gguf.String, uint64(gguf.MaxStringLength), zeros(gguf.MaxStringLength)), ""},
		{"string one too long", rawHeader(1, 0).add("s", gguf.String, uint64(gguf.MaxStringLength+1)), `value of "s"`},
		{"longest name", rawHeader(1, 0).add("general.name", gguf.String, key(gguf.MaxName)), ""},
		{"name of a wrong type", rawHeader(1, 0).add("general.name", gguf.Uint8, uint8(1)), `type of "general.name"`},
		{"empty array", rawHeader(1, 0).add("a", gguf.Array, gguf.String, uint64(0)), ""},
		{"longest array", rawHeader(1, 0).add("a", gguf.Array, gguf.Uint8, uint64(gguf.MaxArrayLength), zeros(gguf.MaxArrayLength)), ""},
		{"array one too long", rawHeader(1, 0).add("a", gguf.Array, gguf.Uint8, uint64(gguf.MaxArrayLength+1)), `length of "a"`},
		{"array of no type", rawHeader(1, 0).add("a", gguf.Array, uint32(13), uint64(0)), `element type of "a"`},
		{"long string in an array", rawHeader(1, 0).add("a", gguf.Array, gguf.String, uint64(2), "b", uint64(gguf.MaxStringLength+1)), `element 1 of "a"`},
		{"deepest array", nested(gguf.MaxArrayDepth), ""},
		{"array one too deep", nested(gguf.MaxArrayDepth + 1), `element type of element 0 of element 0 of element 0 of "nest"`},
		{"deep array of no type", rawHeader(1, 0).add("a", gguf.Array, gguf.Array, uint64(2), gguf.Int8, uint64(0), uint32(99)), `element type of element 1 of "a"`},
		{"deep array too long", rawHeader(1, 0).add("a", gguf.Array, gguf.Array, uint64(1), gguf.Int8, uint64(1<<63)), `length of element 0 of "a"`},
		{"deep string too long", rawHeader(1, 0).add("a", gguf.Array, gguf.Array, uint64(1), gguf.String, uint64(1), uint64(1<<63)), `element 0 of element 0 of "a"`},
		{"first bool of an array", bools(100000, 0), `element 0 of "flags"`},
		{"bool beyond the buffer", bools(100000, 70000), `element 70000 of "flags"`},
		{"last bool of an array", bools(100000, 99999), `element 99999 of "flags"`},
		{"bools", rawHeader(1, 0).add("flags", gguf.Array, gguf.Bool, uint64(3), []bool{true, false, true}), ""},
		{"largest alignment", rawHeader(1, 0).add("general.alignment", gguf.Uint32, uint32(1<<31)), ""},
		{"long name of a key in an error", rawHeader(1, 0).add(key(100), uint32(13)), `type of "` + key(80) + `"…`},
		{"longest name of a tensor", tensor(rawHeader(0, 1), key(gguf.MaxTensorName), gguf.F32, 0, 1), ""},
		{"name of a tensor one too long", tensor(rawHeader(0, 1), key(gguf.MaxTensorName+1), gguf.F32, 0, 1), "name of tensor 0"},
		{"tensor twice", tensor(tensor(rawHeader(0, 2), "t", gguf.F32, 0, 8), "t", gguf.F32, 32, 8), "name of tensor 1"},
		{"one dimension", tensor(rawHeader(0, 1), "t", gguf.F32, 0, 1), ""},
		{"most dimensions", tensor(rawHeader(0, 1), "t", gguf.F32, 0, 1, 2, 3, 4), ""},
		{"one dimension too many", tensor(rawHeader(0, 1), "t", gguf.F32, 0, 1, 1, 1, 1, 1), `n_dims of tensor "t"`},
		{"most elements", tensor(rawHeader(0, 1), "t", gguf.I8, 0, 1<<30, 1), ""},
		{"product of dimensions", tensor(rawHeader(0, 1), "t", gguf.I8, 0, 1<<32, 1<<16, 1<<15), `dims[2] of tensor "t"`},
		{"product that wraps to 0", tensor(rawHeader(0, 1), "t", gguf.I8, 0, 1<<32, 1<<32), `dims[1] of tensor "t"`},
		{"product that wraps to 1", tensor(rawHeader(0, 1), "t", gguf.I8, 0, 0xffff_ffff_ffff_ffff, 0xffff_ffff_ffff_ffff), `dims[0] of tensor "t"`},
		{"bytes that wrap", tensor(rawHeader(0, 1), "t", gguf.F32, 0, 1<<61), `type of tensor "t"`},
		{"data beyond the file", tensor(rawHeader(0, 1), "t", gguf.I8, 0, size), `data of tensor "t"`},
		{"data far beyond the file", tensor(rawHeader(0, 1), "t", gguf.I8, 0, size+1), `data of tensor "t"`},
		{"data that wraps to 0", tensor(tensor(tensor(tensor(rawHeader(0, 4), "t", gguf.F64, 0, 1<<59), "u", gguf.F64, 1<<62, 1<<59),
			"v", gguf.F64, 1<<63, 1<<59), "w", gguf.F64, 3<<62, 1<<59), `data of tensor "t"`},
		{"gap", tensor(tensor(rawHeader(0, 2), "t", gguf.F32, 0, 8), "u", gguf.F32, 64, 8), `offset of tensor "u"`},
		{"overlap", tensor(tensor(rawHeader(0, 2), "t", gguf.F32, 0, 9), "u", gguf.F32, 32, 8), `offset of tensor "u"`},
		{"padded", tensor(tensor(rawHeader(0, 2), "t", gguf.F32, 0, 9), "u", gguf.F32, 64, 8), ""},
		{"no padding", tensor(tensor(rawHeader(0, 2), "t", gguf.F32, 0, 9), "u", gguf.F32, 36, 8), `offset of tensor "u"`},
		{"first not at 0", tensor(rawHeader(0, 1), "t", gguf.F32, 32, 8), `offset of tensor "t"`},
		{"elements of all tensors", tensor(tensor(rawHeader(0, 2), "t", gguf.I8, 0, 127), "u", gguf.Q1_0, 128, half), ""},
		{"elements of all tensors and one more", tensor(tensor(rawHeader(0, 2), "t", gguf.I8, 0, 128), "u", gguf.Q1_0, 128, half), `dims[0] of tensor "u"`},
		{"shard without a number", rawHeader(2, 0).add("split.count", gguf.Uint16, uint16(2), "split.tensors.count", gguf.Int32, int32(0)), `key "split.no"`},
		{"shard without a sum", rawHeader(2, 0).add("split.count", gguf.Uint16, uint16(2), "split.no", gguf.Uint16, uint16(0)), `key "split.tensors.count"`},
		{"merged shards", rawHeader(2, 0).add("split.count", gguf.Uint16, uint16(0), "split.no", gguf.Uint16, uint16(7)), ""},
		{"no architecture", new(raw).add([]byte("GGUF"), uint32(3), uint64(0), uint64(0)), `key "general.architecture"`},
	} {
		limit := int64(size)
		if strings.HasPrefix(c.what, "elements of all tensors") {
			limit = math.MaxInt64
		}
		_, err := c.head.read(limit)
		var field *gguf.FieldError
		switch {
		case err == nil && c.want != "":
			t.Errorf("%s: taken", c.what)
		case err != nil && (!errors.As(err, &field) || field.Field != c.want):
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

// The architecture may come after what depends on it, and its context length may be what the format says, not what llama.cpp writes.
func TestReadFindsTheContextLength(t *testing.T) {
	for _, c := range []struct {
		kind gguf.ValueType
		v    any
	}{{gguf.Uint32, uint32(4096)}, {gguf.Uint64, uint64(4096)}} {
		h, err := new(raw).add([]byte("GGUF"), uint32(3), uint64(0), uint64(3), "qwen3.context_length", c.kind, c.v,
			"llama.context_length", gguf.Float32, float32(1), "general.architecture", gguf.String, "qwen3").read(1 << 20)
		if err != nil || h.ContextLength != 4096 || h.Architecture != "qwen3" {
			t.Errorf("%v: %+v, %v", c.kind, h, err)
		}
	}
	_, err := new(raw).add([]byte("GGUF"), uint32(3), uint64(0), uint64(2), "qwen3.context_length", gguf.Int32, int32(1),
		"general.architecture", gguf.String, "qwen3").read(1 << 20)
	var field *gguf.FieldError
	if !errors.As(err, &field) || field.Field != `type of "qwen3.context_length"` {
		t.Errorf("got %v", err)
	}
}

func TestReadNamesTheFileType(t *testing.T) {
	for n, want := range map[uint32]string{0: "F32", 1: "F16", 7: "Q8_0", 15: "Q4_K_M", 38: "MXFP4_MOE", 41: "Q2_0", 1024 + 15: "Q4_K_M", 77: "type 77", math.MaxUint32: "type 4294966271"} {
		h, err := rawHeader(1, 0).add("general.file_type", gguf.Uint32, n).read(1 << 20)
		if err != nil || h.FileType != want {
			t.Errorf("%d: %+v, %v; want %s", n, h, err, want)
		}
	}
}

// A vocabulary alone has no tensors, and llama.cpp's converter pads nothing after it.
func TestReadTakesAVocabularyAlone(t *testing.T) {
	var b bytes.Buffer
	if _, err := io.Copy(&b, io.MultiReader(rawHeader(0, 0).parts...)); err != nil {
		t.Fatal(err)
	}
	h, err := gguf.Read(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil || h.DataOffset != int64(b.Len()) || h.DataSize != 0 || h.Tensors != 0 {
		t.Errorf("%+v, %v", h, err)
	}
}

// The sizes are those of GGML_QUANT_SIZES in llama.cpp's gguf-py, which are written down apart from ggml.c.
func TestTensorTypes(t *testing.T) {
	sizes := map[gguf.TensorType][2]int{0: {1, 4}, 1: {1, 2}, 2: {32, 18}, 3: {32, 20}, 6: {32, 22}, 7: {32, 24}, 8: {32, 34}, 9: {32, 36},
		10: {256, 84}, 11: {256, 110}, 12: {256, 144}, 13: {256, 176}, 14: {256, 210}, 15: {256, 292}, 16: {256, 66}, 17: {256, 74}, 18: {256, 98},
		19: {256, 50}, 20: {32, 18}, 21: {256, 110}, 22: {256, 82}, 23: {256, 136}, 24: {1, 1}, 25: {1, 2}, 26: {1, 4}, 27: {1, 8}, 28: {1, 8},
		29: {256, 56}, 30: {1, 2}, 34: {256, 54}, 35: {256, 66}, 39: {32, 17}, 40: {64, 36}, 41: {128, 18}, 42: {64, 18}}
	removed := map[gguf.TensorType]string{4: "Q4_2", 5: "Q4_3", 31: "Q4_0_4_4", 32: "Q4_0_4_8", 33: "Q4_0_8_8", 36: "IQ4_NL_4_4", 37: "IQ4_NL_4_8", 38: "IQ4_NL_8_8"}
	for n := range gguf.TensorType(100) {
		elements, bytes, err := n.Block()
		if want, ok := sizes[n]; ok {
			if err != nil || [2]int{elements, bytes} != want {
				t.Errorf("%v: %d, %d, %v; want %v", n, elements, bytes, err, want)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), removed[n]) || removed[n] != "" && n.String() != removed[n] {
			t.Errorf("%v: %v", n, err)
		}
	}
	if len(sizes)+len(removed) != 43 {
		t.Errorf("%d types", len(sizes)+len(removed))
	}
}
