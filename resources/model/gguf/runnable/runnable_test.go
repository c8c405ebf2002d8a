package runnable_test

import (
	"bytes"
	"errors"
	"math"
	"os"
	"testing"

	"github.com/agent0-converge/agent0-converge/resources/model/gguf"
	"github.com/agent0-converge/agent0-converge/resources/model/gguf/gguftest"
	"github.com/agent0-converge/agent0-converge/resources/model/gguf/runnable"
)

func small(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := gguftest.Write(&b, gguftest.Small()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What runs is taken: the generator's models, and a real one.
func TestReadTakesModelsThatRun(t *testing.T) {
	tiny, err := os.ReadFile("../../../../examples/tiny/agent0-tiny.gguf")
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"Small": small(t), "agent0-tiny": tiny} {
		h, err := runnable.Read(bytes.NewReader(b), int64(len(b)))
		if err != nil || h.Architecture != "llama" {
			t.Errorf("%s: %+v, %v", name, h, err)
		}
	}
	if _, err := runnable.Read(bytes.NewReader(tiny[:100]), 100); err == nil {
		t.Error("a file that was cut off is taken")
	}
}

// The first value that llama.cpp would not survive is named.
func TestReadNamesTheValue(t *testing.T) {
	const llama, words = "llama.", "tokenizer.ggml."
	for _, c := range []struct {
		key   string
		value any
	}{
		{llama + "context_length", uint32(0)}, {llama + "context_length", uint32(1 << 31)}, {llama + "embedding_length", uint32(0)},
		{llama + "block_count", uint32(0)}, {llama + "block_count", uint32(513)}, {llama + "attention.head_count_kv", uint32(3)}, {llama + "attention.head_count_kv", []uint32{2, 3}},
		{llama + "expert_count", uint32(513)}, {llama + "expert_used_count", uint32(1)}, {llama + "expert_group_count", uint32(1)},
		{llama + "attention.layer_norm_rms_epsilon", float32(-1)}, {llama + "attention.layer_norm_rms_epsilon", float32(math.NaN())},
		{llama + "rope.freq_base", float32(0)}, {llama + "rope.freq_base", float32(math.Inf(1))}, {llama + "rope.scaling.factor", float32(-1)},
		{llama + "rope.scaling.type", "other"}, {llama + "rope.scaling.type", string(make([]byte, 100))},
		{words + "model", "none"}, {words + "model", "no_vocab"}, {words + "tokens", []string{}}, {words + "tokens", []int32{1}},
		{words + "scores", []float32{1}}, {words + "scores", []string{"1"}}, {words + "scores", float32(1)}, {words + "token_type", []int32{1}}, {words + "token_type", "x"},
		{words + "merges", []int32{1}}, {words + "precompiled_charsmap", []uint32{1}},
	} {
		f, err := gguftest.Parse(small(t))
		if err != nil {
			t.Fatal(err)
		}
		f.Set(gguftest.Value(c.key, c.value))
		refused(t, f, c.key)
	}
	for name, kind := range map[string]gguf.TensorType{"output_norm.weight": gguf.I32, "blk.1.attn_norm.weight": gguf.I32} {
		f, err := gguftest.Parse(small(t))
		if err != nil {
			t.Fatal(err)
		}
		f.Tensor(name).Kind = kind // as many bytes
		refused(t, f, name)
	}
}

func refused(t *testing.T, f *gguftest.File, field string) {
	t.Helper()
	b := f.Bytes()
	if _, err := gguf.Read(bytes.NewReader(b), int64(len(b))); err != nil {
		t.Errorf("%s: the header itself is refused: %v", field, err)
	}
	_, err := runnable.Read(bytes.NewReader(b), int64(len(b)))
	var wrong *runnable.FieldError
	if !errors.As(err, &wrong) || wrong.Field != field || wrong.Reason == "" {
		t.Errorf("%s: %v", field, err)
	}
}

// What is set in a mixture of experts has to fit together.
func TestExperts(t *testing.T) {
	for _, c := range []struct {
		all, used, groups, chosen uint32
		field                     string
	}{
		{8, 2, 0, 0, ""}, {8, 2, 4, 2, ""}, {8, 2, 1, 1, ""}, {8, 0, 0, 0, "expert_used_count"}, {8, 9, 0, 0, "expert_used_count"},
		{8, 2, 3, 1, "expert_group_count"}, {8, 2, 8, 1, "expert_group_count"}, {8, 2, 4, 4, "expert_group_used_count"}, {8, 2, 4, 0, "expert_group_used_count"},
	} {
		f, err := gguftest.Parse(small(t))
		if err != nil {
			t.Fatal(err)
		}
		for name, v := range map[string]uint32{"expert_count": c.all, "expert_used_count": c.used, "expert_group_count": c.groups, "expert_group_used_count": c.chosen} {
			f.Set(gguftest.Value("llama."+name, v))
		}
		if c.field != "" {
			refused(t, f, "llama."+c.field)
			continue
		}
		b := f.Bytes()
		if _, err := runnable.Read(bytes.NewReader(b), int64(len(b))); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// A shard after the first has no keys, and its tensors are looked at all the same.
func TestShards(t *testing.T) {
	o := gguftest.Small()
	o.Split = gguf.Split{No: 1, Count: 2}
	var b bytes.Buffer
	if err := gguftest.Write(&b, o); err != nil {
		t.Fatal(err)
	}
	if _, err := runnable.Read(bytes.NewReader(b.Bytes()), int64(b.Len())); err != nil {
		t.Error(err)
	}
	f, err := gguftest.Parse(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	f.Tensor("output_norm.weight").Kind = gguf.I32
	refused(t, f, "output_norm.weight")
}

// FuzzRead: no header, however damaged, does more than be refused.
func FuzzRead(f *testing.F) {
	head, _, err := gguftest.Header(gguftest.Options{Layers: 1, Width: 32, Heads: 1, FF: 32, Vocab: gguftest.MinVocab, Context: 8, Type: gguf.F32})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(head)
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, err := runnable.Read(bytes.NewReader(b), int64(len(b))+1<<20); (h == nil) && err == nil {
			t.Error("neither a header nor an error")
		}
	})
}
