package server

import (
	"errors"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/shared"
)

// official is OpenAI's own client, as it comes.
func official(r *rig, more ...option.RequestOption) *openai.Client {
	c := openai.NewClient(append([]option.RequestOption{option.WithBaseURL(r.url + "/v1"), option.WithAPIKey(key), option.WithMaxRetries(0)}, more...)...)
	return &c
}

func question(text string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{Model: "tiny", Messages: []openai.ChatCompletionMessageParamUnion{openai.DeveloperMessage("be brief"), openai.UserMessage(text)}}
}

func TestOpenAI(t *testing.T) {
	r := start(t)
	c := official(r)
	ctx := t.Context()
	t.Run("models", func(t *testing.T) {
		list, err := c.Models.List(ctx)
		if err != nil || len(list.Data) != 2 || list.Data[0].ID != "tiny" {
			t.Fatal(list, err)
		}
		m, err := c.Models.Get(ctx, "tiny")
		if err != nil || m.OwnedBy != "agent0" {
			t.Fatal(m, err)
		}
	})
	t.Run("chat", func(t *testing.T) {
		q := question("hello")
		q.Seed, q.N, q.Logprobs, q.TopLogprobs = openai.Int(3), openai.Int(2), openai.Bool(true), openai.Int(2)
		q.User = openai.String("u")
		a, err := c.Chat.Completions.New(ctx, q)
		if err != nil || len(a.Choices) != 2 || a.Choices[0].Message.Content == "" || a.Choices[0].FinishReason != "stop" || a.Usage.CompletionTokens == 0 {
			t.Fatal(a, err)
		}
		probs := a.Choices[1].Logprobs.Content
		if len(probs) == 0 || len(probs[0].TopLogprobs) != 2 || len(probs[0].Bytes) == 0 {
			t.Error(probs)
		}
		// The answer goes back as a message.
		q.Messages = append(q.Messages, a.Choices[0].Message.ToParam(), openai.UserMessage("more"))
		if _, err := c.Chat.Completions.New(ctx, q); err != nil {
			t.Error(err)
		}
	})
	t.Run("stream", func(t *testing.T) {
		q := question("hello")
		q.Seed, q.N = openai.Int(3), openai.Int(2)
		whole, err := c.Chat.Completions.New(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		q.StreamOptions = openai.ChatCompletionStreamOptionsParam{IncludeUsage: openai.Bool(true)}
		s := c.Chat.Completions.NewStreaming(ctx, q)
		var acc openai.ChatCompletionAccumulator
		for s.Next() {
			if !acc.AddChunk(s.Current()) {
				t.Fatal("chunks do not fit together")
			}
		}
		if s.Err() != nil || len(acc.Choices) != 2 || acc.Usage.TotalTokens != whole.Usage.TotalTokens {
			t.Fatal(s.Err(), acc.Usage)
		}
		for i := range acc.Choices {
			if acc.Choices[i].Message.Content != whole.Choices[i].Message.Content || acc.Choices[i].FinishReason != whole.Choices[i].FinishReason {
				t.Errorf("%q, in one piece %q", acc.Choices[i].Message.Content, whole.Choices[i].Message.Content)
			}
		}
	})
	t.Run("stop", func(t *testing.T) {
		q := question("hello !long")
		q.Seed, q.MaxTokens = openai.Int(1), openai.Int(20)
		whole, err := c.Chat.Completions.New(ctx, q)
		if err != nil || whole.Choices[0].FinishReason != "length" {
			t.Fatal(whole, err)
		}
		word := strings.Fields(whole.Choices[0].Message.Content)[4]
		q.Stop = openai.ChatCompletionNewParamsStopUnion{OfStringArray: []string{word}}
		a, err := c.Chat.Completions.New(ctx, q)
		if err != nil || strings.Contains(a.Choices[0].Message.Content, word) || a.Choices[0].FinishReason != "stop" {
			t.Error(a, err)
		}
	})
	t.Run("schema", func(t *testing.T) {
		q := question("a point")
		q.ResponseFormat = openai.ChatCompletionNewParamsResponseFormatUnion{OfJSONSchema: &shared.ResponseFormatJSONSchemaParam{
			JSONSchema: shared.ResponseFormatJSONSchemaJSONSchemaParam{Name: "point", Strict: openai.Bool(true), Schema: map[string]any{
				"type": "object", "properties": map[string]any{"x": map[string]any{"type": "integer"}}, "required": []string{"x"}, "additionalProperties": false}}}}
		a, err := c.Chat.Completions.New(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		valid(t, `{"type":"object","required":["x"],"properties":{"x":{"type":"integer"}}}`, a.Choices[0].Message.Content)
	})
	t.Run("tools", func(t *testing.T) { officialTools(t, c) })
	t.Run("completion", func(t *testing.T) {
		a, err := c.Completions.New(ctx, openai.CompletionNewParams{Model: "tiny", Logprobs: openai.Int(2),
			Prompt: openai.CompletionNewParamsPromptUnion{OfArrayOfStrings: []string{"a", "b"}}})
		if err != nil || len(a.Choices) != 2 || len(a.Choices[0].Logprobs.TextOffset) == 0 || len(a.Choices[0].Logprobs.TopLogprobs[0]) != 2 {
			t.Fatal(a, err)
		}
		s := c.Completions.NewStreaming(ctx, openai.CompletionNewParams{Model: "tiny", Prompt: openai.CompletionNewParamsPromptUnion{OfString: openai.String("a")}})
		text := ""
		for s.Next() {
			text += s.Current().Choices[0].Text
		}
		if s.Err() != nil || text == "" {
			t.Error(text, s.Err())
		}
	})
}

func officialTools(t *testing.T, c *openai.Client) {
	q := question("what time is it")
	q.Tools = []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{Name: "now",
		Parameters: shared.FunctionParameters{"type": "object", "properties": map[string]any{"zone": map[string]any{"type": "string"}}, "required": []string{"zone"}}})}
	q.ToolChoice = openai.ChatCompletionToolChoiceOptionUnionParam{OfAuto: openai.String("required")}
	s := c.Chat.Completions.NewStreaming(t.Context(), q)
	var acc openai.ChatCompletionAccumulator
	for s.Next() {
		if !acc.AddChunk(s.Current()) {
			t.Fatal("chunks do not fit together")
		}
	}
	if s.Err() != nil || len(acc.Choices) != 1 || len(acc.Choices[0].Message.ToolCalls) != 1 {
		t.Fatal(s.Err(), acc.Choices)
	}
	call := acc.Choices[0].Message.ToolCalls[0]
	valid(t, `{"type":"object","required":["zone"]}`, call.Function.Arguments)
	// The call and what came of it go back.
	q.Messages = append(q.Messages, acc.Choices[0].Message.ToParam(), openai.ToolMessage("noon", call.ID))
	q.ToolChoice = openai.ChatCompletionToolChoiceOptionUnionParam{OfAuto: openai.String("none")}
	if a, err := c.Chat.Completions.New(t.Context(), q); err != nil || a.Choices[0].Message.Content == "" {
		t.Error(a, err)
	}
}

