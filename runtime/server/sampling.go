package server

import (
	"math"
	"strconv"

	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// samplingFields say how tokens are chosen. The ranges are OpenAI's where it has the field, else those in which the engine
// takes a number as it is.
func samplingFields() []field {
	const theirs = "llama.cpp's; "
	const lookBack = "over the last repeat_last_n tokens, the prompt's too, as in llama.cpp"
	return []field{
		real("temperature", 0, 2, "0.5", "0 takes the likeliest token; the default is the model's", func(s *spec.Sampling) *float64 { return &s.Temperature }),
		real("top_p", 0, 1, "0.9", "the default is the model's", func(s *spec.Sampling) *float64 { return &s.TopP }),
		real("frequency_penalty", -2, 2, "0.5", lookBack, func(s *spec.Sampling) *float64 { return &s.FrequencyPenalty }),
		real("presence_penalty", -2, 2, "0.5", lookBack, func(s *spec.Sampling) *float64 { return &s.PresencePenalty }),
		{name: "seed", chat: supported, completion: supported, example: "-7", note: "any integer of 64 bits; left out, a random one", read: func(p *params, v value) *failure {
			n, f := v.integer(math.MinInt64, math.MaxInt64)
			p.seed = &n
			return f
		}},
		{name: "logit_bias", chat: supported, completion: supported, example: `{"5":-100}`, note: "up to 1024 tokens, −100 to 100; −100 bans the token", read: readBias},
		whole("top_k", 0, math.MaxInt32, "40", theirs+"0 is all", func(s *spec.Sampling) *int { return &s.TopK }),
		real("min_p", 0, 1, "0.1", theirs+"0 is all", func(s *spec.Sampling) *float64 { return &s.MinP }),
		real("typical_p", 0, 1, "0.9", theirs+"1 is off", func(s *spec.Sampling) *float64 { return &s.TypicalP }),
		real("top_n_sigma", -1, 1000, "1", theirs+"0 and below is off", func(s *spec.Sampling) *float64 { return &s.TopNSigma }),
		real("dynatemp_range", 0, 100, "0.5", theirs+"0 is off", func(s *spec.Sampling) *float64 { return &s.DynatempRange }),
		real("dynatemp_exponent", 0, 100, "1", "llama.cpp's", func(s *spec.Sampling) *float64 { return &s.DynatempExponent }),
		real("xtc_probability", 0, 1, "0.5", theirs+"0 is off", func(s *spec.Sampling) *float64 { return &s.XTCProbability }),
		real("xtc_threshold", 0, 1, "0.1", "llama.cpp's", func(s *spec.Sampling) *float64 { return &s.XTCThreshold }),
		whole("repeat_last_n", -1, math.MaxInt32, "64", theirs+"the default is 64, −1 the whole context", func(s *spec.Sampling) *int { return &s.RepeatLastN }),
		real("repeat_penalty", 0.01, 100, "1.1", lookBack+"; 1 is off", func(s *spec.Sampling) *float64 { return &s.RepeatPenalty }),
		real("dry_multiplier", 0, 100, "0.8", theirs+"0 is off", func(s *spec.Sampling) *float64 { return &s.DryMultiplier }),
		real("dry_base", 0, 100, "1.75", "llama.cpp's", func(s *spec.Sampling) *float64 { return &s.DryBase }),
		whole("dry_allowed_length", 1, math.MaxInt32, "2", "llama.cpp's", func(s *spec.Sampling) *int { return &s.DryAllowedLength }),
		whole("dry_penalty_last_n", -1, math.MaxInt32, "64", theirs+"−1 is the whole context", func(s *spec.Sampling) *int { return &s.DryPenaltyLastN }),
		{name: "dry_sequence_breakers", chat: supported, completion: supported, example: `["\n"]`, note: theirs + "up to 16 of 1 to 64 bytes", read: readBreakers},
		whole("mirostat", 0, 2, "0", theirs+"0 is off", func(s *spec.Sampling) *int { return &s.Mirostat }),
		real("mirostat_tau", 0, 100, "5", "llama.cpp's", func(s *spec.Sampling) *float64 { return &s.MirostatTau }),
		real("mirostat_eta", 0, 1, "0.1", "llama.cpp's", func(s *spec.Sampling) *float64 { return &s.MirostatEta }),
		whole("min_keep", 0, math.MaxInt32, "1", "llama.cpp's", func(s *spec.Sampling) *int { return &s.MinKeep }),
	}
}

// real is a field with a number.
func real(name string, low, high float64, example, note string, to func(*spec.Sampling) *float64) field {
	return field{name: name, chat: supported, completion: supported, example: example, note: note, read: func(p *params, v value) (f *failure) {
		*to(&p.sampling), f = v.number(low, high)
		return f
	}}
}

// whole is a field with an integer.
func whole(name string, low, high int64, example, note string, to func(*spec.Sampling) *int) field {
	return field{name: name, chat: supported, completion: supported, example: example, note: note, read: func(p *params, v value) *failure {
		n, f := v.integer(low, high)
		*to(&p.sampling) = int(n)
		return f
	}}
}

const (
	// maxBiases is how many the engine takes.
	maxBiases = 1024
	// ban is a bias against which no logit helps; the infinite cannot be written in JSON.
	ban = -1e9
)

func readBias(p *params, v value) *failure {
	all, f := v.object()
	if f != nil {
		return f
	}
	if len(all) > maxBiases {
		return v.bad("there are more than %d tokens", maxBiases)
	}
	biases := make([]spec.Bias, 0, len(all))
	for _, m := range all {
		part := v.member(m)
		token, err := strconv.ParseInt(m.name, 10, 32)
		if err != nil || token < 0 || p.vocabulary > 0 && int(token) >= p.vocabulary {
			return part.bad("%q is no token of this model", m.name)
		}
		bias, f := part.number(-100, 100)
		if f != nil {
			return f
		}
		if bias == -100 {
			bias = ban
		}
		biases = append(biases, spec.Bias{Token: int32(token), Bias: bias})
	}
	p.sampling.Bias = biases
	return nil
}

func readBreakers(p *params, v value) *failure {
	items, f := v.array("an array of strings")
	if f != nil {
		return f
	}
	if len(items) > 16 {
		return v.bad("there are more than 16")
	}
	breakers := make([]string, 0, len(items))
	for i, raw := range items {
		part := v.item(i, raw)
		s, f := part.text()
		if f != nil {
			return f
		}
		if s == "" || len(s) > 64 {
			return part.bad("it has 1 to 64 bytes")
		}
		breakers = append(breakers, s)
	}
	p.sampling.DryBreakers = breakers
	return nil
}
