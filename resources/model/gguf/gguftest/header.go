package gguftest

import "github.com/agent0-converge/agent0-converge/resources/model/gguf"

// Header is the header of the file that Write writes, without the padding after it, and where its fields are.
func Header(o Options) ([]byte, []Field, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, nil, err
	}
	b, fields := header(o)
	return b, fields, nil
}

func header(o Options) ([]byte, []Field) {
	var e encoder
	tensors := o.tensors()
	e.preamble(o.Version, len(tensors))
	// llama-gguf-split leaves the shards after the first without any keys but these.
	if o.Split.No == 0 {
		model(&e, o)
		vocabulary(&e, o)
	}
	if o.Alignment != 0 {
		e.uint32("general.alignment", int(o.Alignment))
	}
	if o.Split.Count > 0 {
		e.scalar("split.no", gguf.Uint16, uint16(o.Split.No))
		e.scalar("split.count", gguf.Uint16, uint16(o.Split.Count))
		e.scalar("split.tensors.count", gguf.Int32, int32(o.tensorCount()))
	}
	var offset int64
	for _, t := range tensors {
		e.tensor(t, offset)
		offset = padded(offset+t.size, o.alignment())
	}
	return e.finish(), e.fields
}

func model(e *encoder, o Options) {
	e.string("general.architecture", "llama")
	e.string("general.type", "model")
	if o.Name != "" {
		e.string("general.name", o.Name)
	}
	e.uint32("general.file_type", int(fileTypes[o.Type]))
	e.uint32("general.quantization_version", 2)
	e.uint32("llama.vocab_size", o.Vocab)
	e.uint32("llama.context_length", o.Context)
	e.uint32("llama.embedding_length", o.Width)
	e.uint32("llama.block_count", o.Layers)
	e.uint32("llama.feed_forward_length", o.FF)
	e.uint32("llama.attention.head_count", o.Heads)
	e.uint32("llama.attention.head_count_kv", o.KVHeads)
	e.float32("llama.attention.layer_norm_rms_epsilon", 1e-5)
	e.uint32("llama.rope.dimension_count", o.Width/o.Heads)
	e.float32("llama.rope.freq_base", 10000)
}

func vocabulary(e *encoder, o Options) {
	scores, kinds := make([]float32, o.Vocab), make([]int32, o.Vocab)
	e.string("tokenizer.ggml.model", "llama")
	e.array("tokenizer.ggml.tokens", gguf.String, o.Vocab)
	for i := range o.Vocab {
		var text string
		text, scores[i], kinds[i] = token(i)
		e.element("tokenizer.ggml.tokens", i, text)
	}
	e.array("tokenizer.ggml.scores", gguf.Float32, o.Vocab)
	e.elements("tokenizer.ggml.scores", gguf.Float32, scores)
	e.array("tokenizer.ggml.token_type", gguf.Int32, o.Vocab)
	e.elements("tokenizer.ggml.token_type", gguf.Int32, kinds)
	e.uint32("tokenizer.ggml.bos_token_id", beginID)
	e.uint32("tokenizer.ggml.eos_token_id", endID)
	e.uint32("tokenizer.ggml.eot_token_id", imEndID)
	e.uint32("tokenizer.ggml.unknown_token_id", unknownID)
	e.bool("tokenizer.ggml.add_bos_token", true)
	e.bool("tokenizer.ggml.add_eos_token", false)
	e.bool("tokenizer.ggml.add_space_prefix", true)
	e.string("tokenizer.chat_template", chatTemplate)
}
