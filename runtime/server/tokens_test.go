package server

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

func TestSeeds(t *testing.T) {
	r := start(t)
	same := content(t, r.chat(t, ask("a", `"seed":9223372036854775807`)))
	if again := content(t, r.chat(t, ask("a", `"seed":9223372036854775807`))); again != same {
		t.Error("the same seed gives another answer")
	}
	if r.latest().Sampling.Seed != 1<<63-1 {
		t.Errorf("the seed became %d", r.latest().Sampling.Seed)
	}
	content(t, r.chat(t, ask("a", `"seed":-2`)))
	if int64(r.latest().Sampling.Seed) != -2 {
		t.Errorf("the seed -2 became %d", r.latest().Sampling.Seed)
	}
	seeds := map[uint64]bool{}
	for range 5 {
		content(t, r.chat(t, ask("a")))
		seeds[r.latest().Sampling.Seed] = true
	}
	if len(seeds) != 5 || seeds[0] {
		t.Errorf("without a seed: %v", seeds)
	}
	// Choice i of n is what seed+i gives alone.
	three := r.chat(t, ask("a", `"seed":5,"n":3`)).json(t)
	for i := range 3 {
		alone := content(t, r.chat(t, ask("a", fmt.Sprintf(`"seed":%d`, 5+i))))
		if at(t, three, "choices", i, "message", "content") != alone || at(t, three, "choices", i, "index") != float64(i) {
			t.Errorf("choice %d: %v, alone %q", i, at(t, three, "choices", i), alone)
		}
	}
}

func TestStopAndLength(t *testing.T) {
	r := start(t)
	full := content(t, r.chat(t, ask("x !long", `"seed":1,"max_tokens":30`)))
	second := strings.Fields(full)[1]
	a := r.chat(t, ask("x !long", fmt.Sprintf(`"seed":1,"max_tokens":30,"stop":%q`, second)))
	if got := content(t, a); got != full[:strings.Index(full, second)] || at(t, a.json(t), "choices", 0, "finish_reason") != "stop" {
		t.Errorf("%q stopped at %q: %q", full, second, got)
	}
	a = r.chat(t, ask("x !long", `"seed":1,"max_completion_tokens":3`))
	if got := content(t, a); len(strings.Fields(got)) != 3 || at(t, a.json(t), "choices", 0, "finish_reason") != "length" {
		t.Errorf("3 tokens: %s", a.body)
	}
	limited := start(t, func(c *spec.Server, _ *Options) { c.MaxTokens = 2 })
	if got := content(t, limited.chat(t, ask("x !long"))); len(strings.Fields(got)) != 2 {
		t.Errorf("the server's own limit: %q", got)
	}
}

func TestBias(t *testing.T) {
	r := start(t)
	first := strings.Fields(content(t, r.chat(t, ask("q", `"seed":1`))))[0]
	token := slices.Index(words, first)
	text := content(t, r.chat(t, ask("q", fmt.Sprintf(`"seed":1,"logit_bias":{"%d":-100}`, token))))
	if slices.Contains(strings.Fields(text), first) {
		t.Errorf("%q has %q, which was banned", text, first)
	}
	text = content(t, r.chat(t, ask("q", `"seed":1,"logit_bias":{"2":100}`)))
	if strings.Trim(text, " "+words[2]) != "" {
		t.Errorf("a bias of 100 on %q: %q", words[2], text)
	}
	if p := r.chat(t, ask("q", `"logit_bias":{"5000":1}`)).problem(t); p.param() != "logit_bias.5000" {
		t.Errorf("a token that is not there: %+v", p)
	}
}

