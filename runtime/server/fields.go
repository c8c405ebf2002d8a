package server

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
)

// use is what becomes of a field.
type use int

const (
	absent    use = iota // no field of this kind of request
	supported            // it does what it says
	ignored              // taken, as it changes no answer
	refused              // an error that names it
)

// field is one of a request's. All that is known of fields is in tables of these: the reference is made of them.
type field struct {
	name             string
	chat, completion use
	// read takes the value in, unless it is null.
	read func(p *params, v value) *failure
	// harmless are values of a refused field that ask for what is done anyway.
	harmless []string
	// example is a value that is taken in, or refused.
	example string
	// note is for the reference.
	note string
}

// fields are all that are known, those of OpenAI first.
func fields() []field {
	return slices.Concat(conversationFields(), lengthFields(), samplingFields(), formatFields(), deliveryFields(), otherFields())
}

// lengthFields say how much is generated.
func lengthFields() []field {
	return []field{
		{name: "n", chat: supported, completion: supported, example: "2", note: "choice i has the seed plus i; the server has a limit", read: func(p *params, v value) *failure {
			n, f := v.integer(1, int64(p.limits.MaxN))
			p.n = int(n)
			return f
		}},
		{name: "max_completion_tokens", chat: supported, example: "16", read: readMaxTokens},
		{name: "max_tokens", chat: supported, completion: supported, example: "16", read: readMaxTokens,
			note: "where none is given, the server's own; unless that is set, as many as fit into the context"},
		{name: "n_predict", chat: supported, completion: supported, example: "16", note: "llama.cpp's name of max_tokens", read: readMaxTokens},
		{name: "stop", chat: supported, completion: supported, example: `["END"]`, note: "up to 16 texts of up to 1024 bytes (OpenAI has 4)", read: readStop},
		{name: "ignore_eos", chat: supported, completion: supported, example: "true", note: "llama.cpp's: goes on after the model's own end", read: flag(func(p *params) *bool { return &p.ignoreEnd })},
	}
}

func readMaxTokens(p *params, v value) *failure {
	n, f := v.integer(1, math.MaxInt32)
	if f == nil && p.maxSaid != "" && p.maxTokens != int(n) {
		return v.bad("%s says something else: send one of them", p.maxSaid)
	}
	p.maxTokens, p.maxSaid = int(n), v.param
	return f
}

// The limits of stop texts, which are the engine's too.
const (
	maxStops = 16
	maxStop  = 1024 // bytes
)

func readStop(p *params, v value) *failure {
	items := []json.RawMessage{v.raw}
	if v.raw[0] != '"' {
		var f *failure
		if items, f = v.array("a string or an array of strings"); f != nil {
			return f
		}
	}
	if len(items) > maxStops {
		return v.bad("there are more than %d", maxStops)
	}
	for i, raw := range items {
		part := v
		if v.raw[0] == '[' {
			part = v.item(i, raw)
		}
		s, f := part.text()
		if f != nil {
			return f
		}
		if s == "" || len(s) > maxStop {
			return part.bad("a stop text has 1 to %d bytes", maxStop)
		}
		p.stop = append(p.stop, s)
	}
	return nil
}

// deliveryFields say how the answer comes.
func deliveryFields() []field {
	return []field{
		{name: "stream", chat: supported, completion: supported, example: "false", read: flag(func(p *params) *bool { return &p.stream })},
		{name: "stream_options", chat: supported, completion: supported, example: `{"include_usage":true}`, read: readStreamOptions,
			note: "include_usage; include_obfuscation only as false; not without stream"},
		{name: "logprobs", chat: supported, example: "true", note: "of what the model computed, before any sampling parameter", read: flag(func(p *params) *bool { return &p.probs })},
		{name: "logprobs", completion: supported, example: "2", note: "0 to 20 (OpenAI has 5); text_offset counts characters of the choice's text", read: func(p *params, v value) *failure {
			n, f := v.integer(0, maxTop)
			p.probs, p.top = f == nil, int(n)
			return f
		}},
		{name: "top_logprobs", chat: supported, example: "2", note: "0 to 20; needs logprobs", read: func(p *params, v value) *failure {
			n, f := v.integer(0, maxTop)
			p.top, p.topSaid = int(n), true
			return f
		}},
	}
}

// maxTop is how many tokens are listed with their probabilities at most.
const maxTop = 20

func readStreamOptions(p *params, v value) *failure {
	p.streamOptions = true
	return v.each(map[string]func(value) *failure{
		"include_usage": func(v value) (f *failure) {
			p.usage, f = v.boolean()
			return f
		},
		"include_obfuscation": func(v value) *failure {
			on, f := v.boolean()
			if f == nil && on {
				return invalid(v.param, "unsupported_parameter", "%s: nothing is padded here", v.param)
			}
			return f
		},
	})
}

