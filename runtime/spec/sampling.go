package spec

import "math"

// Sampling is how tokens are chosen. The names, meanings and defaults are llama.cpp's
// (https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md).
type Sampling struct {
	// Temperature flattens the distribution; 0 takes the likeliest token.
	Temperature float64 `json:"temperature"`
	// DynatempRange and DynatempExponent let the temperature follow the entropy.
	DynatempRange    float64 `json:"dynatemp_range,omitempty"`
	DynatempExponent float64 `json:"dynatemp_exponent"`
	// TopK keeps so many of the likeliest tokens; 0 is all.
	TopK int `json:"top_k"`
	// TopP keeps the likeliest tokens that have this probability together; 1 is all.
	TopP float64 `json:"top_p"`
	// MinP keeps tokens that are at least so likely beside the likeliest; 0 is all.
	MinP float64 `json:"min_p"`
	// TypicalP is locally typical sampling; 1 is off.
	TypicalP float64 `json:"typical_p"`
	// TopNSigma keeps what is so many standard deviations below the largest logit; 0 and below is off.
	TopNSigma float64 `json:"top_n_sigma,omitempty"`
	// XTCProbability is how often the likeliest of those above XTCThreshold are left out.
	XTCProbability float64 `json:"xtc_probability,omitempty"`
	XTCThreshold   float64 `json:"xtc_threshold"`
	// RepeatLastN is how many tokens penalties look back; 0 is off, -1 the whole context.
	RepeatLastN int `json:"repeat_last_n"`
	// RepeatPenalty divides logits of tokens that were there; 1 is off.
	RepeatPenalty float64 `json:"repeat_penalty"`
	// FrequencyPenalty is taken off for each time that a token was there, PresencePenalty once.
	FrequencyPenalty float64 `json:"frequency_penalty,omitempty"`
	PresencePenalty  float64 `json:"presence_penalty,omitempty"`
	// DryMultiplier and those below are of DRY, which penalises repeated sequences; 0 is off.
	DryMultiplier    float64  `json:"dry_multiplier,omitempty"`
	DryBase          float64  `json:"dry_base"`
	DryAllowedLength int      `json:"dry_allowed_length"`
	DryPenaltyLastN  int      `json:"dry_penalty_last_n"`
	DryBreakers      []string `json:"dry_sequence_breakers,omitempty"`
	// Mirostat is 0, 1 or 2; with it the truncations above are off.
	Mirostat    int     `json:"mirostat,omitempty"`
	MirostatTau float64 `json:"mirostat_tau"`
	MirostatEta float64 `json:"mirostat_eta"`
	// MinKeep is how many tokens truncations leave at least.
	MinKeep int `json:"min_keep,omitempty"`
	// Bias is added to logits.
	Bias []Bias `json:"bias,omitempty"`
	// Seed decides what is drawn: the same request with the same seed gives the same tokens.
	Seed uint64 `json:"seed"`
}

// Bias is added to the logit of a token.
type Bias struct {
	Token int32   `json:"token"`
	Bias  float64 `json:"bias"`
}

// DefaultSampling is what llama.cpp does where nothing is said.
func DefaultSampling() Sampling {
	return Sampling{
		Temperature: 0.8, DynatempExponent: 1, TopK: 40, TopP: 0.95, MinP: 0.05, TypicalP: 1, XTCThreshold: 0.1,
		RepeatLastN: 64, RepeatPenalty: 1,
		DryBase: 1.75, DryAllowedLength: 2, DryPenaltyLastN: -1, DryBreakers: []string{"\n", ":", "\"", "*"},
		MirostatTau: 5, MirostatEta: 0.1,
	}
}

// The limits of Clamp.
const (
	maxBiases   = 1024
	maxBreakers = 16
	maxBreaker  = 64 // bytes
)

// Clamp brings every number into the range in which C code may see it, for a model of so many tokens and a context of so
// many positions. What is no number becomes the default.
func (s *Sampling) Clamp(vocabulary, context int) {
	d := DefaultSampling()
	for _, f := range []struct {
		value         *float64
		low, high, or float64
	}{
		{&s.Temperature, 0, 100, d.Temperature},
		{&s.DynatempRange, 0, 100, 0},
		{&s.DynatempExponent, 0, 100, d.DynatempExponent},
		{&s.TopP, 0, 1, d.TopP},
		{&s.MinP, 0, 1, d.MinP},
		{&s.TypicalP, 0, 1, d.TypicalP},
		{&s.TopNSigma, 0, 1000, 0},
		{&s.XTCProbability, 0, 1, 0},
		{&s.XTCThreshold, 0, 1, d.XTCThreshold},
		{&s.RepeatPenalty, 0.01, 100, 1},
		{&s.FrequencyPenalty, -100, 100, 0},
		{&s.PresencePenalty, -100, 100, 0},
		{&s.DryMultiplier, 0, 100, 0},
		{&s.DryBase, 0, 100, d.DryBase},
		{&s.MirostatTau, 0, 100, d.MirostatTau},
		{&s.MirostatEta, 0, 1, d.MirostatEta},
	} {
		*f.value = clamp(*f.value, f.low, f.high, f.or)
	}
	s.TopK = min(max(s.TopK, 0), vocabulary)
	s.RepeatLastN = lookBack(s.RepeatLastN, context)
	s.DryPenaltyLastN = lookBack(s.DryPenaltyLastN, context)
	s.DryAllowedLength = min(max(s.DryAllowedLength, 1), context)
	s.Mirostat = min(max(s.Mirostat, 0), 2)
	s.MinKeep = min(max(s.MinKeep, 0), vocabulary)
	s.clampLists(vocabulary)
}

func (s *Sampling) clampLists(vocabulary int) {
	var biases []Bias
	for _, b := range s.Bias[:min(len(s.Bias), maxBiases)] {
		if b.Token >= 0 && int(b.Token) < vocabulary {
			biases = append(biases, Bias{b.Token, clamp(b.Bias, -1e9, 1e9, 0)})
		}
	}
	s.Bias = biases
	var breakers []string
	for _, b := range s.DryBreakers[:min(len(s.DryBreakers), maxBreakers)] {
		if b != "" && len(b) <= maxBreaker {
			breakers = append(breakers, b)
		}
	}
	s.DryBreakers = breakers
}

func clamp(v, low, high, or float64) float64 {
	if math.IsNaN(v) {
		return or
	}
	return min(max(v, low), high)
}

// lookBack is a number of tokens: the whole context has to be said in tokens.
func lookBack(n, context int) int {
	if n < 0 || n > context {
		return context
	}
	return n
}
