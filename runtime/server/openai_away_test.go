package server

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

func TestOpenAIStreamThatBreaks(t *testing.T) {
	r := start(t)
	for _, order := range []string{"!die:3", "!internal:3", "!silent:3"} {
		s := official(r).Chat.Completions.NewStreaming(t.Context(), question(order))
		text := ""
		for s.Next() {
			text += s.Current().Choices[0].Delta.Content
		}
		if s.Err() == nil || len(strings.Fields(text)) != 3 {
			t.Errorf("%s: %q, %v", order, text, s.Err())
		}
		a := r.chat(t, ask(order, `"stream":true`))
		events := a.events(t)
		last := &answered{body: []byte(events[len(events)-1])}
		if p := last.problem(t); p.Message == "" || strings.Contains(string(a.body), "[DONE]") {
			t.Errorf("%s", a.body)
		}
	}
}

func TestOpenAIAbort(t *testing.T) {
	r := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	q := question("!hold:3")
	q.N = openai.Int(2)
	s := official(r).Chat.Completions.NewStreaming(ctx, q)
	for n := 0; n < 4; n++ {
		if !s.Next() {
			t.Fatal(s.Err())
		}
	}
	if r.inEngine() != 2 {
		t.Fatalf("%d sequences", r.inEngine())
	}
	cancel()
	r.until(t, "no sequences", func() bool { return r.inEngine() == 0 })
	if s.Next() || !errors.Is(s.Err(), context.Canceled) {
		for s.Next() {
		}
		if !errors.Is(s.Err(), context.Canceled) {
			t.Error(s.Err())
		}
	}
	// So does one that waits for an answer in one piece.
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	failed := make(chan error, 1)
	go func() {
		_, err := official(r).Chat.Completions.New(ctx, question("!hold:1"))
		failed <- err
	}()
	r.until(t, "a sequence", func() bool { return r.inEngine() == 1 })
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	r.until(t, "no sequences", func() bool { return r.inEngine() == 0 })
	r.until(t, "it is in the log as gone", func() bool { return strings.Count(r.log.String(), `"status":499`) == 1 })
}

func TestOpenAITriesAgain(t *testing.T) {
	r := start(t, func(c *spec.Server, _ *Options) { c.MaxRequests = 1 })
	held := make(chan error, 1)
	go func() {
		_, err := official(r).Chat.Completions.New(t.Context(), question("!hold:1 x"))
		held <- err
	}()
	r.until(t, "a sequence", func() bool { return r.inEngine() == 1 })
	if _, err := official(r).Chat.Completions.New(t.Context(), question("x")); err == nil {
		t.Fatal("two at once")
	}
	refusals := 0
	watch := option.WithMiddleware(func(q *http.Request, next option.MiddlewareNext) (*http.Response, error) {
		resp, err := next(q)
		if err == nil && resp.StatusCode == http.StatusTooManyRequests {
			if resp.Header.Get("Retry-After") != "1" {
				t.Errorf("Retry-After: %q", resp.Header.Get("Retry-After"))
			}
			if refusals++; refusals == 1 {
				r.release(t, held)
			}
		}
		return resp, err
	})
	a, err := official(r, watch, option.WithMaxRetries(3), option.WithRequestTimeout(limit)).Chat.Completions.New(t.Context(), question("x"))
	if err != nil || a.Choices[0].Message.Content == "" || refusals == 0 {
		t.Error(err, refusals)
	}
}

func (r *rig) release(t *testing.T, held <-chan error) {
	t.Helper()
	end := time.After(limit)
	for {
		select {
		case r.step <- struct{}{}:
		case err := <-held:
			if err != nil {
				t.Error(err)
			}
			return
		case <-end:
			t.Fatal("the held request does not end")
		}
	}
}
