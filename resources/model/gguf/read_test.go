package gguf_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/agent0-converge/agent0-converge/resources/model/gguf"
	"github.com/agent0-converge/agent0-converge/resources/model/gguf/gguftest"
)

// file is the whole file that o tells of.
func file(t interface{ Fatal(...any) }, o gguftest.Options) []byte {
	var b bytes.Buffer
	if err := gguftest.Write(&b, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// tiny is the smallest model there is.
func tiny() gguftest.Options {
	return gguftest.Options{Seed: 7, Name: "Tiny", Layers: 1, Width: 32, Heads: 2, FF: 64, Vocab: gguftest.MinVocab, Context: 64, Type: gguf.Q8_0}
}

func TestReadTakesWhatTheHeaderSays(t *testing.T) {
	b := file(t, gguftest.Small())
	got, err := gguf.Read(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	want := &gguf.Header{Version: 3, Architecture: "llama", Name: "Small", FileType: "Q8_0", ContextLength: 512,
		Parameters: 639616, Tensors: 21, Alignment: 32, DataOffset: 17984, DataSize: 681472}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A download is read while it comes: Read must be content with the header, and must not mind how the bytes come.
func TestReadStopsAfterTheHeader(t *testing.T) {
	b := file(t, gguftest.Small())
	whole, err := gguf.Read(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("the connection broke")
	for name, r := range map[string]io.Reader{
		"one byte at a time": iotest.OneByteReader(io.MultiReader(bytes.NewReader(b[:whole.DataOffset]), iotest.ErrReader(broken))),
		"half":               iotest.HalfReader(io.MultiReader(bytes.NewReader(b[:whole.DataOffset]), iotest.ErrReader(broken))),
		"data with EOF":      iotest.DataErrReader(bytes.NewReader(b[:whole.DataOffset])),
	} {
		got, err := gguf.Read(r, int64(len(b)))
		if diff := cmp.Diff(whole, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
	// A fault of the reader before the header ends is handed on.
	_, err = gguf.Read(io.MultiReader(bytes.NewReader(b[:1000]), iotest.ErrReader(broken)), int64(len(b)))
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestReadTakesNoMoreThanTheBufferAfterTheHeader(t *testing.T) {
	o := gguftest.Large()
	head, _, err := gguftest.Header(o)
	if err != nil {
		t.Fatal(err)
	}
	size, err := gguftest.Size(o)
	if err != nil {
		t.Fatal(err)
	}
	rest := &counter{}
	h, err := gguf.Read(io.MultiReader(bytes.NewReader(head), rest), size)
	if err != nil {
		t.Fatal(err)
	}
	if h.DataOffset+h.DataSize > size || size-h.DataOffset-h.DataSize >= int64(h.Alignment) {
		t.Errorf("the data from %d on has %d bytes, and the file %d", h.DataOffset, h.DataSize, size)
	}
	if rest.n > 1<<16 {
		t.Errorf("read %d bytes of the data", rest.n)
	}
}

// counter gives zeros and counts them.
type counter struct{ n int }

func (c *counter) Read(b []byte) (int, error) {
	clear(b)
	c.n += len(b)
	return len(b), nil
}

func TestReadTellsWhereAndWhy(t *testing.T) {
	head, fields, err := gguftest.Header(gguftest.Small())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		field string
		value uint64
		want  string
	}{
		{`n_dims of tensor "blk.0.attn_q.weight"`, 7, `n_dims of tensor "blk.0.attn_q.weight" at byte 16884: 7 is more than 4`},
		{"version", 1, "version at byte 4: version 1 is no longer supported: convert the model again, or get a newer file of it"},
		{"version", 3 << 24, "version at byte 4: 0x03000000 is a file for big endian machines: get the little endian one"},
		{"version", 4, "version at byte 4: 4 is not 2 or 3"},
		{`type of "general.name"`, 4, `type of "general.name" at byte 126: is uint32, and has to be string`},
		{`type of tensor "output.weight"`, 31, `type of tensor "output.weight" at byte 17952: 31 is Q4_0_4_4, which was removed from the format: get the model as Q4_0`},
		{`type of tensor "output.weight"`, 12, `type of tensor "output.weight" at byte 17952: Q4_K has blocks of 256, and dims[0] is 128, no multiple of that`},
		{`offset of tensor "blk.0.attn_q.weight"`, 104961, `offset of tensor "blk.0.attn_q.weight" at byte 16908: 104961 is no multiple of the alignment, 32`},
		{`offset of tensor "blk.0.attn_q.weight"`, 104992, `offset of tensor "blk.0.attn_q.weight" at byte 16908: 104992 is not where the tensor before it ends, 104960`},
	} {
		b := bytes.Clone(head)
		for _, f := range fields {
			if f.Name == c.field {
				put(b, f, c.value)
			}
		}
		_, err := gguf.Read(bytes.NewReader(b), 1<<20)
		if want := "cannot take the GGUF header: " + c.want; err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

// Whatever the generator can be asked for is taken, and taken for what it is.
func TestReadTakesAllThatTheGeneratorWrites(t *testing.T) {
	types := map[gguf.TensorType]string{gguf.F32: "F32", gguf.F16: "F16", gguf.Q8_0: "Q8_0", gguf.Q4_0: "Q4_0"}
	rapid.Check(t, func(t *rapid.T) {
		o := gguftest.Options{
			Seed:      rapid.Uint64().Draw(t, "seed"),
			Name:      rapid.String().Draw(t, "name"),
			Layers:    rapid.IntRange(1, 3).Draw(t, "layers"),
			KVHeads:   rapid.IntRange(1, 2).Draw(t, "kv heads"),
			Vocab:     rapid.IntRange(gguftest.MinVocab, 1500).Draw(t, "vocab"),
			Context:   rapid.IntRange(1, 1<<20).Draw(t, "context"),
			Type:      rapid.SampledFrom([]gguf.TensorType{gguf.F32, gguf.F16, gguf.Q8_0, gguf.Q4_0}).Draw(t, "type"),
			Version:   rapid.Uint32Range(2, 3).Draw(t, "version"),
			Alignment: rapid.SampledFrom([]uint32{0, 1, 2, 8, 32, 64, 4096}).Draw(t, "alignment"),
		}
		o.Heads = o.KVHeads * rapid.IntRange(1, 2).Draw(t, "heads")
		o.Width = 32 * o.Heads * rapid.IntRange(1, 2).Draw(t, "width")
		o.FF = 32 * rapid.IntRange(1, 4).Draw(t, "ff")
		if count := rapid.IntRange(0, 4).Draw(t, "shards"); count > 0 {
			o.Split = gguf.Split{Count: count, No: rapid.IntRange(0, count-1).Draw(t, "shard"), Tensors: 9*o.Layers + 3}
		}
		b := file(t, o)
		got, err := gguf.Read(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		want := &gguf.Header{Version: o.Version, Alignment: max(o.Alignment, 1), Tensors: 9*o.Layers + 3, Split: o.Split}
		if o.Alignment == 0 {
			want.Alignment = gguf.DefaultAlignment
		}
		if o.Split.No == 0 {
			want.Architecture, want.Name, want.FileType, want.ContextLength = "llama", o.Name, types[o.Type], uint64(o.Context)
		}
		layer := 2*o.Width + 2*o.Width*o.Width + 2*o.Width*o.Width/o.Heads*o.KVHeads + 3*o.Width*o.FF
		want.Parameters = uint64(2*o.Vocab*o.Width + o.Width + o.Layers*layer)
		if o.Split.Count > 1 {
			want.Tensors = (o.Split.No+1)*o.Split.Tensors/o.Split.Count - o.Split.No*o.Split.Tensors/o.Split.Count
			want.Parameters = got.Parameters // CheckShards has the sum
		}
		want.DataOffset, want.DataSize = got.DataOffset, got.DataSize
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
		a := int64(want.Alignment)
		if end := got.DataOffset + got.DataSize; got.DataOffset%a != 0 || end > int64(len(b)) || int64(len(b))-end >= a {
			t.Fatalf("the data is from %d to %d of %d bytes", got.DataOffset, end, len(b))
		}
		if size, err := gguftest.Size(o); err != nil || size != int64(len(b)) {
			t.Fatalf("Size tells %d (%v), and there are %d bytes", size, err, len(b))
		}
	})
}

// allocated is how many bytes f takes from the heap, given back or not.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// What a header claims costs nothing: every number in it is set to the largest there are, one after the other, and all that
// come after it too, in a file that is said to be as large.
func TestReadTakesNoMemoryForClaims(t *testing.T) {
	for _, o := range []gguftest.Options{tiny(), gguftest.Small()} {
		head, fields, err := gguftest.Header(o)
		if err != nil {
			t.Fatal(err)
		}
		tried, most := 0, uint64(0)
		for _, f := range fields {
			if f.Size != 8 || f.Part == gguftest.Text || f.Part == gguftest.KeyText || f.Part == gguftest.NameText {
				continue
			}
			for _, claim := range []uint64{1 << 63, math.MaxInt64, math.MaxUint64, 1 << 40, 1 << 26, 1 << 25, 1 << 16} {
				b := bytes.Clone(head)
				for _, g := range fields {
					if g.Offset >= f.Offset && g.Part == f.Part {
						put(b, g, claim)
					}
				}
				tried++
				used := allocated(func() { _, _ = gguf.Read(io.MultiReader(bytes.NewReader(b), &counter{}), math.MaxInt64) })
				most = max(most, used)
				if used >= 1<<20 {
					t.Errorf("%d in %s: %d bytes", claim, f.Name, used)
				}
			}
		}
		if tried < 1000 {
			t.Fatalf("only %d claims were tried", tried)
		}
		t.Logf("%d claims, at most %d bytes each", tried, most)
	}
}

// What does come costs a few times its size, however it is spread over keys and tensors.
func TestReadTakesLittleMemoryForWhatComes(t *testing.T) {
	tensors := func(r *raw, n int) *raw {
		for i := range n {
			r.add(fmt.Sprintf("%05x", i), uint32(1), uint64(8), gguf.F32, uint64(32*i))
		}
		return r
	}
	keys := func(r *raw, n, length int) *raw {
		for i := range n {
			r.add(fmt.Sprintf("%0*x", length, i), gguf.Uint8, uint8(0))
		}
		return r
	}
	contexts := func(r *raw, n int) *raw {
		for i := range n {
			r.add(fmt.Sprintf("%x.context_length", i), gguf.Uint32, uint32(0))
		}
		return r
	}
	for name, r := range map[string]*raw{
		"keys":      keys(rawHeader(gguf.MaxKeys-1, 0), gguf.MaxKeys-1, 5),
		"long keys": keys(rawHeader(100, 0), 100, gguf.MaxKeyLength),
		"contexts":  contexts(rawHeader(gguf.MaxKeys-1, 0), gguf.MaxKeys-1),
		"tensors":   tensors(rawHeader(0, gguf.MaxTensors), gguf.MaxTensors),
	} {
		b, err := io.ReadAll(io.MultiReader(r.parts...))
		if err != nil {
			t.Fatal(err)
		}
		used := allocated(func() { _, err = gguf.Read(bytes.NewReader(b), 1<<40) })
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if used > uint64(20*len(b)) {
			t.Errorf("%s: %d bytes of memory for %d bytes", name, used, len(b))
		}
		t.Logf("%s: %d bytes of memory for %d bytes", name, used, len(b))
	}
}

// The first bytes that are no GGUF are named by Read too.
func TestReadNamesImpostors(t *testing.T) {
	page := "<!DOCTYPE html><html><head><title>Sign in</title>" + strings.Repeat("x", 10000)
	_, err := gguf.Read(strings.NewReader(page), int64(len(page)))
	var field *gguf.FieldError
	var impostor *gguf.ImpostorError
	if !errors.As(err, &field) || field.Field != "magic" || !errors.As(err, &impostor) || impostor.What != `is an HTML page titled "Sign in"` {
		t.Errorf("got %v", err)
	}
}