func TestLogprobs(t *testing.T) {
	r := start(t)
	a := r.chat(t, ask("p", `"seed":1,"logprobs":true,"top_logprobs":2,"max_tokens":4`))
	list := at(t, a.json(t), "choices", 0, "logprobs", "content").([]any)
	text := ""
	for _, e := range list {
		text += at(t, e, "token").(string)
		top := at(t, e, "top_logprobs").([]any)
		if len(top) != 2 || at(t, top[0], "token") != at(t, e, "token") || at(t, top[0], "logprob") != at(t, e, "logprob") || at(t, e, "logprob").(float64) >= 0 {
			t.Errorf("%v", e)
		}
		if got := at(t, e, "bytes").([]any); len(got) != len(at(t, e, "token").(string)) {
			t.Errorf("bytes %v", got)
		}
	}
	if text != content(t, a) || len(list) != 4 || at(t, a.json(t), "choices", 0, "logprobs", "refusal") != nil {
		t.Errorf("%q of %q", text, content(t, a))
	}
	m := r.do(t, "POST", "/v1/completions", `{"prompt":"p","seed":1,"logprobs":2,"max_tokens":4}`).json(t)
	l := at(t, m, "choices", 0, "logprobs")
	whole, tokens := at(t, m, "choices", 0, "text").(string), at(t, l, "tokens").([]any)
	for i, tok := range tokens {
		offset := int(at(t, l, "text_offset", i).(float64))
		if !strings.HasPrefix(string([]rune(whole)[offset:]), tok.(string)) || len(at(t, l, "top_logprobs", i).(map[string]any)) != 2 {
			t.Errorf("token %d %q at %d of %q: %v", i, tok, offset, whole, at(t, l, "top_logprobs", i))
		}
	}
	if len(tokens) != 4 || len(at(t, l, "token_logprobs").([]any)) != 4 {
		t.Errorf("%v", l)
	}
}

func TestPartsOfCharacters(t *testing.T) {
	r := start(t)
	text := ""
	for _, e := range r.chat(t, ask("!bytes", `"stream":true`)).events(t) {
		var c chatChunk
		if json.Unmarshal([]byte(e), &c) == nil && c.Choices[0].Delta.Content != nil {
			text += *c.Choices[0].Delta.Content
		}
	}
	if text != " café x\uFFFD" {
		t.Errorf("%q", text)
	}
	m := r.do(t, "POST", "/v1/completions", `{"prompt":"!bytes","logprobs":0}`).json(t)
	l := at(t, m, "choices", 0, "logprobs")
	if got := fmt.Sprintf("%q %v %v", at(t, l, "tokens"), at(t, l, "text_offset"), at(t, l, "top_logprobs")); got != `[" caf" "bytes:\\xc3" "bytes:\\xa9" " x" "bytes:\\xc3"] [0 4 5 5 7] <nil>` {
		t.Error(got)
	}
	list := at(t, r.chat(t, ask("!bytes", `"logprobs":true`)).json(t), "choices", 0, "logprobs", "content")
	if got := fmt.Sprint(at(t, list, 1, "bytes"), at(t, list, 1, "top_logprobs")); got != "[195] []" {
		t.Error(got)
	}
}

func TestLogprobsLeaveOutTheStopText(t *testing.T) {
	r := start(t)
	full := content(t, r.chat(t, ask("z !long", `"seed":4,"max_tokens":8`)))
	stop := strings.Join(strings.Fields(full)[3:5], " ")
	for _, stream := range []string{`"stream":false`, `"stream":true`} {
		a := r.chat(t, ask("z !long", `"seed":4,"max_tokens":8,"logprobs":true`, fmt.Sprintf(`"stop":%q`, stop), stream))
		tokens := 0
		if strings.HasSuffix(stream, "false") {
			tokens = len(at(t, a.json(t), "choices", 0, "logprobs", "content").([]any))
		} else {
			for _, e := range a.events(t) {
				var c chatChunk
				if json.Unmarshal([]byte(e), &c) == nil && c.Choices[0].Logprobs != nil {
					tokens += len(c.Choices[0].Logprobs.Content)
				}
			}
		}
		// The blank before the stop text is of its first token, and is shown.
		if tokens != 4 {
			t.Errorf("%s: %d tokens of %q before %q", stream, tokens, full, stop)
		}
	}
}
