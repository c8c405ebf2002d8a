package clients

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/agent0-converge/agent0-converge/internal/lab/serving"
	"github.com/agent0-converge/agent0-converge/runtime/grammar/grammartest/schemas"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// post asks a server and reads the answer to its end.
func post(ctx context.Context, s *serving.Server, path string, body any) (int, []byte, error) {
	raw, ok := body.(string)
	if !ok {
		b, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		raw = string(b)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+path, strings.NewReader(raw))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Authorization", "Bearer "+key)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, bytes.TrimSpace(b), err
}

// answer is what a chat comes to, or the error.
type answer struct {
	Choices []struct {
		Message struct {
			Content string `json:"content"`
		} `json:"message"`
		Logprobs struct {
			Content []prob `json:"content"`
		} `json:"logprobs"`
		Finish string `json:"finish_reason"`
	} `json:"choices"`
	Usage struct {
		Completion int `json:"completion_tokens"`
	} `json:"usage"`
	Error struct {
		Message string `json:"message"`
		Param   string `json:"param"`
		Code    string `json:"code"`
	} `json:"error"`
	status int
}

// prob is the probability of a token of an answer.
type prob struct {
	Token   string  `json:"token"`
	Logprob float64 `json:"logprob"`
	Top     []prob  `json:"top_logprobs"`
}

// asked is what a chat about a question comes to, with more fields.
func asked(ctx context.Context, s *serving.Server, question string, fields map[string]any) (answer, error) {
	body := maps.Clone(fields)
	if body == nil {
		body = map[string]any{}
	}
	body["messages"] = []any{map[string]any{"role": "user", "content": question}}
	var a answer
	status, b, err := post(ctx, s, "/v1/chat/completions", body)
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal(b, &a); err != nil {
		return a, fmt.Errorf("%w: %s", err, b)
	}
	a.status = status
	return a, nil
}

// validator is somebody else's reading of a schema.
func validator(schema string, legacy bool) (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(schema))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if legacy {
		c.DefaultDraft(jsonschema.Draft7)
	}
	if err := c.AddResource("schema.json", doc); err != nil {
		return nil, err
	}
	return c.Compile("schema.json")
}

// tally counts what came of schemas.
type tally struct {
	mu             sync.Mutex
	stopped, cut   int
	tokens, longer int // of answers that ended, and how many of them had more than half the tokens that they may have
	refused        map[string]int
}

// constrained asks for an answer by a random schema, and holds it against the schema.
func (y *tally) constrained(ctx context.Context, s *serving.Server, seed uint64, most int) error {
	legacy := seed%3 == 0
	sample := schemas.Random(rand.New(rand.NewPCG(seed, 21)), legacy, map[string]int{})
	a, err := asked(ctx, s, "What is a violin?", map[string]any{"seed": seed, "max_tokens": most, "response_format": map[string]any{
		"type": "json_schema", "json_schema": map[string]any{"name": "s", "strict": true, "schema": json.RawMessage(sample.Text)}}})
	if err != nil {
		return err
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	switch {
	case a.status == http.StatusBadRequest && strings.HasPrefix(a.Error.Param, "response_format"):
		y.refused[a.Error.Message]++
		return nil
	case a.status != http.StatusOK:
		return fmt.Errorf("seed %d: %s: %d %s", seed, sample.Text, a.status, a.Error.Message)
	case a.Choices[0].Finish == "length":
		y.cut++
		return nil
	case a.Choices[0].Finish != "stop":
		return fmt.Errorf("seed %d: it ended by %q", seed, a.Choices[0].Finish)
	}
	valid, err := validator(sample.Same, legacy)
	if err != nil {
		return fmt.Errorf("seed %d: %s: %w", seed, sample.Same, err)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(a.Choices[0].Message.Content))
	if err == nil {
		err = valid.Validate(value)
	}
	if err != nil {
		return fmt.Errorf("seed %d: by %s the model wrote %q: %w", seed, sample.Text, a.Choices[0].Message.Content, err)
	}
	y.stopped++
	y.tokens += a.Usage.Completion
	if a.Usage.Completion > most/2 {
		y.longer++
	}
	return nil
}

// What a real model writes by random schemas is valid and comes to its end.
func TestRandomSchemas(t *testing.T) {
	count, most := uint64(100), 512
	if os.Getenv("AGENT0_LAB") != "" {
		count = 1000
	}
	p, err := built()
	if errors.Is(err, serving.ErrCannotBuild) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	s, err := serve(p, func(c *spec.Runtime) { c.Server.MaxRequests, c.Engine.Parallel, c.Engine.Context = 16, 8, 1024 })
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, stop := context.WithTimeout(t.Context(), 6*limit)
	defer stop()
	if _, err := s.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	y := &tally{refused: map[string]int{}}
	seeds := make(chan uint64)
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for seed := range seeds {
				if err := y.constrained(ctx, s, seed, most); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for seed := range count {
		seeds <- seed
	}
	close(seeds)
	workers.Wait()
	lost := 0
	for _, why := range slices.Sorted(maps.Keys(y.refused)) {
		t.Logf("refused %d: %s", y.refused[why], why)
		lost += y.refused[why]
	}
	t.Logf("%d schemas: %d answers are complete and valid, with %d tokens on average, %d of them with more than %d; %d were cut off at %d tokens; %d schemas refused",
		count, y.stopped, y.tokens/max(1, y.stopped), y.longer, most/2, y.cut, most, lost)
	if uint64(y.stopped) < count*9/10 || uint64(lost) >= count/20 || uint64(y.stopped+y.cut+lost) != count {
		t.Errorf("of %d schemas %d ended, %d were cut off, %d were refused", count, y.stopped, y.cut, lost)
	}
}
