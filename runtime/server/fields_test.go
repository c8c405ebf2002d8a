package server

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
)

// requestTypes are the requests as OpenAI's own client has them.
func requestTypes() []reflect.Type {
	return []reflect.Type{reflect.TypeFor[openai.ChatCompletionNewParams](), reflect.TypeFor[openai.CompletionNewParams]()}
}

// What is wrong is told with its place.
func TestWrongRequests(t *testing.T) {
	r := start(t)
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, c := range []struct{ body, param, code string }{
		{"", "", "invalid_json"}, {"[]", "", "invalid_json"}, {"null", "", "invalid_json"}, {`"x"`, "", "invalid_json"}, {"{", "", "invalid_json"},
		{ask("x") + "x", "", "invalid_json"}, {ask("x") + "{}", "", "invalid_json"}, {ask("x", `"temperature":NaN`), "", "invalid_json"},
		{ask("x", `"temperature":Infinity`), "", "invalid_json"}, {ask("x", `"temperature":01`), "", "invalid_json"}, {ask("x", `"temperature":1e999`), "", "invalid_json"},
		{ask("x", `"metadata":{"a":1e999}`), "", "invalid_json"}, {ask("x", `"user":"`+"\xff"+`"`), "", "invalid_json"}, {"\xef\xbb\xbf" + ask("x"), "", "invalid_json"},
		{ask("x", `"seed":1`, `"seed":2`), "seed", "invalid_json"}, {ask("x", `"metadata":{"a":1,"\u0061":2}`), "a", "invalid_json"},
		{ask("x", `"metadata":`+deep(64)), "", "invalid_json"}, {ask("x", `"metadata":`+deep(100000)), "", "invalid_json"},
		{ask("x", `"Temperature":1`), "Temperature", "unknown_parameter"}, {ask("x", `"what":1`), "what", "unknown_parameter"}, {ask("x", `"what":null`), "what", "unknown_parameter"},
		{ask("x", `"temperature":2.01`), "temperature", "invalid_value"}, {ask("x", `"temperature":-0.1`), "temperature", "invalid_value"}, {ask("x", `"temperature":"1"`), "temperature", "invalid_type"},
		{ask("x", `"top_p":1.1`), "top_p", "invalid_value"}, {ask("x", `"frequency_penalty":2.1`), "frequency_penalty", "invalid_value"}, {ask("x", `"presence_penalty":-2.1`), "presence_penalty", "invalid_value"},
		{ask("x", `"n":0`), "n", "invalid_value"}, {ask("x", `"n":17`), "n", "invalid_value"}, {ask("x", `"n":1.5`), "n", "invalid_type"}, {ask("x", `"n":true`), "n", "invalid_type"},
		{ask("x", `"max_tokens":0`), "max_tokens", "invalid_value"}, {ask("x", `"max_tokens":-1`), "max_tokens", "invalid_value"}, {ask("x", `"max_tokens":99999999999999999999`), "max_tokens", "invalid_value"},
		{ask("x", `"max_tokens":1`, `"max_completion_tokens":2`), "max_tokens", "invalid_value"},
		{ask("x", `"seed":9223372036854775808`), "seed", "invalid_value"}, {ask("x", `"seed":"1"`), "seed", "invalid_type"},
		{ask("x", `"logit_bias":{"1":101}`), "logit_bias.1", "invalid_value"}, {ask("x", `"logit_bias":{"a":1}`), "logit_bias.a", "invalid_value"}, {ask("x", `"logit_bias":{"-1":1}`), "logit_bias.-1", "invalid_value"}, {ask("x", `"logit_bias":[]`), "logit_bias", "invalid_type"},
		{ask("x", `"top_logprobs":2`), "top_logprobs", "invalid_value"}, {ask("x", `"logprobs":true`, `"top_logprobs":21`), "top_logprobs", "invalid_value"}, {ask("x", `"logprobs":2`), "logprobs", "invalid_type"},
		{ask("x", `"stop":[`+strings.Repeat(`"x",`, 16)+`"x"]`), "stop", "invalid_value"}, {ask("x", `"stop":""`), "stop", "invalid_value"}, {ask("x", `"stop":["a",1]`), "stop[1]", "invalid_type"},
		{ask("x", `"stream":"yes"`), "stream", "invalid_type"}, {ask("x", `"stream_options":{"include_usage":true}`), "stream_options", "invalid_value"},
		{ask("x", `"stream":true`, `"stream_options":{"include_obfuscation":true}`), "stream_options.include_obfuscation", "unsupported_parameter"},
		{`{}`, "messages", "missing_required_parameter"}, {`{"messages":[]}`, "messages", "invalid_value"}, {`{"messages":"x"}`, "messages", "invalid_type"}, {`{"messages":[null]}`, "messages[0]", "invalid_type"},
		{`{"messages":[{"role":"user"}]}`, "messages[0].content", "missing_required_parameter"}, {`{"messages":[{"content":"x"}]}`, "messages[0].role", "missing_required_parameter"},
		{`{"messages":[{"role":"boss","content":"x"}]}`, "messages[0].role", "invalid_value"}, {`{"messages":[{"role":"user","content":1}]}`, "messages[0].content", "invalid_type"},
		{`{"messages":[{"role":"tool","content":"x"}]}`, "messages[0].tool_call_id", "missing_required_parameter"}, {`{"messages":[{"role":"user","content":"x","what":1}]}`, "messages[0].what", "unknown_parameter"},
		{`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}]}`, "messages[0].content[0].type", "unsupported_parameter"},
		{`{"messages":[{"role":"user","content":[{"type":"text"}]}]}`, "messages[0].content[0].text", "missing_required_parameter"},
		{`{"messages":[{"role":"user","content":[{"type":"text","text":"x","cache":1}]}]}`, "messages[0].content[0].cache", "unknown_parameter"},
		{`{"messages":[{"role":"assistant","content":"x","audio":{"id":"a"}}]}`, "messages[0].audio", "unsupported_parameter"},
		{`{"messages":[{"role":"user","content":"x","tool_calls":[]}]}`, "messages[0].tool_calls", "invalid_value"},
		{`{"messages":[{"role":"assistant","tool_calls":[{"id":"x","type":"function","function":{"name":"f","arguments":{}}}]}]}`, "messages[0].tool_calls[0].function.arguments", "invalid_type"},
		{ask("x", `"response_format":{"type":"xml"}`), "response_format.type", "invalid_value"}, {ask("x", `"tool_choice":"maybe"`), "tool_choice", "invalid_value"},
		{ask("x", `"tools":[{"type":"function","function":{"name":"a b"}}]`), "tools[0].function.name", "invalid_value"},
		{ask("x", `"dry_sequence_breakers":[""]`), "dry_sequence_breakers[0]", "invalid_value"}, {ask("x", `"mirostat":3`), "mirostat", "invalid_value"},
	} {
		for _, stream := range []bool{false, true} {
			body := c.body
			if stream && strings.HasPrefix(body, "{") && !strings.Contains(body, `"stream`) {
				body = `{"stream":true,` + body[1:]
			}
			a := r.chat(t, body)
			if a.StatusCode != 400 {
				t.Errorf("%.200q: %d %s", c.body, a.StatusCode, a.body)
				continue
			}
			if p := a.problem(t); body == c.body && (p.param() != c.param || p.code() != c.code) || p.Type != invalidRequest {
				t.Errorf("%.200q: %s", c.body, a.body)
			}
		}
	}
	for body, param := range map[string]string{`{}`: "prompt", `{"prompt":[]}`: "prompt", `{"prompt":[""," ",1]}`: "prompt[2]", `{"prompt":[1,"a"]}`: "prompt[1]", `{"prompt":[-1]}`: "prompt[0]",
		`{"prompt":[1.5]}`: "prompt[0]", `{"prompt":[[]]}`: "prompt[0]", `{"prompt":{}}`: "prompt", `{"prompt":"x","logprobs":true}`: "logprobs", `{"prompt":"x","best_of":3,"n":2}`: "best_of",
		fmt.Sprintf(`{"prompt":["a"%s],"n":16}`, strings.Repeat(`,"a"`, 10)): "n", fmt.Sprintf(`{"prompt":["a"%s]}`, strings.Repeat(`,"a"`, 100)): "prompt"} {
		a := r.do(t, "POST", "/v1/completions", body)
		if a.StatusCode != 400 || a.problem(t).param() != param {
			t.Errorf("%.100s: %d %s", body, a.StatusCode, a.body)
		}
	}
	if a := r.do(t, "POST", "/v1/completions", `{"prompt":"x","best_of":2,"n":2}`); a.StatusCode != 200 {
		t.Errorf("best_of that is n: %s", a.body)
	}
}

