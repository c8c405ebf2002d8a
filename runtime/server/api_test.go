package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/runtime/spec"
	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// at follows names and indexes through JSON.
func at(t testing.TB, v any, path ...any) any {
	t.Helper()
	for i, p := range path {
		switch p := p.(type) {
		case string:
			m, ok := v.(map[string]any)
			if !ok {
				t.Fatalf("%v: no object at %v", path, path[:i])
			}
			got, there := m[p]
			if !there {
				t.Fatalf("%v: nothing at %v", path, path[:i+1])
			}
			v = got
		case int:
			a, ok := v.([]any)
			if !ok || len(a) <= p {
				t.Fatalf("%v: no item %v", path, path[:i+1])
			}
			v = a[p]
		}
	}
	return v
}

func content(t testing.TB, a *answered) string {
	t.Helper()
	if a.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	return at(t, a.json(t), "choices", 0, "message", "content").(string)
}

func TestChatShape(t *testing.T) {
	r := start(t)
	a := r.chat(t, ask("hello", `"seed":1`))
	text := content(t, a)
	if text == "" {
		t.Fatal("no text")
	}
	m := a.json(t)
	if at(t, m, "object") != "chat.completion" || !strings.HasPrefix(at(t, m, "id").(string), "chatcmpl-") || at(t, m, "model") != "tiny" ||
		!strings.HasPrefix(at(t, m, "system_fingerprint").(string), "fp_") || at(t, m, "created").(float64) < 1e9 {
		t.Errorf("head: %s", a.body)
	}
	choice := at(t, m, "choices", 0)
	if at(t, choice, "message", "refusal") != nil || at(t, choice, "message", "role") != "assistant" || at(t, choice, "logprobs") != nil ||
		at(t, choice, "finish_reason") != "stop" || at(t, choice, "index") != 0.0 {
		t.Errorf("choice: %s", a.body)
	}
	u := at(t, m, "usage")
	sum := at(t, u, "prompt_tokens").(float64) + at(t, u, "completion_tokens").(float64)
	if sum != at(t, u, "total_tokens").(float64) || at(t, u, "completion_tokens").(float64) != float64(len(strings.Fields(text))) {
		t.Errorf("usage %v of %q", u, text)
	}
	if at(t, u, "prompt_tokens_details", "cached_tokens").(float64) != float64(int(at(t, u, "prompt_tokens").(float64))/2) {
		t.Errorf("cached tokens: %v", u)
	}
}

// What a stream tells is what the answer in one piece says, for both kinds.
func TestStreamSaysTheSame(t *testing.T) {
	r := start(t)
	fields := `"seed":7,"n":3,"stop":["fox"],"max_tokens":12`
	whole := r.chat(t, ask("hello", fields)).json(t)
	a := r.chat(t, ask("hello", fields, `"stream":true,"stream_options":{"include_usage":true}`))
	events := a.events(t)
	texts, finish := [3]string{}, [3]string{}
	seen := map[int]bool{}
	for _, e := range events[:len(events)-2] {
		var c chatChunk
		var raw map[string]any
		if err := json.Unmarshal([]byte(e), &c); err != nil {
			t.Fatal(err)
		}
		_ = json.Unmarshal([]byte(e), &raw)
		if v, there := raw["usage"]; !there || v != nil {
			t.Fatalf("usage is not null in %s", e)
		}
		for _, d := range c.Choices {
			if !seen[d.Index] && (d.Delta.Role != "assistant" || d.Delta.Content == nil || *d.Delta.Content != "") {
				t.Errorf("the first chunk of %d: %s", d.Index, e)
			}
			seen[d.Index] = true
			if d.Delta.Content != nil {
				texts[d.Index] += *d.Delta.Content
			}
			if d.Finish != nil {
				finish[d.Index] += *d.Finish
			}
		}
	}
	for i := range texts {
		if texts[i] != at(t, whole, "choices", i, "message", "content") || finish[i] != at(t, whole, "choices", i, "finish_reason") {
			t.Errorf("choice %d: %q %s, and in one piece %v", i, texts[i], finish[i], at(t, whole, "choices", i))
		}
	}
	var last map[string]any
	_ = json.Unmarshal([]byte(events[len(events)-2]), &last)
	if len(at(t, last, "choices").([]any)) != 0 || fmt.Sprint(last["usage"]) != fmt.Sprint(whole["usage"]) {
		t.Errorf("usage: %v, in one piece %v", last, whole["usage"])
	}
	if events[len(events)-1] != "[DONE]" {
		t.Error("no [DONE]")
	}
	one := r.do(t, "POST", "/v1/completions", `{"prompt":"once","seed":3}`).json(t)
	text := ""
	for _, e := range r.do(t, "POST", "/v1/completions", `{"prompt":"once","seed":3,"stream":true}`).events(t) {
		var c textAnswer
		if e != "[DONE]" {
			if err := json.Unmarshal([]byte(e), &c); err != nil || strings.Contains(e, "usage") {
				t.Fatal(err, e)
			}
			text += c.Choices[0].Text
		}
	}
	if text != at(t, one, "choices", 0, "text") || text == "" {
		t.Errorf("%q, in one piece %v", text, one)
	}
}

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

// Characters that are more than one token come whole, and their tokens by their bytes.
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

