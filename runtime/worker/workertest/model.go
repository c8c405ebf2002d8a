// Package workertest has a model that is small enough to reason about: each token follows from all the tokens before it
// that are really in its cache, so that whoever loses one, or mixes two sequences up, gets another text.
package workertest

import (
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"sync"

	"github.com/agent0-converge/agent0-converge/runtime/spec"
	"github.com/agent0-converge/agent0-converge/runtime/worker"
)

// The tokens of the model are the bytes, and End.
const (
	End        = 256
	Vocabulary = 257
)

// Model is the model and its cache.
type Model struct {
	// Cells is how many cells the cache has, Sequences how many sequences.
	Cells, Sequences int
	// Length is how many tokens a text has before it ends; 0 never ends.
	Length int
	// Whole says that the cache cannot take a part of a sequence. Window is how far back it looks; 0 is all.
	Whole  bool
	Window int
	// Salt makes it another model: what follows a text is another token.
	Salt string

	mu sync.Mutex
	// seqs has the cells of each sequence, by position; a cell may be in several.
	seqs    [][]*cell
	outputs map[int][]int32 // by entry of the last batch: all tokens up to it
	// Samplers is how many samplers are open.
	Samplers int
	// Batches are the sizes of the batches that were computed.
	Batches []int
}

// cell is one token, computed after certain others.
type cell struct {
	token int32
	gone  bool
}

// Tokenize makes a token of each byte.
func (m *Model) Tokenize(text string, _, _ bool) ([]int32, error) {
	tokens := make([]int32, len(text))
	for i := range len(text) {
		tokens[i] = int32(text[i])
	}
	return tokens, nil
}

// Piece returns the byte that a token is.
func (m *Model) Piece(b []byte, token int32, _ bool) []byte {
	if token < End {
		b = append(b, byte(token))
	}
	return b
}

// Valid reports whether there is such a token.
func (m *Model) Valid(token int32) bool { return token >= 0 && token < Vocabulary }

// IsEnd reports whether a token is End.
func (m *Model) IsEnd(token int32) bool { return token == End }

// Next returns the token that follows others, for numbers that were drawn: a letter, mostly of what was there before.
func (m *Model) Next(tokens []int32, u float64) int32 {
	h := fnv.New64a()
	h.Write([]byte(m.Salt))
	for _, t := range tokens {
		h.Write([]byte{byte(t), byte(t >> 8)})
	}
	fmt.Fprintf(h, "%.9f", u)
	return int32('a' + h.Sum64()%26)
}

// Text returns what the model generates after a prompt when nothing is drawn: n letters.
func (m *Model) Text(prompt string, n int) string {
	tokens, _ := m.Tokenize(prompt, false, false)
	for range n {
		tokens = append(tokens, m.Next(tokens, 0))
	}
	var b []byte
	for _, t := range tokens[len(prompt):] {
		b = m.Piece(b, t, false)
	}
	return string(b)
}

// Size returns the number of cells.
func (m *Model) Size() int { return m.Cells }

func (m *Model) init() {
	if m.seqs == nil {
		m.seqs = make([][]*cell, m.Sequences)
	}
}

// used counts the cells that a sequence holds.
func (m *Model) used() int {
	all := map[*cell]bool{}
	for _, seq := range m.seqs {
		for _, c := range seq {
			all[c] = true
		}
	}
	return len(all)
}

// Used returns how many cells are in use.
func (m *Model) Used() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.used()
}

// Decode computes a batch.
func (m *Model) Decode(batch []spec.Entry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.init()
	if m.used()+len(batch) > m.Cells {
		return spec.ErrNoRoom
	}
	m.Batches = append(m.Batches, len(batch))
	m.outputs = map[int][]int32{}
	for i, e := range batch {
		if int(e.Seq) >= m.Sequences || int(e.Pos) != len(m.seqs[e.Seq]) || !m.Valid(e.Token) {
			return fmt.Errorf("entry %d is token %d at %d of sequence %d, which has %d", i, e.Token, e.Pos, e.Seq, len(m.seqs[e.Seq]))
		}
		m.seqs[e.Seq] = append(m.seqs[e.Seq], &cell{token: e.Token})
		m.forget(e.Seq)
		if e.Output != 0 {
			for _, c := range m.seqs[e.Seq] {
				m.outputs[i] = append(m.outputs[i], c.token)
			}
		}
	}
	return nil
}

// forget lets go of what is outside the window of a sequence: it stays known here, to tell who looks at it after all.
func (m *Model) forget(seq int32) {
	if cells := m.seqs[seq]; m.Window > 0 && len(cells) > m.Window {
		for _, c := range cells[:len(cells)-m.Window] {
			c.gone = true
		}
	}
}

// Remove takes positions from a sequence.
func (m *Model) Remove(seq, from, to int32) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.init()
	n := int32(len(m.seqs[seq]))
	if to < 0 {
		to = n
	}
	if m.Whole && from > 0 && from < n {
		return false
	}
	m.seqs[seq] = slices.Delete(slices.Clone(m.seqs[seq]), int(min(from, n)), int(min(to, n)))
	return true
}

// Copy gives the beginning of one sequence to another.
func (m *Model) Copy(src, dst, to int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seqs[dst] = slices.Clone(m.seqs[src][:to])
}

// Range returns the first and last position that can be looked back at.
func (m *Model) Range(seq int32) (first, last int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	first = -1
	for i, c := range m.seqs[seq] {
		if !c.gone {
			first = int32(i)
			break
		}
	}
	return first, int32(len(m.seqs[seq])) - 1
}

// NewSampler makes a sampler. The grammar "x" allows the letter x and the end, and "bad" does not parse.
func (m *Model) NewSampler(p spec.Sampling, grammar string) (worker.Sampler, error) {
	if grammar == "bad" {
		return nil, errors.New("the grammar does not parse")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Samplers++
	return &sampler{m: m, p: p, grammar: grammar}, nil
}

type sampler struct {
	m       *Model
	p       spec.Sampling
	grammar string
	said    int
	hurry   bool
}

// Sample chooses what Next says.
func (s *sampler) Sample(i int, u, _ float64, top int) (spec.Prob, []spec.Prob, error) {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	tokens, ok := s.m.outputs[i]
	if !ok {
		return spec.Prob{}, nil, fmt.Errorf("no logits at %d", i)
	}
	if s.p.Temperature == 0 {
		u = 0
	}
	token := s.m.Next(tokens, u)
	switch {
	case strings.HasPrefix(s.grammar, "dead"):
		return spec.Prob{}, nil, spec.ErrDeadEnd
	case s.grammar != "":
		token = int32(s.grammar[0])
	}
	if s.hurry || s.m.Length > 0 && s.said >= s.m.Length {
		token = End
	}
	s.said++
	var likely []spec.Prob
	for range max(0, top) {
		likely = append(likely, spec.Prob{Token: token, Logprob: -1})
	}
	return spec.Prob{Token: token, Logprob: -1}, likely, nil
}

// Lead ends with the next token when it is to hurry.
func (s *sampler) Lead(hurry bool) { s.hurry = hurry }

// Remember does nothing: there are no penalties here.
func (s *sampler) Remember([]int32) error { return nil }

// Accept counts a token that somebody else chose.
func (s *sampler) Accept(int32) error {
	s.said++
	return nil
}

// Close closes the sampler.
func (s *sampler) Close() {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	s.m.Samplers--
}
