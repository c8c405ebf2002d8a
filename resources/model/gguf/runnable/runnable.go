// Package runnable says of the header of a GGUF file whether llama.cpp can compute the model: what llama.cpp takes for granted, so that
// an assertion ends the process, or memory is read that is not the model's, where it does not hold.
//
// The conditions are those of llama_model::load_hparams (src/llama-model.cpp) and llama_vocab::impl::load (src/llama-vocab.cpp) of
// llama.cpp. What llama.cpp refuses itself, in words, is left to it.
package runnable

import (
	"fmt"
	"io"

	"github.com/agent0-converge/agent0-converge/resources/model/gguf"
)

// FieldError says which value of a header makes a model one that cannot be computed.
type FieldError struct {
	// Field is a key or a tensor as the file names it, Reason says what is wrong with its value.
	Field, Reason string
}

func (e *FieldError) Error() string {
	return fmt.Sprintf("cannot compute the model: %q %s: get another file of it, or convert it again", e.Field, e.Reason)
}

// refuse makes the error.
func refuse(field, format string, args ...any) error {
	return &FieldError{field, fmt.Sprintf(format, args...)}
}

// Read reads the header of a file of size bytes and checks it. Its error is a *gguf.FieldError or a *FieldError.
func Read(r io.Reader, size int64) (*gguf.Header, error) {
	h, d, err := gguf.ReadDetails(r, size)
	if err != nil {
		return nil, err
	}
	return h, Check(h, d)
}

// Check reports the first value that llama.cpp would not survive, as a *FieldError. A shard after the first has tensors alone.
func Check(h *gguf.Header, d *gguf.Details) error {
	m := model{arch: h.Architecture + ".", Details: d}
	steps := []func() error{m.size, m.layers, m.experts, m.floats, m.rope, m.tokenizer, m.tokens, m.merges}
	if h.Split.No > 0 {
		steps = nil
	}
	for _, step := range append(steps, m.tensors) {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// model is a header that is checked.
type model struct {
	arch string // with the point after it
	*gguf.Details
}

// number is the value of one of the architecture's keys, and its name. ok is false where there is none.
func (m *model) number(key string) (name string, v int64, ok bool) {
	name = m.arch + key
	n, ok := m.Numbers[name]
	return name, n.Value, ok
}
