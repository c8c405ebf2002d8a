//go:build llama

package llama_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/llama"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

const tiny = "../../examples/tiny/agent0-tiny.gguf"

func TestMain(m *testing.M) {
	llama.Init(func(l llama.Level, s string) {
		if l >= llama.LevelWarn && l != llama.LevelContinued || os.Getenv("AGENT0_LLAMA_LOG") != "" {
			fmt.Fprint(os.Stderr, s)
		}
	})
	os.Exit(m.Run())
}

func load(t *testing.T) (*llama.Model, *llama.Context) {
	t.Helper()
	m, err := llama.LoadModel(context.Background(), []string{tiny}, llama.ModelParams{CPUOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	c, err := m.NewContext(llama.ContextParams{Size: 1024, Batch: 256, MicroBatch: 256, Sequences: 4, Threads: 1, BatchThreads: 1, KeyType: llama.F16, ValueType: llama.F16})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); m.Close() })
	return m, c
}

func TestGenerate(t *testing.T) {
	m, c := load(t)
	t.Logf("%+v %v %v", m.Info, llama.Devices(), llama.Features())
	prompt, err := m.Tokenize("<|im_start|>user\nWhat is a violin?<|im_end|>\n<|im_start|>assistant\n", true, true)
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.NewSampler(spec.Sampling{Temperature: 0, TopP: 1, TypicalP: 1, RepeatPenalty: 1}, "")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	batch := make([]spec.Entry, 0, 64)
	for i, tok := range prompt {
		batch = append(batch, spec.Entry{Token: tok, Pos: int32(i)})
	}
	var text []byte
	began, n := time.Now(), 0
	for pos := len(prompt); pos < 200; pos++ {
		batch[len(batch)-1].Output = 1
		if err := c.Decode(batch); err != nil {
			t.Fatal(err)
		}
		p, top, err := s.Sample(c, len(batch)-1, 0, 0, 3)
		if err != nil {
			t.Fatal(err)
		}
		if m.IsEnd(p.Token) {
			break
		}
		if n < 3 {
			t.Log(p, top)
		}
		n++
		text = m.Piece(text, p.Token, false)
		batch = append(batch[:0], spec.Entry{Token: p.Token, Pos: int32(pos)})
	}
	t.Logf("%q, %d tokens in %v", text, n, time.Since(began))
	if string(text) == "" {
		t.Error("nothing was generated")
	}
}
