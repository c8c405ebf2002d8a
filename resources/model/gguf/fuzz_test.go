package gguf_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/agent0-converge/agent0-converge/resources/model/gguf"
	"github.com/agent0-converge/agent0-converge/resources/model/gguf/gguftest"
)

// FuzzRead reads whatever there is, as the begin of a file with more bytes to come: nothing panics, memory is bounded by what
// came, what is taken makes sense, and however the bytes come the result is the same.
func FuzzRead(f *testing.F) {
	// Small seeds as well: a change of one byte of them is more often one that matters.
	for _, r := range []*raw{
		rawHeader(0, 1).add("t", uint32(1), uint64(32), gguf.Q8_0, uint64(0)),
		rawHeader(2, 2).add("general.alignment", gguf.Uint32, uint32(64), "llama.context_length", gguf.Uint32, uint32(8),
			"t", uint32(2), uint64(32), uint64(2), gguf.Q4_0, uint64(0), "u", uint32(4), []uint64{1, 1, 2, 1}, gguf.F64, uint64(64)),
		rawHeader(2, 0).add("a", gguf.Array, gguf.String, uint64(2), "x", "", "b", gguf.Array, gguf.Array, uint64(2), gguf.Bool, uint64(1), true, gguf.Int16, uint64(0)),
		rawHeader(3, 0).add("split.no", gguf.Uint16, uint16(1), "split.count", gguf.Uint16, uint16(2), "split.tensors.count", gguf.Int32, int32(1)),
	} {
		b, err := io.ReadAll(io.MultiReader(r.parts...))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, uint64(1<<20))
	}
	for _, o := range variants() {
		head, fields, err := gguftest.Header(o)
		if err != nil {
			f.Fatal(err)
		}
		size, err := gguftest.Size(o)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(head, uint64(size)-uint64(len(head)))
		f.Add(withoutVocabulary(head, fields), uint64(1<<20))
	}
	f.Add([]byte("GGUF\x03\x00\x00\x00"), uint64(math.MaxUint64))
	f.Fuzz(func(t *testing.T, b []byte, more uint64) {
		size := int64(len(b)) + int64(more%(1<<62))
		var h *gguf.Header
		var err error
		// A key or tensor of a few bytes costs an entry in a map, and maps grow by doubling.
		if used, bound := allocated(func() { h, err = gguf.Read(bytes.NewReader(b), size) }), uint64(40*len(b)+1<<20); used > bound {
			t.Fatalf("%d bytes of memory for %d bytes, more than %d", used, len(b), bound)
		}
		again, errAgain := gguf.Read(iotest.OneByteReader(bytes.NewReader(b)), size)
		if diff := cmp.Diff(h, again); diff != "" {
			t.Fatalf("another header one byte at a time: %s", diff)
		}
		if err != nil {
			var field *gguf.FieldError
			if !errors.As(err, &field) || field.Field == "" || field.Offset < 0 || h != nil {
				t.Fatalf("%+v, %v", h, err)
			}
			if errAgain == nil || err.Error() != errAgain.Error() {
				t.Fatalf("%v\none byte at a time: %v", err, errAgain)
			}
			return
		}
		checkHeader(t, h, size)
	})
}

// checkHeader is what every header has that was taken.
func checkHeader(t *testing.T, h *gguf.Header, size int64) {
	t.Helper()
	a := int64(h.Alignment)
	for rule, holds := range map[string]bool{
		"version":      h.Version == 2 || h.Version == 3,
		"architecture": h.Architecture != "" || h.Split.No > 0,
		"alignment":    a > 0 && a&(a-1) == 0,
		"data":         h.DataOffset >= 24 && h.DataSize >= 0 && h.DataOffset+h.DataSize <= size,
		"aligned":      h.Tensors == 0 || h.DataOffset%a == 0,
		"tensors":      (h.Tensors == 0) == (h.DataSize == 0) && (h.Tensors == 0) == (h.Parameters == 0),
		"shards":       h.Split == gguf.Split{} || h.Split.No >= 0 && h.Split.No < h.Split.Count && h.Tensors <= h.Split.Tensors,
		"name":         len(h.Name) <= 3*gguf.MaxName && strings.ToValidUTF8(h.Name, "") == h.Name,
	} {
		if !holds {
			t.Errorf("%s: %+v", rule, h)
		}
	}
}

// withoutVocabulary is a header without its arrays, so that little of it is strings.
func withoutVocabulary(head []byte, fields []gguftest.Field) []byte {
	var out []byte
	keys := uint64(0)
	drop := map[string]bool{}
	for _, f := range fields {
		if f.Part == gguftest.ElementKind {
			drop[f.Owner] = true
		}
	}
	for _, f := range fields {
		if drop[f.Owner] {
			continue
		}
		if f.Part == gguftest.KeyText {
			keys++
		}
		out = append(out, head[f.Offset:f.Offset+f.Size]...)
	}
	for _, f := range fields {
		if f.Part == gguftest.KeyCount {
			put(out, f, keys)
		}
	}
	return out
}
