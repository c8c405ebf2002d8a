//go:build llama && fault

package main

import (
	"bytes"

	"github.com/agent0-converge/agent0-converge/runtime/llama"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// Prompts with these texts are the death of this build, which only tests run: what an assertion in llama.cpp that fails does to an
// engine, and a loop in it that never ends.
const (
	deadly  = "abort in C"
	hanging = "hang in C"
)

// Decode aborts or hangs of what it finds in the batch, and else does what llama.cpp does.
func (c *computer) Decode(batch []spec.Entry) error {
	texts := map[int32][]byte{}
	for _, e := range batch {
		texts[e.Seq] = c.Piece(texts[e.Seq], e.Token, false)
	}
	for _, text := range texts {
		switch {
		case bytes.Contains(text, []byte(deadly)):
			llama.Abort()
		case bytes.Contains(text, []byte(hanging)):
			select {}
		}
	}
	return c.Context.Decode(batch)
}
