package gguftest

import (
	"fmt"
	"math"

	"github.com/agent0-converge/agent0-converge/resources/model/gguf"
)

// tensor is one tensor to write.
type tensor struct {
	number int // in its file
	name   string
	dims   []int // a row's length first
	kind   gguf.TensorType
	size   int64   // in bytes
	spread float64 // standard deviation of the weights; 0 for norms
}

// perLayer and outside are how many tensors a layer has, and how many there are besides.
const (
	perLayer = 9
	outside  = 3
)

func (o Options) tensorCount() int { return o.Layers*perLayer + outside }

// tensors are those of the file: all of the model's, or the shard's share of them.
func (o Options) tensors() []tensor {
	all := o.allTensors()
	if o.Split.Count > 0 {
		all = all[o.Split.No*len(all)/o.Split.Count : (o.Split.No+1)*len(all)/o.Split.Count]
	}
	for i := range all {
		all[i].number = i
	}
	return all
}

func (o Options) allTensors() []tensor {
	kv := o.Width / o.Heads * o.KVHeads
	out := []tensor{o.matrix("token_embd.weight", o.Width, o.Vocab, 1)}
	for l := range o.Layers {
		// What is added to the stream of each layer is kept small, so that many of them do not drown the word.
		gain := 1 / math.Sqrt(2*float64(o.Layers))
		name := func(s string) string { return fmt.Sprintf("blk.%d.%s.weight", l, s) }
		out = append(out,
			o.norm(name("attn_norm")),
			o.matrix(name("attn_q"), o.Width, o.Width, fanIn(o.Width)),
			o.matrix(name("attn_k"), o.Width, kv, fanIn(o.Width)),
			o.matrix(name("attn_v"), o.Width, kv, fanIn(o.Width)),
			o.matrix(name("attn_output"), o.Width, o.Width, gain*fanIn(o.Width)),
			o.norm(name("ffn_norm")),
			o.matrix(name("ffn_gate"), o.Width, o.FF, fanIn(o.Width)),
			o.matrix(name("ffn_up"), o.Width, o.FF, fanIn(o.Width)),
			o.matrix(name("ffn_down"), o.FF, o.Width, gain*fanIn(o.FF)),
		)
	}
	return append(out, o.norm("output_norm.weight"), o.matrix("output.weight", o.Width, o.Vocab, fanIn(o.Width)))
}

// fanIn is the spread of the weights of a row of n with which a product is as large as what goes in.
func fanIn(n int) float64 { return 1 / math.Sqrt(float64(n)) }

func (o Options) norm(name string) tensor {
	return tensor{name: name, dims: []int{o.Width}, kind: gguf.F32, size: 4 * int64(o.Width)}
}

func (o Options) matrix(name string, row, rows int, spread float64) tensor {
	per, width, err := o.Type.Block()
	if err != nil {
		panic(err) // withDefaults refuses such types
	}
	return tensor{name: name, dims: []int{row, rows}, kind: o.Type, size: int64(row) / int64(per) * int64(width) * int64(rows), spread: spread}
}

// padded is n rounded up to a multiple of alignment.
func padded(n, alignment int64) int64 { return (n + alignment - 1) / alignment * alignment }
