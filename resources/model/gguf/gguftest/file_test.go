package gguftest_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/agent0-converge/agent0-converge/resources/model/gguf"
	"github.com/agent0-converge/agent0-converge/resources/model/gguf/gguftest"
)

// A file that is taken apart and put together again is the same, and what is changed in it is all that differs.
func TestFile(t *testing.T) {
	var small bytes.Buffer
	if err := gguftest.Write(&small, gguftest.Small()); err != nil {
		t.Fatal(err)
	}
	tiny, err := os.ReadFile("../../../../examples/tiny/agent0-tiny.gguf")
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"Small": small.Bytes(), "agent0-tiny": tiny} {
		f, err := gguftest.Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(f.Bytes(), b) {
			t.Fatalf("%s is another when it is put together", name)
		}
		f.Set(gguftest.Value("llama.context_length", uint32(77)))
		f.Set(gguftest.Value("some.words", []string{"a", "", "bc"}))
		f.Remove("tokenizer.ggml.token_type")
		f.Drop("blk.0.attn_k.weight")
		changed := f.Bytes()
		h, err := gguf.Read(bytes.NewReader(changed), int64(len(changed)))
		if err != nil || h.ContextLength != 77 || h.Tensors != len(f.Tensors) {
			t.Errorf("%s: %+v, %v", name, h, err)
		}
		again, err := gguftest.Parse(changed)
		if err != nil || !bytes.Equal(again.Bytes(), changed) {
			t.Errorf("%s is another when it is put together after a change: %v", name, err)
		}
	}
}
