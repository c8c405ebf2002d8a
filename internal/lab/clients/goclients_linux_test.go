package clients

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/shared"
	goopenai "github.com/sashabaranov/go-openai"
)

const pointSchema = `{"type":"object","properties":{"x":{"type":"integer","minimum":0,"maximum":99},"name":{"type":"string","maxLength":9}},"required":["x","name"],"additionalProperties":false}`

// point says whether a text is what pointSchema wants.
func point(text string) bool {
	s, err := validator(pointSchema, false)
	if err != nil {
		return false
	}
	var v any
	return json.Unmarshal([]byte(text), &v) == nil && s.Validate(v) == nil
}

func official(url, key string) *openai.Client {
	c := openai.NewClient(option.WithBaseURL(url+"/v1"), option.WithAPIKey(key), option.WithMaxRetries(0))
	return &c
}

// OpenAI's own client for Go, as it comes.
func TestOpenAIGo(t *testing.T) {
	s := real(t)
	c, ctx := official(s.URL, key), t.Context()
	if list, err := c.Models.List(ctx); err != nil || len(list.Data) != 1 || list.Data[0].ID != "agent0-tiny" {
		t.Error(list, err)
	}
	q := openai.ChatCompletionNewParams{Model: "agent0-tiny", Temperature: openai.Float(0), Logprobs: openai.Bool(true), TopLogprobs: openai.Int(2), N: openai.Int(2), Seed: openai.Int(1),
		Messages: []openai.ChatCompletionMessageParamUnion{openai.DeveloperMessage("Be brief."), openai.UserMessage(violin)}}
	whole, err := c.Chat.Completions.New(ctx, q)
	if err != nil || len(whole.Choices) != 2 || !strings.Contains(whole.Choices[1].Message.Content, "bowed stringed") || len(whole.Choices[0].Logprobs.Content) < 10 {
		t.Fatal(whole, err)
	}
	q.StreamOptions = openai.ChatCompletionStreamOptionsParam{IncludeUsage: openai.Bool(true)}
	stream := c.Chat.Completions.NewStreaming(ctx, q)
	var acc openai.ChatCompletionAccumulator
	for stream.Next() {
		if !acc.AddChunk(stream.Current()) {
			t.Fatal("chunks do not fit together")
		}
	}
	if stream.Err() != nil || acc.Choices[0].Message.Content != whole.Choices[0].Message.Content || acc.Usage.CompletionTokens != whole.Usage.CompletionTokens {
		t.Error(stream.Err(), acc.Choices, acc.Usage)
	}
	var parameters map[string]any
	if err := json.Unmarshal([]byte(pointSchema), &parameters); err != nil {
		t.Fatal(err)
	}
	ask := openai.ChatCompletionNewParams{Model: "agent0-tiny", Temperature: openai.Float(0), Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(violin)}}
	formatted := ask
	formatted.ResponseFormat = openai.ChatCompletionNewParamsResponseFormatUnion{OfJSONSchema: &shared.ResponseFormatJSONSchemaParam{
		JSONSchema: shared.ResponseFormatJSONSchemaJSONSchemaParam{Name: "point", Strict: openai.Bool(true), Schema: parameters}}}
	if a, err := c.Chat.Completions.New(ctx, formatted); err != nil || !point(a.Choices[0].Message.Content) {
		t.Error(a, err)
	}
	// tool_choice is left out: the model decides.
	ask.Tools = []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{Name: "plot", Parameters: parameters})}
	called := c.Chat.Completions.NewStreaming(ctx, ask)
	var calls openai.ChatCompletionAccumulator
	for called.Next() {
		if !calls.AddChunk(called.Current()) {
			t.Fatal("chunks do not fit together")
		}
	}
	if called.Err() != nil || calls.Choices[0].FinishReason != "tool_calls" || calls.Choices[0].Message.Content != "A violin is a" || !point(calls.Choices[0].Message.ToolCalls[0].Function.Arguments) {
		t.Fatal(called.Err(), calls.Choices)
	}
	ask.Messages = append(ask.Messages, calls.Choices[0].Message.ToParam())
	for _, call := range calls.Choices[0].Message.ToolCalls {
		ask.Messages = append(ask.Messages, openai.ToolMessage("done", call.ID))
	}
	ask.MaxTokens = openai.Int(20)
	if a, err := c.Chat.Completions.New(ctx, ask); err != nil || a.Usage.PromptTokens == 0 {
		t.Error(a, err)
	}
	var api *openai.Error
	ask.Model = "gone"
	if _, err := c.Chat.Completions.New(ctx, ask); !errors.As(err, &api) || api.StatusCode != 404 || api.Code != "model_not_found" {
		t.Error(err)
	}
	if _, err := official(s.URL, "wrong").Chat.Completions.New(ctx, q); !errors.As(err, &api) || api.StatusCode != 401 {
		t.Error(err)
	}
}

// The other client that Go programs use, as it comes.
func TestGoOpenAI(t *testing.T) {
	s := real(t)
	ctx := t.Context()
	config := goopenai.DefaultConfig(key)
	config.BaseURL = s.URL + "/v1"
	c := goopenai.NewClientWithConfig(config)
	q := goopenai.ChatCompletionRequest{Model: "agent0-tiny", Temperature: 1e-9, Stop: []string{"stringed inst"}, Messages: []goopenai.ChatCompletionMessage{{Role: "user", Content: violin}}}
	whole, err := c.CreateChatCompletion(ctx, q)
	if err != nil || whole.Choices[0].Message.Content != "A violin is a bowed " || whole.Choices[0].FinishReason != "stop" {
		t.Fatal(whole, err)
	}
	q.StreamOptions = &goopenai.StreamOptions{IncludeUsage: true}
	stream, err := c.CreateChatCompletionStream(ctx, q)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	text, tokens := "", 0
	for {
		chunk, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range chunk.Choices {
			text += d.Delta.Content
		}
		if chunk.Usage != nil {
			tokens = chunk.Usage.CompletionTokens
		}
	}
	if text != whole.Choices[0].Message.Content || tokens != whole.Usage.CompletionTokens {
		t.Errorf("%q, %d tokens", text, tokens)
	}
	q.Stop, q.StreamOptions = nil, nil
	q.ResponseFormat = &goopenai.ChatCompletionResponseFormat{Type: goopenai.ChatCompletionResponseFormatTypeJSONSchema,
		JSONSchema: &goopenai.ChatCompletionResponseFormatJSONSchema{Name: "p", Strict: true, Schema: json.RawMessage(pointSchema)}}
	if a, err := c.CreateChatCompletion(ctx, q); err != nil || !point(a.Choices[0].Message.Content) {
		t.Error(a, err)
	}
	q.ResponseFormat = nil
	q.Tools = []goopenai.Tool{{Type: "function", Function: &goopenai.FunctionDefinition{Name: "plot", Parameters: json.RawMessage(pointSchema)}}}
	for _, choice := range []any{nil, "auto", "required"} {
		q.ToolChoice = choice
		if a, err := c.CreateChatCompletion(ctx, q); err != nil || a.Choices[0].FinishReason != "tool_calls" || !point(a.Choices[0].Message.ToolCalls[0].Function.Arguments) {
			t.Error(choice, a, err)
		}
	}
	q.Tools, q.ToolChoice, q.Model = nil, nil, "gone"
	var api *goopenai.APIError
	if _, err := c.CreateChatCompletion(ctx, q); !errors.As(err, &api) || api.HTTPStatusCode != 404 {
		t.Error(err)
	}
}
