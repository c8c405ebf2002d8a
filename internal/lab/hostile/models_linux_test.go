package hostile_test

import (
	"encoding/binary"
	"math"
	"strings"

	"github.com/agent0-converge/agent0-converge/resources/model/gguf"
	"github.com/agent0-converge/agent0-converge/resources/model/gguf/gguftest"
)

// damage is one thing that is wrong with a model whose header gguf.Read takes.
type damage struct {
	name   string
	change func(*gguftest.File)
}

// set gives a key another value.
func set(name string, v any) func(*gguftest.File) {
	return func(f *gguftest.File) { f.Set(gguftest.Value(name, v)) }
}

// remove takes a key out.
func remove(name string) func(*gguftest.File) { return func(f *gguftest.File) { f.Remove(name) } }

// damages are all that there are.
func damages() []damage {
	var all []damage
	add := func(name string, change func(*gguftest.File)) { all = append(all, damage{name, change}) }
	numbers(add)
	words(add)
	architectures(add)
	shapes(add)
	types(add)
	others(add)
	return all
}

// numbers are absurd values of what the architecture is made of.
func numbers(add func(string, func(*gguftest.File))) {
	for _, k := range []string{"llama.context_length", "llama.embedding_length", "llama.block_count", "llama.feed_forward_length", "llama.attention.head_count", "llama.attention.head_count_kv", "llama.attention.layer_norm_rms_epsilon", "llama.rope.dimension_count", "llama.rope.freq_base", "llama.vocab_size",
		"tokenizer.ggml.model", "tokenizer.ggml.tokens", "tokenizer.ggml.scores", "tokenizer.ggml.token_type", "tokenizer.ggml.bos_token_id", "tokenizer.ggml.eos_token_id"} {
		add("without "+k, remove(k))
	}
	for _, k := range []string{"llama.context_length", "llama.embedding_length", "llama.block_count", "llama.feed_forward_length", "llama.attention.head_count", "llama.attention.head_count_kv", "llama.rope.dimension_count", "llama.vocab_size", "llama.attention.key_length", "llama.attention.value_length", "llama.expert_count", "llama.expert_used_count"} {
		for name, v := range map[string]uint32{"0": 0, "3": 3, "2^32-1": math.MaxUint32} {
			add(k+"="+name, set(k, v))
		}
		add(k+" is a text", set(k, "x"))
		add(k+" is an array", set(k, []uint32{1, 2, 3}))
	}
	for _, k := range []string{"llama.attention.layer_norm_rms_epsilon", "llama.rope.freq_base", "llama.rope.scaling.factor"} {
		for name, v := range map[string]float32{"0": 0, "-1": -1, "NaN": float32(math.NaN()), "Inf": float32(math.Inf(1)), "1e38": 1e38} {
			add(k+"="+name, set(k, v))
		}
	}
	for _, k := range []string{"bos", "eos", "eot", "unknown", "padding"} {
		for name, v := range map[string]uint32{"768": 768, "2^31": 1 << 31, "2^32-1": math.MaxUint32} {
			add(k+"="+name, set("tokenizer.ggml."+k+"_token_id", v))
		}
	}
}

