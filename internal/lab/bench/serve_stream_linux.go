package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// question is what is asked for: so many tokens, the likeliest ones, whether or not the model comes to its end.
type question struct {
	prompt string
	tokens int
}

// answer is what came of a question.
type answer struct {
	first          time.Duration // from the asking to the first text
	prompt, tokens int           // how many tokens either has
}

// asker is a way to have tokens generated.
type asker func(context.Context, question) (answer, error)

// over asks a server of OpenAI's API, in a stream.
func over(client *http.Client, url string) asker {
	return func(ctx context.Context, q question) (a answer, err error) {
		start := time.Now()
		u, err := streamed(ctx, client, url, q, func() {
			if a.first == 0 {
				a.first = time.Since(start)
			}
		})
		a.prompt, a.tokens = u.Prompt, u.Tokens
		return a, err
	}
}

// usage is how many tokens a server says that there were.
type usage struct {
	Prompt int `json:"prompt_tokens"`
	Tokens int `json:"completion_tokens"`
}

// statusError is an answer that is none.
type statusError struct {
	code int
	text string
}

func (e *statusError) Error() string { return fmt.Sprintf("HTTP status %d: %s", e.code, e.text) }

// streamed asks, and calls arrived for the first text and for every event after it.
func streamed(ctx context.Context, client *http.Client, url string, q question, arrived func()) (usage, error) {
	body, err := json.Marshal(map[string]any{
		"model": "agent0-tiny", "prompt": q.prompt, "max_tokens": q.tokens, "temperature": 0, "ignore_eos": true,
		"stream": true, "stream_options": map[string]bool{"include_usage": true},
	})
	if err != nil {
		return usage{}, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/completions", bytes.NewReader(body))
	if err != nil {
		return usage{}, err
	}
	r.Header.Set("Content-Type", "application/json")
	res, err := client.Do(r)
	if err != nil {
		return usage{}, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, err := io.ReadAll(io.LimitReader(res.Body, 500))
		return usage{}, errors.Join(&statusError{res.StatusCode, string(text)}, err)
	}
	return follow(res.Body, arrived)
}

// event is what matters of an event of a stream.
type event struct {
	Choices []struct {
		Text string `json:"text"`
	} `json:"choices"`
	Usage *usage          `json:"usage"`
	Error json.RawMessage `json:"error"`
}

// follow reads the events of a stream to its end. What comes after the first text is decoded only where it says more than
// text: a client that is busy slows the server that shares its processors.
func follow(body io.Reader, arrived func()) (u usage, err error) {
	seen := false
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 16<<10), 1<<20)
	for lines.Scan() {
		data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data: "))
		switch {
		case !ok && bytes.HasPrefix(lines.Bytes(), []byte("error: ")):
			return u, fmt.Errorf("the stream has an error: %s", lines.Bytes())
		case !ok:
			continue
		case string(data) == "[DONE]":
			_, err := io.Copy(io.Discard, body) // so that the connection can be used again
			return u, err
		}
		if seen && !bytes.Contains(data, []byte(`"usage":{`)) && !bytes.Contains(data, []byte(`"error":`)) {
			arrived()
			continue
		}
		var e event
		if err := json.Unmarshal(data, &e); err != nil {
			return u, fmt.Errorf("the stream has an event that is no JSON: %w", err)
		}
		if len(e.Error) > 0 && string(e.Error) != "null" {
			return u, fmt.Errorf("the stream has an error: %s", e.Error)
		}
		if e.Usage != nil {
			u = *e.Usage
		}
		if len(e.Choices) > 0 && (seen || e.Choices[0].Text != "") {
			seen = true
			arrived()
		}
	}
	return u, errors.Join(lines.Err(), io.ErrUnexpectedEOF)
}
