// Package gguftest writes GGUF files for tests: models of the llama architecture with random weights that llama.cpp loads
// and runs, of any size and the same to the byte for the same options.
//
// What a model has to have is what src/llama-model.cpp and src/llama-vocab.cpp of llama.cpp ask of one of this architecture
// with a vocabulary of SentencePiece's kind.
package gguftest

import (
	"errors"
	"fmt"

	"github.com/agent0-converge/agent0-converge/resources/model/gguf"
)

// Options say what model to write. Small and Large are whole ones to begin with.
type Options struct {
	// Seed of the weights: another seed, another model.
	Seed uint64
	// Name is general.name; "" leaves it out.
	Name string
	// Layers is how many blocks of attention and feed-forward there are.
	Layers int
	// Width is the length of an embedding. It is a multiple of twice Heads, and of 32 where Type has blocks.
	Width int
	// Heads is how many heads of attention there are.
	Heads int
	// KVHeads is how many of them have keys and values of their own, a divisor of Heads; 0 is all.
	KVHeads int
	// FF is the width of the feed-forward part, a multiple of 32 where Type has blocks.
	FF int
	// Vocab is how many tokens there are, at least MinVocab.
	Vocab int
	// Context is how many tokens the model claims to be trained for.
	Context int
	// Type of the matrices: F32, F16, Q8_0 or Q4_0. Norms are F32 always.
	Type gguf.TensorType
	// Version of the format: 2 or 3; 0 is 3.
	Version uint32
	// Alignment of the tensors' data, a power of two; 0 leaves general.alignment out, which is 32.
	Alignment uint32
	// Split makes the file one shard of several. Its Tensors is not looked at; WriteShards writes them all.
	Split gguf.Split
}

// Small is a model of 0.7 MB with two layers.
func Small() Options {
	return Options{Seed: 1, Name: "Small", Layers: 2, Width: 128, Heads: 4, KVHeads: 2, FF: 448, Vocab: 768, Context: 512, Type: gguf.Q8_0}
}

// Large is a model of 400 MB with the shape of published ones.
func Large() Options {
	return Options{Seed: 1, Name: "Large", Layers: 24, Width: 1024, Heads: 16, KVHeads: 16, FF: 2816, Vocab: 32000, Context: 4096, Type: gguf.Q8_0}
}

// withDefaults fills what zero stands for, and refuses what no model can be.
func (o Options) withDefaults() (Options, error) {
	if o.KVHeads == 0 {
		o.KVHeads = o.Heads
	}
	if o.Version == 0 {
		o.Version = 3
	}
	if o.Layers < 1 || o.Width < 1 || o.Heads < 1 || o.KVHeads < 1 || o.FF < 1 || o.Context < 1 {
		return o, fmt.Errorf("cannot write a model of %d layers, width %d, %d heads (%d for keys and values), feed-forward width %d and context %d: each is 1 at least",
			o.Layers, o.Width, o.Heads, o.KVHeads, o.FF, o.Context)
	}
	for _, c := range []struct {
		wrong bool
		why   string
	}{
		{o.Vocab < MinVocab, fmt.Sprintf("a vocabulary has %d tokens at least", MinVocab)},
		{o.Vocab > maxVocab, fmt.Sprintf("a vocabulary has %d tokens at most", maxVocab)},
		{o.Width%(2*o.Heads) != 0, "the width of a head is even"},
		{o.Heads%o.KVHeads != 0, "KVHeads divides Heads"},
		{o.Width%o.block() != 0 || o.FF%o.block() != 0, fmt.Sprintf("rows of %v are multiples of %d", o.Type, o.block())},
		{o.Version != 2 && o.Version != 3, "the version is 2 or 3"},
		{o.Alignment&(o.Alignment-1) != 0, "the alignment is a power of two"},
		{o.Split.Count < 0 || o.Split.No < 0 || o.Split.Count > 0 && o.Split.No >= o.Split.Count, "there is no such shard"},
		{o.Split.Count > o.tensorCount(), "there are more shards than tensors"},
	} {
		if c.wrong {
			return o, errors.New("cannot write the model: " + c.why)
		}
	}
	if _, ok := fileTypes[o.Type]; !ok {
		return o, fmt.Errorf("cannot write weights as %v: F32, F16, Q8_0 and Q4_0 are known", o.Type)
	}
	return o, nil
}

// fileTypes is general.file_type by the type of the matrices (llama_ftype of llama.h).
var fileTypes = map[gguf.TensorType]uint32{gguf.F32: 0, gguf.F16: 1, gguf.Q4_0: 2, gguf.Q8_0: 7}

// block is how many elements a block of o.Type has.
func (o Options) block() int {
	n, _, err := o.Type.Block()
	if err != nil {
		return 1 // the type is refused for itself
	}
	return n
}

// alignment is that of the data, said or not.
func (o Options) alignment() int64 {
	if o.Alignment == 0 {
		return gguf.DefaultAlignment
	}
	return int64(o.Alignment)
}
