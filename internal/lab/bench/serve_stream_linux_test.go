package main

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/internal/lab/serving"
	"github.com/agent0-converge/agent0-converge/runtime/level"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// The first text counts, not the first event; what a server says of tokens is kept; a stream that breaks off or tells of an error
// is no answer.
func TestFollow(t *testing.T) {
	const none, text, end = "data: {\"choices\":[{\"text\":\"\"}]}\n\n", "data: {\"choices\":[{\"text\":\"a\"}]}\n\n", "data: [DONE]\n\n"
	const used = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n"
	for name, c := range map[string]struct {
		body     string
		arrivals int
		want     usage
		err      string
	}{
		"a whole one":    {none + text + ": still there\n\n" + text + used + end, 2, usage{3, 2}, ""},
		"nothing":        {end, 0, usage{}, ""},
		"broken off":     {text, 1, usage{}, "unexpected EOF"},
		"an error":       {text + "data: {\"error\":{\"message\":\"lost\"}}\n\n", 1, usage{}, "lost"},
		"another error":  {"error: {\"message\":\"lost\"}\n\n", 0, usage{}, "lost"},
		"what is broken": {"data: {\n\n", 0, usage{}, "no JSON"},
	} {
		arrivals := 0
		got, err := follow(strings.NewReader(c.body), func() { arrivals++ })
		if got != c.want || arrivals != c.arrivals || (err == nil) != (c.err == "") {
			t.Errorf("%s: %+v, %d arrivals, %v", name, got, arrivals, err)
		}
		if err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
}

// A real server and the engine called directly have the same said of the same question, and a killed engine's stream goes on.
func TestAskers(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Minute)
	defer stop()
	p, err := serving.Build(t.TempDir())
	if errors.Is(err, serving.ErrCannotBuild) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	s := &servers{work: t.TempDir(), programs: p, engine: filepath.Join(p.Engines, level.Prefix+string(level.Supported()[0]))}
	if s.tiny, err = serving.Tiny(); err != nil {
		t.Fatal(err)
	}
	e, err := s.engineAt("a")
	if err != nil {
		t.Fatal(err)
	}
	defer e.stop()
	l, err := call(ctx, e)
	if err != nil {
		t.Fatal(err)
	}
	q := question{prompts(1)[0], 16}
	direct, err := l.ask(ctx, q)
	l.end()
	if err != nil {
		t.Fatal(err)
	}
	front, err := s.serve(ctx, "front", func(r *spec.Runtime) { r.Sockets = []string{e.socket} })
	if err != nil {
		t.Fatal(err)
	}
	defer front.Close()
	through, err := over(anew(), front.URL)(ctx, q)
	if err != nil {
		t.Fatal(err)
	}
	if direct.tokens != q.tokens || through.tokens != direct.tokens || through.prompt != direct.prompt || direct.prompt == 0 {
		t.Errorf("directly %+v, over HTTP %+v", direct, through)
	}
	if direct.first <= 0 || through.first <= 0 {
		t.Errorf("no time to first token: directly %v, over HTTP %v", direct.first, through.first)
	}
	own, err := s.serve(ctx, "own", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	if still, err := killed(ctx, own, prompts(2)[0]); err != nil || still <= 0 {
		t.Errorf("after a kill: %v, %v", still, err)
	}
}