// words are vocabularies that are none.
func words(add func(string, func(*gguftest.File))) {
	add("tokens: none", set("tokenizer.ggml.tokens", []string{}))
	add("tokens: few", set("tokenizer.ggml.tokens", []string{"a", "b"}))
	add("tokens: numbers", set("tokenizer.ggml.tokens", []int32{1, 2}))
	add("tokens: all the same", func(f *gguftest.File) { f.Set(gguftest.Value("tokenizer.ggml.tokens", make([]string, 768))) })
	add("tokens: huge", func(f *gguftest.File) {
		w := make([]string, 768)
		for i := range w {
			w[i] = strings.Repeat("x", 1<<14) + string(rune(i+256))
		}
		f.Set(gguftest.Value("tokenizer.ggml.tokens", w))
	})
	add("tokens: no UTF-8", func(f *gguftest.File) {
		w := make([]string, 768)
		for i := range w {
			w[i] = string([]byte{0xff, byte(i), byte(i >> 8)})
		}
		f.Set(gguftest.Value("tokenizer.ggml.tokens", w))
	})
	add("scores: few", set("tokenizer.ggml.scores", []float32{1}))
	add("scores: texts", set("tokenizer.ggml.scores", []string{"1"}))
	add("scores: no numbers", func(f *gguftest.File) {
		s := make([]float32, 768)
		for i := range s {
			s[i] = float32(math.NaN())
		}
		f.Set(gguftest.Value("tokenizer.ggml.scores", s))
	})
	add("types: few", set("tokenizer.ggml.token_type", []int32{1}))
	add("types: wild", func(f *gguftest.File) {
		s := make([]int32, 768)
		for i := range s {
			s[i] = int32(i) * -99999
		}
		f.Set(gguftest.Value("tokenizer.ggml.token_type", s))
	})
	add("types: all bytes", func(f *gguftest.File) {
		s := make([]int32, 768)
		for i := range s {
			s[i] = 6
		}
		f.Set(gguftest.Value("tokenizer.ggml.token_type", s))
	})
	for _, m := range []string{"gpt2", "bert", "t5", "rwkv", "plamo2", "none", "no_vocab", "what", ""} {
		add("tokenizer "+m, set("tokenizer.ggml.model", m))
	}
	add("gpt2 with bad merges", func(f *gguftest.File) {
		f.Set(gguftest.Value("tokenizer.ggml.model", "gpt2"))
		f.Set(gguftest.Value("tokenizer.ggml.merges", []string{"", "a", " ", "a b c", "zz zz"}))
	})
	add("gpt2 with merges of numbers", func(f *gguftest.File) {
		f.Set(gguftest.Value("tokenizer.ggml.model", "gpt2"))
		f.Set(gguftest.Value("tokenizer.ggml.merges", []int32{1}))
	})
	add("t5 with a charsmap", func(f *gguftest.File) {
		f.Set(gguftest.Value("tokenizer.ggml.model", "t5"))
		f.Set(gguftest.Value("tokenizer.ggml.precompiled_charsmap", []uint32{1, 2, 3}))
	})
}

// architectures are others than the tensors are of.
func architectures(add func(string, func(*gguftest.File))) {
	for _, a := range []string{"gpt2", "qwen2moe", "mamba", "bert", "t5", "what", "clip", "deepseek2", "gemma3n"} {
		add("architecture "+a, set("general.architecture", a))
		add("architecture "+a+" with its keys", func(f *gguftest.File) {
			for i, k := range f.Keys {
				if rest, ok := strings.CutPrefix(k.Name, "llama."); ok {
					f.Keys[i].Name = a + "." + rest
				}
			}
			f.Set(gguftest.Value("general.architecture", a))
		})
	}
}

// shapes are tensors that are missing or have other dimensions.
func shapes(add func(string, func(*gguftest.File))) {
	for _, n := range []string{"token_embd.weight", "blk.0.attn_q.weight", "blk.1.ffn_down.weight", "output_norm.weight", "output.weight", "blk.0.attn_norm.weight"} {
		add("without tensor "+n, func(f *gguftest.File) { f.Drop(n) })
		add("turned tensor "+n, func(f *gguftest.File) {
			d := f.Tensor(n).Dims
			for i := 0; i < len(d)/2; i++ {
				d[i], d[len(d)-1-i] = d[len(d)-1-i], d[i]
			}
		})
		add("flat tensor "+n, func(f *gguftest.File) {
			x := f.Tensor(n)
			p := uint64(1)
			for _, d := range x.Dims {
				p *= d
			}
			x.Dims = []uint64{p}
		})
		add("renamed tensor "+n, func(f *gguftest.File) { f.Tensor(n).Name = "what" })
	}
}

