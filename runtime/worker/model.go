// Package worker computes many sequences of tokens at once: continuous batching over one KV cache, reuse of prompts that
// begin alike, eviction and preemption where there is no room. It is what an engine does between its connection and
// llama.cpp, and knows neither.
package worker

import (
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// Vocabulary makes tokens of text and back. Several goroutines may ask at once.
type Vocabulary interface {
	// Tokenize makes tokens of text: special adds what the model wants around it, parse takes names of control tokens for
	// those tokens.
	Tokenize(text string, special, parse bool) ([]int32, error)
	// Piece appends the bytes of a token, which may be a part of a character.
	Piece(b []byte, token int32, special bool) []byte
	// Valid reports whether there is such a token, IsEnd whether it ends a generation.
	Valid(token int32) bool
	IsEnd(token int32) bool
}

// Model makes samplers. Several goroutines may ask at once.
type Model interface {
	Vocabulary
	NewSampler(p spec.Sampling, grammar string) (Sampler, error)
}

// Cache holds sequences and computes them, for one goroutine.
type Cache interface {
	// Size is the number of cells.
	Size() int
	// Decode computes a batch. Its error is spec.ErrNoRoom where nothing was changed.
	Decode(batch []spec.Entry) error
	// Remove takes positions from a sequence, from and after, up to to, or to its end where to < 0. It reports false where
	// the model cannot remove a part.
	Remove(seq, from, to int32) bool
	// Copy gives the positions up to to of one sequence to another, which is empty.
	Copy(src, dst, to int32)
	// Range returns the first and last position of a sequence that can be looked back at, -1 where there is none.
	Range(seq int32) (first, last int32)
}

// Sampler chooses the tokens of one sequence.
type Sampler interface {
	// Sample chooses by the logits of entry i of the last batch. u is where in the distribution it falls, gate decides
	// on what is used by chance; both are in [0, 1). With top >= 0 the probabilities are filled in.
	Sample(i int, u, gate float64, top int) (spec.Prob, []spec.Prob, error)
	// Lead has a sampler whose grammar is one of JSON lead the model to its end: where the model would end and may not, and
	// with hurry at every token.
	Lead(hurry bool)
	// Remember tells of the prompt, before anything else: penalties look back at it, and a grammar begins after it.
	Remember(prompt []int32) error
	// Accept tells of a token that somebody else chose.
	Accept(token int32) error
	Close()
}

// Config is what a scheduler works with.
type Config struct {
	// Vocabulary is how many tokens there are.
	Vocabulary int
	// Parallel is how many sequences are computed at once.
	Parallel int
	// Slots is how many sequences the cache can tell apart: those above Parallel keep prompts for later.
	Slots int
	// Context is how many tokens one sequence has at most.
	Context int
	// Own says that each sequence has cells of its own, as many as Context. Otherwise they share all that there are, and there may be
	// less than Context for each.
	Own bool
	// Batch is how many tokens a step computes at most, and Chunk how many of prompts while others wait for their next
	// token.
	Batch, Chunk int
	// MaxWaiting is how many requests wait at most, and MaxWait for how long: who would wait longer is refused.
	MaxWaiting int
	MaxWait    time.Duration
	// Window is how many positions the model looks back in its sliding-window layers; 0 is all.
	Window int
	// WholeOnly says that the cache cannot take a part of a sequence: recurrent models.
	WholeOnly bool
}
