//go:build llama

package llama

// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"strings"
	"unsafe"

	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// Sampler chooses the tokens of one sequence. Its methods are for one goroutine at a time.
type Sampler struct {
	c   *C.a0_sampler
	top []C.a0_prob
}

// NewSampler makes a sampler, with a grammar in GBNF if there is one. A grammar that does not parse is a *RefusedError.
func (m *Model) NewSampler(p spec.Sampling, grammar string) (*Sampler, error) {
	var keep cMemory
	defer keep.free()
	cp := C.a0_sampling{
		temperature: C.float(p.Temperature), dynatemp_range: C.float(p.DynatempRange), dynatemp_exponent: C.float(p.DynatempExponent),
		top_k: C.int32_t(p.TopK), top_p: C.float(p.TopP), min_p: C.float(p.MinP), typical_p: C.float(p.TypicalP), top_n_sigma: C.float(p.TopNSigma),
		xtc_probability: C.float(p.XTCProbability), xtc_threshold: C.float(p.XTCThreshold),
		repeat_last_n: C.int32_t(p.RepeatLastN), repeat_penalty: C.float(p.RepeatPenalty),
		frequency_penalty: C.float(p.FrequencyPenalty), presence_penalty: C.float(p.PresencePenalty),
		dry_multiplier: C.float(p.DryMultiplier), dry_base: C.float(p.DryBase),
		dry_allowed_length: C.int32_t(p.DryAllowedLength), dry_penalty_last_n: C.int32_t(p.DryPenaltyLastN),
		mirostat: C.int32_t(p.Mirostat), mirostat_tau: C.float(p.MirostatTau), mirostat_eta: C.float(p.MirostatEta),
		min_keep: C.int32_t(p.MinKeep),
	}
	if n := len(p.DryBreakers); n > 0 {
		cp.dry_breakers = (**C.char)(keep.alloc(n, unsafe.Sizeof(uintptr(0))))
		for i, s := range p.DryBreakers {
			unsafe.Slice(cp.dry_breakers, n)[i] = keep.string(s)
		}
		cp.n_dry_breakers = C.size_t(n)
	}
	if n := len(p.Bias); n > 0 {
		cp.biases = (*C.a0_bias)(keep.alloc(n, unsafe.Sizeof(C.a0_bias{})))
		for i, b := range p.Bias {
			unsafe.Slice(cp.biases, n)[i] = C.a0_bias{C.int32_t(b.Token), C.float(b.Bias)}
		}
		cp.n_biases = C.size_t(n)
	}
	if grammar != "" {
		cp.grammar = keep.string(grammar)
	}
	var s *C.a0_sampler
	var why C.a0_message
	if err := status("make a sampler", C.a0_sampler_new(m.c, &cp, &s, &why), &why); err != nil {
		return nil, err
	}
	return &Sampler{c: s}, nil
}

// cMemory is C's memory that lives as long as one call.
type cMemory struct{ all []unsafe.Pointer }

func (k *cMemory) alloc(n int, size uintptr) unsafe.Pointer {
	p := C.calloc(C.size_t(n), C.size_t(size))
	k.all = append(k.all, p)
	return p
}

func (k *cMemory) string(s string) *C.char {
	p := C.CString(strings.ReplaceAll(s, "\x00", ""))
	k.all = append(k.all, unsafe.Pointer(p))
	return p
}

func (k *cMemory) free() {
	for _, p := range k.all {
		C.free(p)
	}
}

// Close frees the sampler.
func (s *Sampler) Close() { C.a0_sampler_free(s.c) }

// Lead has a sampler with a grammar of JSON lead the model to the end of it: where the model would end and may not, and with
// hurry at every token.
func (s *Sampler) Lead(hurry bool) { C.a0_sampler_lead(s.c, C.bool(hurry)) }

// Remember tells the sampler of a prompt: penalties look back at it, as in llama.cpp's own tools, and a grammar begins after it.
func (s *Sampler) Remember(prompt []int32) error {
	var why C.a0_message
	tokens := (*C.int32_t)(unsafe.Pointer(unsafe.SliceData(prompt)))
	return status("go on after a prompt", C.a0_sampler_remember(s.c, tokens, C.size_t(len(prompt)), &why), &why)
}

// Accept tells the sampler of a token that somebody else chose.
func (s *Sampler) Accept(token int32) error {
	var why C.a0_message
	return status("go on after a token", C.a0_sampler_accept(s.c, C.int32_t(token), &why), &why)
}

// Sample chooses a token by the logits of entry i of the last batch, and accepts it. u, in [0, 1), is where in the
// distribution it falls; gate, in [0, 1), decides whether XTC is used. With top >= 0 it fills in the token's probability and
// returns those of the top likeliest, which are valid until the next call. Its error is spec.ErrDeadEnd where no token can
// follow.
func (s *Sampler) Sample(c *Context, i int, u, gate float64, top int) (spec.Prob, []spec.Prob, error) {
	for len(s.top) < top {
		s.top = append(s.top, C.a0_prob{})
	}
	var chosen C.a0_prob
	var likely *C.a0_prob
	if top > 0 {
		likely = &s.top[0]
	}
	var why C.a0_message
	code := C.a0_sample(c.c, C.int32_t(i), s.c, C.double(u), C.double(gate), C.int32_t(top), &chosen, likely, &why)
	if err := status("choose a token", code, &why); err != nil {
		return spec.Prob{}, nil, err
	}
	probs := make([]spec.Prob, 0, max(0, top))
	for _, p := range s.top[:max(0, top)] {
		probs = append(probs, spec.Prob{Token: int32(p.token), Logprob: float32(p.logprob)})
	}
	return spec.Prob{Token: int32(chosen.token), Logprob: float32(chosen.logprob)}, probs, nil
}
