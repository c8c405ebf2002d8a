package supervise_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/supervise"
	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// until waits for a condition.
func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never happened: %s", what)
		}
	}
}

func ready(t *testing.T, s *supervise.Supervisor) {
	t.Helper()
	until(t, "ready", func() bool { return s.Status().Ready != nil })
}

// ask returns what comes after a prompt.
func ask(ctx context.Context, s *supervise.Supervisor, prompt string, n int, tell func(wire.Event)) (string, error) {
	var text strings.Builder
	err := s.Generate(ctx, &wire.Request{Text: &prompt, MaxTokens: n}, func(e wire.Event) {
		if e.Token != nil {
			text.WriteString(e.Token.Text)
		}
		if e.Done != nil {
			text.WriteString(e.Done.Text)
		}
		if tell != nil {
			tell(e)
		}
	})
	return text.String(), err
}

// An engine that has nothing to do is not hung.
func TestIdleIsNotHung(t *testing.T) {
	s, e := supervised(t, func(c *supervise.Config, _ *engines) { c.Hang = 30 * time.Millisecond })
	ready(t, s)
	time.Sleep(300 * time.Millisecond) // ten times as long as work may take
	if _, err := ask(t.Context(), s, "hello", 5, nil); err != nil || e.count != 1 {
		t.Errorf("%v, %d engines", err, e.count)
	}
}

func TestNoModel(t *testing.T) {
	s, _ := supervised(t, func(_ *supervise.Config, e *engines) { e.failed = "the model is missing" })
	until(t, "it is said", func() bool { return s.Status().Why == "the model is missing" })
	_, err := ask(t.Context(), s, "hello", 5, nil)
	if bad, ok := errors.AsType[*wire.UnavailableError](err); !ok || bad.Reason != "the model is missing" || bad.RetryAfter < time.Second {
		t.Errorf("%v", err)
	}
	if _, err := s.Ask(t.Context(), &wire.ToEngine{Tokenize: &wire.Tokenize{Text: "x"}}); err == nil {
		t.Error("it was asked all the same")
	}
}

// Who goes away frees the engine, which computes a batch at a time here: it cannot be done before it hears of it.
func TestCancel(t *testing.T) {
	steps := make(chan struct{})
	s, e := supervised(t, func(c *supervise.Config, e *engines) {
		c.Want.Places = []supervise.Place{e.child(plan{steps: steps})}
	})
	ready(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for range 2 { // the prompt, and a token
			steps <- struct{}{}
		}
	}()
	_, err := ask(ctx, s, "this goes on", 200, func(ev wire.Event) {
		if ev.Token != nil {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	more := 0
	until(t, "nothing is computed", func() bool {
		select {
		case steps <- struct{}{}:
			more++
		default:
		}
		time.Sleep(10 * time.Millisecond) // for the word to arrive
		st := s.Status().State
		return len(st.Running) == 0 && st.Waiting == 0
	})
	if more > 150 {
		t.Errorf("it went on for %d batches", more)
	}
	if n := e.current().Samplers; n != 0 {
		t.Errorf("%d samplers are open", n)
	}
}

func TestAsk(t *testing.T) {
	s, _ := supervised(t, nil)
	ready(t, s)
	r, err := s.Ask(t.Context(), &wire.ToEngine{Tokenize: &wire.Tokenize{Text: "hé"}})
	if err != nil || len(r.Tokens) != 3 {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err = s.Ask(t.Context(), &wire.ToEngine{Detokenize: &wire.Detokenize{Tokens: r.Tokens}}); err != nil || r.Text != "hé" {
		t.Errorf("%+v, %v", r, err)
	}
}
