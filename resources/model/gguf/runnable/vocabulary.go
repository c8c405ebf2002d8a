package runnable

import (
	"slices"

	"github.com/agent0-converge/agent0-converge/resources/model/gguf"
)

// The keys of a vocabulary.
const (
	keyTokenizer = "tokenizer.ggml.model"
	keyTokens    = "tokenizer.ggml.tokens"
	keyScores    = "tokenizer.ggml.scores"
	keyTypes     = "tokenizer.ggml.token_type"
	keyMerges    = "tokenizer.ggml.merges"
	keyCharsmap  = "tokenizer.ggml.precompiled_charsmap"
)

// maxTokens is how many a vocabulary may have; published ones have some 300000.
const maxTokens = 1 << 22

// tokenizer checks that text can be made tokens of. That a model has no tokenizer is fine for llama.cpp, which then aborts at the first text.
func (m *model) tokenizer() error {
	if v, ok := m.Texts[keyTokenizer]; ok && (v == "none" || v == "no_vocab") {
		return refuse(keyTokenizer, "is %q: no text can be given to it", v)
	}
	return nil
}

// tokens checks the vocabulary. Scores and types are read for each token, without a look at how many there are.
func (m *model) tokens() error {
	a, ok := m.Arrays[keyTokens]
	if !ok {
		return nil // llama.cpp says so
	}
	if a.Kind != gguf.String {
		return refuse(keyTokens, "is an array of %v, and has to be one of %v", a.Kind, gguf.String)
	}
	if a.Length < 1 || a.Length > maxTokens {
		return refuse(keyTokens, "has %d tokens, and has to have from 1 to %d", a.Length, maxTokens)
	}
	for _, k := range []struct {
		name  string
		kinds []gguf.ValueType
	}{{keyScores, []gguf.ValueType{gguf.Float32}}, {keyTypes, []gguf.ValueType{gguf.Int32, gguf.Uint32}}} {
		if err := m.array(k.name, a.Length, k.kinds...); err != nil {
			return err
		}
	}
	return nil
}

// merges checks lists that are read as what they ought to be.
func (m *model) merges() error {
	if err := m.array(keyMerges, 0, gguf.String); err != nil {
		return err
	}
	return m.array(keyCharsmap, 0, gguf.Int8, gguf.Uint8)
}

// array checks the elements of a list, where there is one: their type, and that there are at least so many.
func (m *model) array(name string, least uint64, kinds ...gguf.ValueType) error {
	if m.has(name) {
		return refuse(name, "is no array")
	}
	a, ok := m.Arrays[name]
	switch {
	case !ok:
		return nil
	case !slices.Contains(kinds, a.Kind):
		return refuse(name, "is an array of %v, and has to be one of %v", a.Kind, kinds[0])
	case a.Length < least:
		return refuse(name, "has %d elements, and there are %d tokens", a.Length, least)
	}
	return nil
}

// has reports whether a key has a value that is no array.
func (m *model) has(name string) bool {
	_, number := m.Numbers[name]
	_, float := m.Floats[name]
	_, text := m.Texts[name]
	return number || float || text
}
