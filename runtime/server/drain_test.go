package server

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// holding is a stream that waits after its first token.
func holding(t *testing.T, r *rig, fields ...string) *bufio.Reader {
	t.Helper()
	q, err := http.NewRequest("POST", r.url+"/v1/chat/completions", strings.NewReader(ask("!hold:1", append(fields, `"stream":true`)...)))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return bufio.NewReader(resp.Body)
}

func rest(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

func TestDrainWaits(t *testing.T) {
	r := start(t)
	running := holding(t, r, `"max_tokens":3`)
	drained := make(chan error, 1)
	go func() { drained <- r.server.Drain(t.Context()) }()
	r.until(t, "the doors are closed", func() bool { _, closed := r.server.doors.state(); return closed })
	for _, path := range []string{"/v1/chat/completions", "/v1/completions", "/tokenize"} {
		a := r.do(t, "POST", path, ask("x"))
		if a.StatusCode != 503 || a.Header.Get("Retry-After") == "" || !a.Close || a.problem(t).code() != "ending" {
			t.Errorf("%s: %d %v %s", path, a.StatusCode, a.Header, a.body)
		}
	}
	if a := r.do(t, "GET", "/health", ""); a.StatusCode != 503 || at(t, a.json(t), "status") != "ending" || at(t, a.json(t), "live") != true {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	select {
	case err := <-drained:
		t.Fatal("it does not wait", err)
	default:
	}
	r.step <- struct{}{}
	r.step <- struct{}{}
	if got := rest(t, running); !strings.HasSuffix(got, "data: [DONE]\n\n") {
		t.Errorf("%s", got)
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
	if err := r.server.Drain(t.Context()); err != nil {
		t.Error("twice:", err)
	}
}

func TestDrainEnds(t *testing.T) {
	r := start(t)
	running := holding(t, r)
	whole := make(chan *answered, 1)
	go func() { whole <- r.chat(t, ask("!hold:1")) }()
	r.until(t, "two sequences", func() bool { return r.inEngine() == 2 })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.server.Drain(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if n := r.inEngine(); n != 0 {
		t.Errorf("%d sequences are left", n)
	}
	got := rest(t, running)
	if strings.Contains(got, "[DONE]") || !strings.Contains(got[strings.LastIndex(strings.TrimSpace(got), "\n"):], `"code":"ending"`) {
		t.Errorf("%s", got)
	}
	if a := <-whole; a.StatusCode != 503 || a.Header.Get("Retry-After") == "" || a.problem(t).code() != "ending" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

// Serve lets requests end when it is told to end, and takes no connection meanwhile.
func TestServeEnds(t *testing.T) {
	for name, patient := range map[string]bool{"in time": true, "too late": false} {
		t.Run(name, func(t *testing.T) {
			r := start(t, func(c *spec.Server, _ *Options) {
				c.Drain = 0
				if patient {
					c.Drain = limit
				}
			})
			running := holding(t, r, `"max_tokens":2`)
			r.cancel()
			r.until(t, "the doors are closed", func() bool { _, closed := r.server.doors.state(); return closed })
			if patient {
				r.step <- struct{}{}
			}
			got := rest(t, running)
			if strings.HasSuffix(got, "data: [DONE]\n\n") != patient {
				t.Errorf("%s", got)
			}
			if err := r.wait(); (err == nil) != patient {
				t.Error(err)
			}
			if _, err := http.Get(r.url + "/health"); err == nil {
				t.Error("it takes connections still")
			}
		})
	}
}

func TestTooManyAtOnce(t *testing.T) {
	r := start(t, func(c *spec.Server, _ *Options) { c.MaxRequests = 2 })
	one, two := holding(t, r, `"max_tokens":2`), holding(t, r, `"max_tokens":2`)
	a := r.chat(t, ask("x"))
	if a.StatusCode != 429 || a.Header.Get("Retry-After") == "" || a.problem(t).code() != "too_many_requests" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if a := r.do(t, "GET", "/health", ""); a.StatusCode != 200 {
		t.Errorf("/health: %d", a.StatusCode)
	}
	r.step <- struct{}{}
	r.step <- struct{}{}
	rest(t, one)
	rest(t, two)
	r.until(t, "nobody inside", func() bool { n, _ := r.server.doors.state(); return n == 0 })
	content(t, r.chat(t, ask("x")))
}