// types are tensors that are stored otherwise, or hold no numbers.
func types(add func(string, func(*gguftest.File))) {
	for _, n := range []string{"token_embd.weight", "blk.0.attn_q.weight", "output.weight"} {
		add("I8 tensor "+n, retype(n, gguf.I8))
		add("I32 tensor "+n, retype(n, gguf.I32))
		add("F64 tensor "+n, retype(n, gguf.F64))
		add("Q8_1 tensor "+n, retype(n, gguf.Q8_1))
		add("Q8_K tensor "+n, retype(n, gguf.Q8_K))
		add("TQ1_0 tensor "+n, retype(n, gguf.TQ1_0))
		add("NVFP4 tensor "+n, retype(n, gguf.NVFP4))
		add("IQ1_S tensor "+n, retype(n, gguf.IQ1_S))
		add("Q1_0 tensor "+n, retype(n, gguf.Q1_0))
	}
	add("F16 norm", retype("output_norm.weight", gguf.F16))
	add("I32 norm", retype("output_norm.weight", gguf.I32))
	add("NaN weights", func(f *gguftest.File) { fill(f, "output_norm.weight", 0x7fc00000) })
	add("Inf weights", func(f *gguftest.File) { fill(f, "output_norm.weight", 0x7f800000) })
	add("all weights 0xff", func(f *gguftest.File) {
		for i := range f.Data {
			f.Data[i] = 0xff
		}
	})
	add("all weights 0", func(f *gguftest.File) { clear(f.Data) })
}

// others are shards that are alone, and what else does not fit together.
func others(add func(string, func(*gguftest.File))) {
	add("split.count 2", func(f *gguftest.File) {
		f.Set(gguftest.Value("split.no", uint16(0)))
		f.Set(gguftest.Value("split.count", uint16(2)))
		f.Set(gguftest.Value("split.tensors.count", int32(len(f.Tensors)+5)))
	})
	add("split.no 1 of 2", func(f *gguftest.File) {
		f.Set(gguftest.Value("split.no", uint16(1)))
		f.Set(gguftest.Value("split.count", uint16(2)))
		f.Set(gguftest.Value("split.tensors.count", int32(len(f.Tensors)+5)))
	})
	add("no tensors", func(f *gguftest.File) { f.Tensors, f.Data = nil, nil })
	add("more tensors", func(f *gguftest.File) {
		f.Tensors = append(f.Tensors, gguftest.Tensor{Name: "extra", Dims: []uint64{32}, Kind: gguf.F32, Offset: uint64(len(f.Data))})
		f.Data = append(f.Data, make([]byte, 128)...)
	})
	add("rope scaling what", set("llama.rope.scaling.type", "what"))
	add("rope scaling yarn", func(f *gguftest.File) {
		f.Set(gguftest.Value("llama.rope.scaling.type", "yarn"))
		f.Set(gguftest.Value("llama.rope.scaling.factor", float32(0)))
		f.Set(gguftest.Value("llama.rope.scaling.original_context_length", uint32(0)))
	})
	add("head counts per layer", set("llama.attention.head_count", []uint32{4, 0}))
	add("kv head counts per layer", set("llama.attention.head_count_kv", []uint32{2, 0}))
	add("head counts for more layers", set("llama.attention.head_count", []uint32{4, 4, 4}))
	add("key_length 2^20", set("llama.attention.key_length", uint32(1<<20)))
	add("pooling", set("llama.pooling_type", uint32(99)))
}

// fill makes all of a tensor one value, by its bits.
func fill(f *gguftest.File, name string, v uint32) {
	x := f.Tensor(name)
	for i := uint64(0); i < x.Dims[0]; i++ {
		binary.LittleEndian.PutUint32(f.Data[x.Offset+4*i:], v)
	}
}

// retype gives a tensor another type, and data of the length that it then has.
func retype(name string, kind gguf.TensorType) func(*gguftest.File) {
	return func(f *gguftest.File) {
		x := f.Tensor(name)
		n := uint64(1)
		for _, d := range x.Dims {
			n *= d
		}
		per, width, err := kind.Block()
		if err != nil {
			panic(err)
		}
		if x.Dims[0]%uint64(per) != 0 {
			x.Dims[0] = uint64(per)
			n = x.Dims[0]
			for _, d := range x.Dims[1:] {
				n *= d
			}
		}
		size := (n/uint64(per)*uint64(width) + 31) / 32 * 32
		end := uint64(len(f.Data))
		for _, o := range f.Tensors {
			if o.Offset > x.Offset {
				end = min(end, o.Offset)
			}
		}
		old := end - x.Offset
		data := append([]byte{}, f.Data[:x.Offset]...)
		data = append(data, make([]byte, size)...)
		f.Data = append(data, f.Data[end:]...)
		at := x.Offset
		x.Kind = kind
		for i := range f.Tensors {
			if f.Tensors[i].Offset > at {
				f.Tensors[i].Offset = f.Tensors[i].Offset - old + size
			}
		}
	}
}
