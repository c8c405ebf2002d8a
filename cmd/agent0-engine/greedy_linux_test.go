package main_test

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/agent0-converge/agent0-converge/resources/model/gguf"
	"github.com/agent0-converge/agent0-converge/resources/model/gguf/gguftest"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// said is what a model said, with how far the two likeliest tokens were apart at each place.
type said struct {
	tokens []int32
	gaps   []float32
}

func (e *engine) say(word string) said {
	p := prompt(word)
	var s said
	err := e.Generate(e.t.Context(), &wire.Request{Text: &p, MaxTokens: 60, Probs: true, Top: 2}, func(ev wire.Event) {
		if t := ev.Token; t != nil {
			s.tokens = append(s.tokens, t.ID)
			s.gaps = append(s.gaps, t.Top[0].Logprob-t.Top[1].Logprob)
		}
	})
	if err != nil {
		e.t.Errorf("%s: %v", word, err)
	}
	return s
}

// What is said alone is said among many too. Other sizes of batches add in another order, which may show only where two tokens are as
// good as equal: with weights of eight bits, and with numbers of 32.
func TestGreedyInABatch(t *testing.T) {
	for name, c := range map[string]struct {
		model string
		near  float32
	}{
		"as it comes":                {tiny, 1e-3},
		"weights of thirty-two bits": {whole(t), 1e-3},
	} {
		t.Run(name, func(t *testing.T) { greedy(t, c.model, c.near) })
	}
}

// greedy compares what 200 prompts give alone and among others. near is how far the likeliest token may be ahead of the second where
// another one is said.
func greedy(t *testing.T, model string, near float32) {
	e := start(t, func(c *spec.Engine) { c.Parallel, c.Model = 8, []string{absolute(t, model)} })
	e.ready()
	var all []string
	for _, w := range words {
		for _, more := range []string{"", " house", " in winter", " for children", "maker", " of stone", " and a dog", " at night", " or not", "s"} {
			all = append(all, w+more)
		}
	}
	alone := map[string]said{}
	for _, w := range all {
		alone[w] = e.say(w)
	}
	var mu sync.Mutex
	among := map[string]said{}
	var wg sync.WaitGroup
	next := make(chan string)
	for range 16 {
		wg.Go(func() {
			for w := range next {
				s := e.say(w)
				mu.Lock()
				among[w] = s
				mu.Unlock()
			}
		})
	}
	for _, w := range all {
		next <- w
	}
	close(next)
	wg.Wait()
	tokens, equal, parted := 0, 0, 0
	for _, w := range all {
		a, b := alone[w], among[w]
		tokens += len(a.tokens)
		n := same(a.tokens, b.tokens)
		equal += n
		if n < len(a.tokens) || n < len(b.tokens) { // what comes after has another beginning
			parted++
			if n < len(a.gaps) {
				t.Logf("%s: token %d is another, the likeliest was %g ahead", w, n, a.gaps[n])
			}
			if n < len(a.gaps) && a.gaps[n] > near {
				t.Errorf("%s: token %d is another, though the likeliest was %g ahead", w, n, a.gaps[n])
			}
		}
	}
	t.Logf("%d prompts, %d of %d tokens equal, %d texts part", len(all), equal, tokens, parted)
	if equal*100 < tokens*99 {
		t.Errorf("only %d of %d tokens are equal", equal, tokens)
	}
}

func same(a, b []int32) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// whole writes agent0-tiny with its weights as numbers of 32 bits.
func whole(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(tiny)
	if err != nil {
		t.Fatal(err)
	}
	f, err := gguftest.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	var data []byte
	for i := range f.Tensors {
		w := &f.Tensors[i]
		n := uint64(1)
		for _, d := range w.Dims {
			n *= d
		}
		from := f.Data[w.Offset:]
		w.Offset = uint64(len(data))
		switch w.Kind {
		case gguf.F32:
			data = append(data, from[:4*n]...)
		case gguf.Q8_0:
			data = unpacked(data, from[:n/32*34])
			w.Kind = gguf.F32
		default:
			t.Fatalf("%s is of type %v", w.Name, w.Kind)
		}
		data = append(data, make([]byte, -len(data)&31)...) // the format's alignment
	}
	f.Data = data
	path := filepath.Join(t.TempDir(), "whole.gguf")
	if err := os.WriteFile(path, f.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// unpacked appends the numbers of blocks of Q8_0: a scale of 16 bits, and 32 numbers of 8 (ggml-common.h of llama.cpp).
func unpacked(to, blocks []byte) []byte {
	for block := range slices.Chunk(blocks, 34) {
		scale := half(binary.LittleEndian.Uint16(block))
		for _, q := range block[2:] {
			to = binary.LittleEndian.AppendUint32(to, math.Float32bits(scale*float32(int8(q))))
		}
	}
	return to
}

// half is a number of 16 bits (IEEE 754 binary16) that is neither infinite nor none.
func half(bits uint16) float32 {
	sign, exponent, fraction := float64(1), int(bits>>10&31), float64(bits&1023)
	if bits>>15 == 1 {
		sign = -1
	}
	if exponent == 0 {
		return float32(sign * math.Ldexp(fraction, -24))
	}
	return float32(sign * math.Ldexp(fraction+1024, exponent-25))
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	full, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return full
}
