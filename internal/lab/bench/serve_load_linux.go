package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

// What one burst asks for: so many requests, however many clients share them, and so many tokens each.
const (
	requests = 24
	tokens   = 128
)

// words are what prompts are made of.
var words = strings.Fields(`river violin stone garden winter letter bridge candle forest market window silver
	horse island basket thunder mirror copper harbor pencil ribbon saddle temple orchard blanket lantern feather
	kitchen hammer meadow pepper cotton shadow needle engine barrel castle dragon summer valley`)

// prompts are different texts for every seed, that also begin differently: nothing of one helps with another. The same seed
// gives the same texts.
func prompts(seed uint64) []string {
	random := rand.New(rand.NewPCG(seed, 1))
	out := make([]string, requests)
	for i := range out {
		text := []string{fmt.Sprint(random.IntN(1e6))}
		for range 18 {
			text = append(text, words[random.IntN(len(words))])
		}
		out[i] = strings.Join(text, " ")
	}
	return out
}

// burst is what came of the requests of some clients.
type burst struct {
	rate       float64 // tokens a second, of all together
	first      float64 // the median time to first token, in ms
	short, big int     // the fewest and the most tokens that a prompt had
}

// burstOf has clients ask, each one request after the other. It fails unless all get all tokens.
func burstOf(ctx context.Context, clients int, seed uint64, ask asker) (burst, error) {
	texts := prompts(seed)
	answers, errs := make([]answer, len(texts)), make([]error, len(texts))
	next := make(chan int, len(texts))
	for i := range texts {
		next <- i
	}
	close(next)
	var all sync.WaitGroup
	start := time.Now()
	for range clients {
		all.Go(func() {
			for i := range next {
				answers[i], errs[i] = ask(ctx, question{texts[i], tokens})
			}
		})
	}
	all.Wait()
	took := time.Since(start)
	b := burst{rate: float64(len(texts)*tokens) / took.Seconds(), short: answers[0].prompt}
	var firsts []float64
	for i, a := range answers {
		if errs[i] != nil {
			return burst{}, fmt.Errorf("request %d of %d clients: %w", i, clients, errs[i])
		}
		if a.tokens != tokens {
			return burst{}, fmt.Errorf("request %d of %d clients got %d tokens, not %d", i, clients, a.tokens, tokens)
		}
		firsts = append(firsts, ms(a.first))
		b.short, b.big = min(b.short, a.prompt), max(b.big, a.prompt)
	}
	b.first = middle(firsts)
	return b, nil
}