// No request brings a number to the engine that the engine would change.
func TestRangesAreTheEngines(t *testing.T) {
	r := start(t)
	for _, f := range samplingFields() {
		if f.name == "logit_bias" || f.name == "dry_sequence_breakers" || f.name == "seed" {
			continue
		}
		for _, v := range []float64{-1e12, -100, -2, -1, 0, 0.001, 0.5, 1, 2, 3, 64, 100, 1000, 1e9, 1e300} {
			text := fmt.Sprint(v)
			if v == math.Trunc(v) && math.Abs(v) < 1e15 {
				text = fmt.Sprintf("%.0f", v)
			}
			a := r.chat(t, ask("x", fmt.Sprintf("%q:%s", f.name, text), `"max_tokens":1`))
			if a.StatusCode == 400 {
				continue
			}
			s := r.latest().Sampling
			before := fmt.Sprintf("%+v", s)
			s.Clamp(math.MaxInt32, math.MaxInt32)
			// −1 is another way to say off, or the whole.
			if text == "-1" {
				before = strings.Replace(before, "TopNSigma:-1", "TopNSigma:0", 1)
			}
			if s.RepeatLastN == math.MaxInt32 && text == "-1" {
				s.RepeatLastN = -1
			}
			if s.DryPenaltyLastN == math.MaxInt32 {
				s.DryPenaltyLastN = -1
			}
			if after := fmt.Sprintf("%+v", s); after != before {
				t.Errorf("%s=%s:\n%s\nbecomes\n%s", f.name, text, before, after)
			}
		}
	}
}
