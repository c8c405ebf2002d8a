//go:build llama

package llama

// #include "shim.h"
import "C"

import (
	"unsafe"

	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// ContextParams say what a context can hold.
type ContextParams struct {
	// Size is the number of cells of the KV cache.
	Size int
	// Shared says that all sequences share the cells. Otherwise each has as many as the others, and attention looks at its own
	// alone: copies cost what they move then.
	Shared bool
	// Batch is how many tokens one Decode takes at most, MicroBatch how many are computed at once.
	Batch, MicroBatch int
	// Sequences is how many there are.
	Sequences int
	// Threads compute single tokens, BatchThreads prompts.
	Threads, BatchThreads int
	// KeyType and ValueType are how the cache is stored.
	KeyType, ValueType CacheType
	// FlashAttention is whether attention is computed in one go. A ValueType that is not F16 needs it.
	FlashAttention FlashAttention
}

// CacheType is how the KV cache is stored: a ggml_type.
type CacheType int

// Of the types of ggml, those that the KV cache can have.
const (
	F16 CacheType = 1
	Q80 CacheType = 8
)

// FlashAttention is whether attention is computed in one go, without its matrix in memory: a llama_flash_attn_type.
type FlashAttention int

// FlashAuto uses flash attention where every device of the model has it.
const (
	FlashAuto FlashAttention = -1
	FlashOff  FlashAttention = 0
	FlashOn   FlashAttention = 1
)

// Context holds sequences and computes them. Its methods are for one goroutine at a time.
type Context struct {
	c           *C.a0_context
	batch, size int
	shared      bool
}

// NewContext makes a context.
func (m *Model) NewContext(p ContextParams) (*Context, error) {
	cp := C.a0_context_params{
		n_ctx: C.uint32_t(p.Size), n_batch: C.uint32_t(p.Batch), n_ubatch: C.uint32_t(p.MicroBatch), n_seq_max: C.uint32_t(p.Sequences),
		threads: C.int32_t(p.Threads), threads_batch: C.int32_t(p.BatchThreads),
		unified: C.bool(p.Shared), type_k: C.int32_t(p.KeyType), type_v: C.int32_t(p.ValueType),
		flash_attention: C.int32_t(p.FlashAttention),
	}
	var c *C.a0_context
	var why C.a0_message
	if err := status("make a context", C.a0_context_new(m.c, &cp, &c, &why), &why); err != nil {
		return nil, err
	}
	return &Context{c: c, batch: p.Batch, size: int(C.a0_context_size(c)), shared: p.Shared}, nil
}

// Close frees the context.
func (c *Context) Close() { C.a0_context_free(c.c) }

// Size returns the number of cells of the KV cache, which may be more than were asked for.
func (c *Context) Size() int { return c.size }

// Decode computes a batch. Afterwards Sample may be called for the entries whose logits were wanted, by their place in the
// batch. Its error is spec.ErrNoRoom where nothing was changed; after another the context is of no use.
func (c *Context) Decode(batch []spec.Entry) error {
	if len(batch) == 0 || len(batch) > c.batch {
		return &RefusedError{"a batch of a wrong size"}
	}
	var why C.a0_message
	code := C.a0_decode(c.c, (*C.a0_entry)(unsafe.Pointer(&batch[0])), C.int32_t(len(batch)), &why)
	return status("compute a batch", code, &why)
}

// Remove takes the positions from and after, up to to, out of a sequence; to < 0 is its end. It reports false where the
// model cannot remove a part.
func (c *Context) Remove(seq, from, to int32) bool {
	return bool(C.a0_seq_remove(c.c, C.int32_t(seq), C.int32_t(from), C.int32_t(to)))
}

// Copy gives the positions up to to of one sequence to another, which is empty. Where cells are shared it shares them.
func (c *Context) Copy(src, dst, to int32) {
	if c.shared {
		C.a0_seq_copy(c.c, C.int32_t(src), C.int32_t(dst), 0, C.int32_t(to))
		return
	}
	C.a0_seq_copy(c.c, C.int32_t(src), C.int32_t(dst), -1, -1) // from cells to cells it copies all or nothing
	C.a0_seq_remove(c.c, C.int32_t(dst), C.int32_t(to), -1)
}

// Range returns the first and the last position of a sequence that are in the cache, -1 if there is none.
func (c *Context) Range(seq int32) (first, last int32) {
	return int32(C.a0_seq_first(c.c, C.int32_t(seq))), int32(C.a0_seq_last(c.c, C.int32_t(seq)))
}

// Clear empties the cache.
func (c *Context) Clear() { C.a0_clear(c.c) }

// TopTwo returns the two largest logits of an entry of the last batch.
func (c *Context) TopTwo(i int) (first, second float32) {
	var a, b C.float
	C.a0_top_two(c.c, C.int32_t(i), &a, &b)
	return float32(a), float32(b)
}
