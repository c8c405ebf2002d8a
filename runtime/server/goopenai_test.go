package server

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"testing"

	goopenai "github.com/sashabaranov/go-openai"
)

// unofficial is the other client that Go programs use, as it comes.
func unofficial(r *rig) *goopenai.Client {
	c := goopenai.DefaultConfig(key)
	c.BaseURL = r.url + "/v1"
	return goopenai.NewClientWithConfig(c)
}

func asked(text string) goopenai.ChatCompletionRequest {
	return goopenai.ChatCompletionRequest{Model: "tiny", Messages: []goopenai.ChatCompletionMessage{{Role: "user", Content: text}}}
}

func TestGoOpenAI(t *testing.T) {
	r := start(t)
	c := unofficial(r)
	ctx := t.Context()
	if list, err := c.ListModels(ctx); err != nil || len(list.Models) != 2 || list.Models[0].ID != "tiny" {
		t.Fatal(list, err)
	}
	seed := 4
	q := asked("hello !long")
	q.Seed, q.N, q.MaxCompletionTokens, q.LogProbs, q.TopLogProbs, q.Stop = &seed, 2, 6, true, 3, []string{"never"}
	whole, err := c.CreateChatCompletion(ctx, q)
	if err != nil || len(whole.Choices) != 2 || whole.Choices[0].FinishReason != "length" || whole.Usage.CompletionTokens != 12 {
		t.Fatal(whole, err)
	}
	if l := whole.Choices[0].LogProbs; l == nil || len(l.Content) != 6 || len(l.Content[0].TopLogProbs) != 3 {
		t.Error(l)
	}
	q.StreamOptions = &goopenai.StreamOptions{IncludeUsage: true}
	s, err := c.CreateChatCompletionStream(ctx, q)
	if err != nil {
		t.Fatal(err)
	}
	texts, tokens := [2]string{}, 0
	for {
		chunk, err := s.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range chunk.Choices {
			texts[d.Index] += d.Delta.Content
		}
		if chunk.Usage != nil {
			tokens = chunk.Usage.CompletionTokens
		}
	}
	s.Close()
	if texts != [2]string{whole.Choices[0].Message.Content, whole.Choices[1].Message.Content} || tokens != 12 {
		t.Errorf("%q %d", texts, tokens)
	}
	q = asked("a point")
	q.ResponseFormat = &goopenai.ChatCompletionResponseFormat{Type: goopenai.ChatCompletionResponseFormatTypeJSONSchema,
		JSONSchema: &goopenai.ChatCompletionResponseFormatJSONSchema{Name: "p", Strict: true, Schema: json.RawMessage(point)}}
	if a, err := c.CreateChatCompletion(ctx, q); err != nil {
		t.Error(err)
	} else {
		valid(t, point, a.Choices[0].Message.Content)
	}
	if a, err := c.CreateCompletion(ctx, goopenai.CompletionRequest{Model: "tiny", Prompt: []string{"a", "b"}, LogProbs: 2}); err != nil || len(a.Choices) != 2 || len(a.Choices[1].LogProbs.Tokens) == 0 {
		t.Error(a, err)
	}
}

func TestGoOpenAIErrors(t *testing.T) {
	r := start(t)
	for text, status := range map[string]int{"!overloaded": 429, "!die": 503, "!internal": 500} {
		_, err := unofficial(r).CreateChatCompletion(t.Context(), asked(text))
		var api *goopenai.APIError
		if !errors.As(err, &api) || api.HTTPStatusCode != status || api.Message == "" || api.Type == "" || api.Code == nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	s, err := unofficial(r).CreateChatCompletionStream(t.Context(), asked("!die:2"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for err == nil {
		_, err = s.Recv()
	}
	var api *goopenai.APIError
	if !errors.As(err, &api) || api.Message != "the engine died of this request" {
		t.Errorf("a stream that breaks: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s, err = unofficial(r).CreateChatCompletionStream(ctx, asked("!hold:1"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	cancel()
	r.until(t, "no sequences", func() bool { return r.inEngine() == 0 })
}