func TestOpenAIErrors(t *testing.T) {
	r := start(t)
	for _, e := range []struct {
		text   string
		change func(*openai.ChatCompletionNewParams)
		key    string
		status int
		kind   string
		code   string
		param  string
	}{
		{text: "x", key: "wrong", status: 401, kind: "authentication_error", code: "invalid_api_key"},
		{text: "x", change: func(q *openai.ChatCompletionNewParams) { q.Model = "gone" }, status: 404, kind: "invalid_request_error", code: "model_not_found", param: "model"},
		{text: "x", change: func(q *openai.ChatCompletionNewParams) { q.Temperature = openai.Float(3) }, status: 400, kind: "invalid_request_error", code: "invalid_value", param: "temperature"},
		{text: "x", change: func(q *openai.ChatCompletionNewParams) { q.Store = openai.Bool(true) }, status: 400, kind: "invalid_request_error", code: "unsupported_parameter", param: "store"},
		{text: strings.Repeat("x ", 600), status: 400, kind: "invalid_request_error", code: "context_length_exceeded", param: "messages"},
		{text: "!overloaded", status: 429, kind: "rate_limit_error", code: "overloaded"},
		{text: "!die", status: 503, kind: "service_unavailable", code: "engine_unavailable"},
		{text: "!internal", status: 500, kind: "server_error", code: "engine_error"},
		{text: "!silent", status: 500, kind: "server_error", code: "engine_error"},
		{text: "!panic", status: 500, kind: "server_error", code: "engine_error"},
		{text: "!dead_end", status: 400, kind: "invalid_request_error", code: "dead_end"},
	} {
		for _, stream := range []bool{false, true} {
			q := question(e.text)
			if e.change != nil {
				e.change(&q)
			}
			c := official(r, option.WithAPIKey(key))
			if e.key != "" {
				c = official(r, option.WithAPIKey(e.key))
			}
			var err error
			if stream {
				s := c.Chat.Completions.NewStreaming(t.Context(), q)
				for s.Next() {
					t.Errorf("%.10q: something before the error", e.text)
				}
				err = s.Err()
			} else {
				_, err = c.Chat.Completions.New(t.Context(), q)
			}
			var api *openai.Error
			if !errors.As(err, &api) || api.StatusCode != e.status || api.Type != e.kind || api.Code != e.code || api.Param != e.param || api.Message == "" {
				t.Errorf("%.10q, stream %v: %v", e.text, stream, err)
				continue
			}
			if again := api.Response.Header.Get("Retry-After"); (e.status == 429 || e.status == 503) != (again != "") {
				t.Errorf("%.10q: Retry-After %q", e.text, again)
			}
		}
	}
}

// An error in the middle of a stream ends it, and the client says so.
// A client that stops in the middle of a stream has its sequences cancelled.
// A client that is refused for now tries again when it was told to, and gets its answer.
// release lets a request with !hold go on to its end, by cutting the hold.
