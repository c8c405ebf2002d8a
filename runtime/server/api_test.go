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

// Characters that are more than one token come whole, and their tokens by their bytes.
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
