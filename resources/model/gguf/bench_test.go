package gguf_test

import (
	"bytes"
	"testing"

	"github.com/agent0-converge/agent0-converge/resources/model/gguf"
	"github.com/agent0-converge/agent0-converge/resources/model/gguf/gguftest"
)

// BenchmarkRead reads the header of a model with a vocabulary of 128k tokens.
func BenchmarkRead(b *testing.B) {
	o := gguftest.Large()
	o.Vocab = 128 << 10
	head, _, err := gguftest.Header(o)
	if err != nil {
		b.Fatal(err)
	}
	size, err := gguftest.Size(o)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(head)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := gguf.Read(bytes.NewReader(head), size); err != nil {
			b.Fatal(err)
		}
	}
}