// otherFields do nothing here, or are refused because what they ask for is not done.
func otherFields() []field {
	const noOutput = "changes no answer"
	return []field{
		{name: "user", chat: ignored, completion: ignored, example: `"u"`, note: noOutput},
		{name: "safety_identifier", chat: ignored, completion: ignored, example: `"u"`, note: noOutput},
		{name: "metadata", chat: ignored, completion: ignored, example: `{"a":"b"}`, note: noOutput},
		{name: "service_tier", chat: ignored, completion: ignored, example: `"auto"`, note: noOutput},
		{name: "prompt_cache_key", chat: ignored, completion: ignored, example: `"k"`, note: "prompts are found again by their tokens"},
		{name: "prompt_cache_retention", chat: ignored, completion: ignored, example: `"24h"`, note: noOutput},
		{name: "prompt_cache_options", chat: ignored, completion: ignored, example: `{"mode":"implicit"}`, note: noOutput},
		{name: "prediction", chat: ignored, example: `{"type":"content","content":"x"}`, note: "would save time, and changes no answer"},
		{name: "cache_prompt", chat: ignored, completion: ignored, example: "true", note: "llama.cpp's; prompts are always reused where they can be"},
		{name: "id_slot", chat: ignored, completion: ignored, example: "1", note: "llama.cpp's; " + noOutput},
		{name: "store", chat: refused, harmless: []string{"false"}, example: "true", note: "nothing is stored"},
		{name: "audio", chat: refused, example: `{"voice":"alloy","format":"wav"}`, note: "text only"},
		{name: "modalities", chat: refused, harmless: []string{`["text"]`}, example: `["text","audio"]`, note: "text only"},
		{name: "functions", chat: refused, harmless: []string{"[]"}, example: `[{"name":"f"}]`, note: "superseded: use tools"},
		{name: "function_call", chat: refused, harmless: []string{`"none"`}, example: `"auto"`, note: "superseded: use tool_choice"},
		{name: "reasoning_effort", chat: refused, example: `"low"`, note: "say it to the model's own template, with chat_template_kwargs"},
		{name: "verbosity", chat: refused, example: `"low"`, note: "no model here knows it"},
		{name: "web_search_options", chat: refused, example: "{}", note: "nothing is searched"},
		{name: "moderation", chat: refused, example: `{"model":"m"}`, note: "nothing is moderated"},
		{name: "best_of", completion: refused, harmless: []string{"1"}, example: "2", note: "every choice is returned: use n",
			read: func(p *params, v value) (f *failure) {
				p.bestOf, f = v.integer(1, math.MaxInt32)
				return f
			}},
		{name: "echo", completion: refused, harmless: []string{"false"}, example: "true", note: "the prompt is not computed for its own probabilities"},
		{name: "suffix", completion: refused, harmless: []string{`""`}, example: `"x"`, note: "nothing is filled in"},
		{name: "samplers", chat: refused, completion: refused, example: `["top_k"]`, note: "llama.cpp's; the order is fixed"},
		{name: "n_probs", chat: refused, completion: refused, harmless: []string{"0"}, example: "2", note: "llama.cpp's; use logprobs"},
		{name: "post_sampling_probs", chat: refused, completion: refused, harmless: []string{"false"}, example: "true", note: "llama.cpp's; probabilities are those before sampling"},
		{name: "n_keep", chat: refused, completion: refused, harmless: []string{"0"}, example: "4", note: "llama.cpp's; a context is never shifted"},
		{name: "t_max_predict_ms", chat: refused, completion: refused, harmless: []string{"0"}, example: "100", note: "llama.cpp's; use max_tokens"},
		{name: "return_tokens", chat: refused, completion: refused, harmless: []string{"false"}, example: "true", note: "llama.cpp's; use /tokenize"},
		{name: "timings_per_token", chat: refused, completion: refused, harmless: []string{"false"}, example: "true", note: "llama.cpp's; /metrics has times"},
		{name: "lora", chat: refused, completion: refused, harmless: []string{"[]"}, example: `[{"id":0,"scale":1}]`, note: "llama.cpp's; there are no adapters"},
	}
}

// flag reads true or false.
func flag(to func(*params) *bool) func(*params, value) *failure {
	return func(p *params, v value) (f *failure) {
		*to(p), f = v.boolean()
		return f
	}
}

// take lets a field do what it does.
func (f *field) take(p *params, v value) *failure {
	u := f.completion
	if p.chat {
		u = f.chat
	}
	switch {
	case u == ignored:
		return nil
	case f.read != nil:
		return f.read(p, v)
	}
	var compact bytes.Buffer
	if json.Compact(&compact, v.raw) == nil && slices.Contains(f.harmless, compact.String()) {
		return nil
	}
	return invalid(v.param, "unsupported_parameter", "%s is not supported: %s", v.param, f.note)
}
