package spec

import "errors"

// Entry is one token of a batch. Its layout is a0_entry's in runtime/llama/shim.h.
type Entry struct {
	Token, Pos, Seq int32
	// Output is 1 where the logits after the token are wanted, else 0.
	Output int32
}

// Prob is a token with the natural logarithm of the probability that the model gave it, before any sampling parameter.
type Prob struct {
	Token   int32   `json:"token"`
	Logprob float32 `json:"logprob"`
}

var (
	// ErrNoRoom says that the KV cache has no place for a batch. Nothing was changed.
	ErrNoRoom = errors.New("no room in the KV cache")
	// ErrDeadEnd says that no token can follow: the grammar allows none, or the model computed no number.
	ErrDeadEnd = errors.New("no token can follow")
)
