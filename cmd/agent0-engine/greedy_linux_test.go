package main_test

import (
	"sync"
	"testing"

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

// What is said alone is said among many too: other sizes of batches add in another order, which shows only where two tokens
// are as good as equal.
func TestGreedyInABatch(t *testing.T) {
	e := start(t, func(c *spec.Engine) { c.Parallel = 8 })
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
			if n < len(a.gaps) && a.gaps[n] > 1e-3 {
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
