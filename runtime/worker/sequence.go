package worker

import (
	"github.com/agent0-converge/agent0-converge/runtime/spec"
	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// sequence is a request on its way: the tokens that it has, and how many of them are in the cache.
type sequence struct {
	req     *wire.Request
	sampler Sampler
	text    text
	// tokens are the prompt's and then those generated; prompt is how many the former are.
	tokens []int32
	prompt int
	// limit is how many tokens there may be.
	limit int
	// slot is where it is in the cache, -1 where it is not; done is how many of its tokens are there, and cached how
	// many were when it began.
	slot, done, cached int
}

// pending are the tokens that are still to be computed. After the last of them there is a new one.
func (s *sequence) pending() []int32 { return s.tokens[s.done:] }

// answering reports whether only its newest token is to be computed.
func (s *sequence) answering() bool { return len(s.tokens)-s.done == 1 && s.done > 0 }

func (s *sequence) generated() int { return len(s.tokens) - s.prompt }

// chance returns two numbers in [0, 1) for the token that comes next. They follow from the seed and the token's place alone,
// so that a sequence which goes on in another engine draws what it would have drawn.
func (s *sequence) chance() (u, gate float64) {
	n := uint64(s.generated())
	return unit(mix(s.req.Sampling.Seed, 2*n)), unit(mix(s.req.Sampling.Seed, 2*n+1))
}

// mix returns place n of the stream of SplitMix64 (Steele, Lea, Flood 2014) that the seed names.
func mix(seed, n uint64) uint64 { return finish(finish(seed) + n*0x9e3779b97f4a7c15) }

func finish(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func unit(x uint64) float64 { return float64(x>>11) / (1 << 53) }

// replay tells the sampler of the prompt, and takes over what an engine generated that is gone. stop is the stop text with which that ends.
func (s *sequence) replay(v Vocabulary) (stop string, err error) {
	if err := s.sampler.Remember(s.tokens); err != nil {
		return "", err
	}
	for _, token := range s.req.Generated {
		if err := s.sampler.Accept(token); err != nil {
			return "", err
		}
		_, stop = s.text.add(v.Piece(nil, token, false)) // it was shown
		s.tokens = append(s.tokens, token)
	}
	return stop, nil
}

// ended describes a sequence that has come to its end.
func (s *sequence) ended(reason, stop string) *wire.Done {
	return &wire.Done{Reason: reason, Text: s.text.rest(), StopText: stop, Prompt: s.prompt, Cached: s.cached, Generated: s.generated()}
}

// tops makes of a sampler's answer what is sent.
func tops(v Vocabulary, all []spec.Prob) []wire.Top {
	out := make([]wire.Top, len(all))
	for i, p := range all {
		out[i] = wire.Top{ID: p.Token, Piece: v.Piece(nil, p.Token, true), Logprob: p.Logprob}
	}
	return out
}