func TestCompletionPrompts(t *testing.T) {
	r := start(t)
	m := r.do(t, "POST", "/v1/completions", `{"prompt":["a b","c d e"],"n":2,"seed":1}`).json(t)
	choices := at(t, m, "choices").([]any)
	if len(choices) != 4 || at(t, m, "usage", "prompt_tokens") != 5.0 || at(t, m, "object") != "text_completion" {
		t.Fatalf("%v", m)
	}
	for i, p := range []string{"a b", "a b", "c d e", "c d e"} {
		alone := r.do(t, "POST", "/v1/completions", fmt.Sprintf(`{"prompt":%q,"seed":%d}`, p, 1+i%2)).json(t)
		if at(t, choices[i], "text") != at(t, alone, "choices", 0, "text") || at(t, choices[i], "index") != float64(i) {
			t.Errorf("choice %d", i)
		}
	}
	r.do(t, "POST", "/v1/completions", `{"prompt":[1,2,3]}`)
	if got := r.latest().Tokens; !slices.Equal(got, []int32{1, 2, 3}) {
		t.Errorf("tokens: %v", got)
	}
	if m := r.do(t, "POST", "/v1/completions", `{"prompt":[[1,2],[3]]}`).json(t); len(at(t, m, "choices").([]any)) != 2 {
		t.Errorf("arrays of tokens: %v", m)
	}
	if p := r.do(t, "POST", "/v1/completions", `{"prompt":[1,1000]}`).problem(t); p.param() != "prompt[1]" {
		t.Errorf("%+v", p)
	}
}

// What the engine gets is what the request says.
func TestWhatTheEngineGets(t *testing.T) {
	r := start(t)
	r.chat(t, `{"messages":[{"role":"developer","content":"be brief"},{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
		{"role":"assistant","content":null,"refusal":null,"annotations":[],"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]},
		{"role":"tool","tool_call_id":"c1","content":"<1>"}],
		"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"none","chat_template_kwargs":{"think":false},
		"temperature":0,"top_p":null,"top_k":7,"min_p":0.25,"repeat_last_n":-1,"dry_sequence_breakers":["x"],"mirostat":2,"ignore_eos":true,"max_tokens":2}`)
	q := r.latest()
	want := `[{"role":"system","content":"be brief"},{"role":"user","content":"a\nb"},` +
		`{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}],"content":null},{"role":"tool","tool_call_id":"c1","content":"\u003c1\u003e"}]`
	if string(q.Chat.Messages) != want {
		t.Errorf("messages\n%s\nwant\n%s", q.Chat.Messages, want)
	}
	if string(q.Chat.Tools) != `[{"type":"function","function":{"name":"f"}}]` || string(q.Chat.Variables) != `{"think":false}` {
		t.Errorf("%s %s", q.Chat.Tools, q.Chat.Variables)
	}
	d := spec.DefaultSampling()
	s := q.Sampling
	if s.Temperature != 0 || s.TopP != d.TopP || s.TopK != 7 || s.MinP != 0.25 || s.RepeatLastN != -1 || !slices.Equal(s.DryBreakers, []string{"x"}) || s.Mirostat != 2 {
		t.Errorf("%+v", s)
	}
	if !q.IgnoreEnd || q.MaxTokens != 2 {
		t.Errorf("%+v", q)
	}
}

func TestModels(t *testing.T) {
	r := start(t)
	m := r.do(t, "GET", "/v1/models", "").json(t)
	if at(t, m, "object") != "list" || at(t, m, "data", 0, "id") != "tiny" || at(t, m, "data", 1, "id") != "org/alias" || at(t, m, "data", 0, "object") != "model" {
		t.Errorf("%v", m)
	}
	if m := r.do(t, "GET", "/v1/models/org/alias", "").json(t); at(t, m, "id") != "org/alias" {
		t.Errorf("%v", m)
	}
	if m := r.do(t, "GET", "/v1/models/org%2Falias", "").json(t); at(t, m, "id") != "org/alias" {
		t.Errorf("%v", m)
	}
	a := r.do(t, "GET", "/v1/models/gone", "")
	if p := a.problem(t); a.StatusCode != 404 || p.code() != "model_not_found" {
		t.Errorf("%d %+v", a.StatusCode, p)
	}
	if a := r.chat(t, ask("x", `"model":"gone"`)); a.StatusCode != 404 || a.problem(t).code() != "model_not_found" {
		t.Errorf("%s", a.body)
	}
}

func TestTokenize(t *testing.T) {
	r := start(t)
	if a := r.do(t, "POST", "/tokenize", `{"content":"quick fox"}`); string(a.body) != `{"tokens":[1,3]}` {
		t.Errorf("%s", a.body)
	}
	if a := r.do(t, "POST", "/tokenize", `{"content":"fox","with_pieces":true}`); string(a.body) != `{"tokens":[{"id":3,"piece":" fox"}]}` {
		t.Errorf("%s", a.body)
	}
	if a := r.do(t, "POST", "/tokenize", `{"content":""}`); string(a.body) != `{"tokens":[]}` {
		t.Errorf("%s", a.body)
	}
	if a := r.do(t, "POST", "/detokenize", `{"tokens":[1,3]}`); string(a.body) != `{"content":" quick fox"}` {
		t.Errorf("%s", a.body)
	}
	for path, body := range map[string]string{"/tokenize": `{}`, "/detokenize": `{"tokens":"x"}`} {
		if a := r.do(t, "POST", path, body); a.StatusCode != 400 || a.problem(t).param() == "" {
			t.Errorf("%s: %s", path, a.body)
		}
	}
	if a := r.do(t, "POST", "/detokenize", `{"tokens":[99999]}`); a.StatusCode != 400 {
		t.Errorf("%s", a.body)
	}
	r.set(func(s *wire.Status) { s.Ready, s.Why = nil, "gone" })
	if a := r.do(t, "POST", "/tokenize", `{"content":"fox"}`); a.StatusCode != 503 || a.Header.Get("Retry-After") != "1" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}
