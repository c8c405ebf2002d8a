package server

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"slices"

	"github.com/agent0-converge/agent0-converge/runtime/spec"
	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// params are what a request asks for.
type params struct {
	limits     *spec.Server
	grammars   Grammars
	vocabulary int // 0 where it is not known yet
	chat       bool

	model               string
	messages, variables json.RawMessage
	prompts             []prompt
	tools               []tool
	toolsRaw            json.RawMessage
	choice, chosen      string // of a tool
	n                   int
	bestOf              int64
	maxTokens           int
	maxSaid             string // by which field
	stop                []string
	sampling            spec.Sampling
	seed                *int64
	grammar             string
	constrained         string // by which field
	closes              bool   // the grammar is one of JSON
	ignoreEnd           bool
	probs               bool
	top                 int
	topSaid             bool
	stream, usage       bool
	streamOptions       bool
	// marks is how the model writes calls, nil where that is not known: noCalls says why, or why that there is no engine
	// that could say.
	marks        *wire.Calls
	noCalls, why string
	one          bool // no more than one call
	// calls says that the answer may be calls of tools, which are read by marks, and called that it is.
	calls, called bool
}

// read takes in the body of a request.
func (p *params) read(table map[string]*field, body []byte) *failure {
	all, f := parse(body)
	if f != nil {
		return f
	}
	// The order of names decides nothing, not even which of several faults is told.
	slices.SortFunc(all, func(a, b member) int {
		if a.name < b.name {
			return -1
		}
		return 1
	})
	for _, m := range all {
		v := value{m.name, m.value}
		known := table[m.name]
		if known == nil {
			return v.unknown()
		}
		if isNull(m.value) {
			continue
		}
		if f := known.take(p, v); f != nil {
			return f
		}
	}
	return p.whole()
}

// whole checks what fields have to do with each other, and works out what follows of them together.
func (p *params) whole() *failure {
	missing := func(name string) *failure {
		return invalid(name, "missing_required_parameter", "%s is missing", name)
	}
	if p.n == 0 {
		p.n = 1
	}
	if p.maxTokens == 0 {
		p.maxTokens = p.limits.MaxTokens
	}
	switch {
	case p.model != "" && p.model != p.limits.Model && !slices.Contains(p.limits.Aliases, p.model):
		return noModel(p.model)
	case p.chat && p.messages == nil:
		return missing("messages")
	case !p.chat && p.prompts == nil:
		return missing("prompt")
	case p.bestOf > 1 && p.bestOf != int64(p.n):
		return invalid("best_of", "unsupported_parameter", "best_of is not supported: every choice is returned: use n")
	case p.topSaid && !p.probs:
		return invalid("top_logprobs", "invalid_value", "top_logprobs needs logprobs")
	case p.streamOptions && !p.stream:
		return invalid("stream_options", "invalid_value", "stream_options needs stream")
	case len(p.prompts)*p.n > p.limits.MaxChoices:
		return invalid("n", "invalid_value", "%d prompts times n are more than %d choices", len(p.prompts), p.limits.MaxChoices)
	}
	return p.chooseTool()
}

func noModel(name string) *failure {
	return &failure{status: http.StatusNotFound, kind: invalidRequest, param: "model", code: "model_not_found",
		message: "the model \"" + name + "\" is not here: /v1/models lists what is"}
}

// requests are the sequences that are asked for: of each prompt n, one after the other.
func (p *params) requests() []*wire.Request {
	seed := rand.Uint64() // it has to be known, so that another engine can go on
	if p.seed != nil {
		seed = uint64(*p.seed)
	}
	base := wire.Request{
		MaxTokens: p.maxTokens, Stop: p.stop, Sampling: p.sampling, Grammar: p.grammar, Closes: p.closes,
		Probs: p.probs, Top: p.top, IgnoreEnd: p.ignoreEnd,
	}
	if p.chat {
		base.Chat = &wire.Chat{Messages: p.messages, Tools: p.toolsRaw, Variables: p.variables}
		p.prompts = []prompt{{}}
	}
	var all []*wire.Request
	for _, prompt := range p.prompts {
		for i := range p.n {
			r := base
			r.Text, r.Tokens = prompt.text, prompt.tokens
			r.Sampling.Seed = seed + uint64(i)
			r.Sampling.Bias = slices.Clone(p.sampling.Bias)
			r.Sampling.DryBreakers = slices.Clone(p.sampling.DryBreakers)
			all = append(all, &r)
		}
	}
	return all
}
