package server

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/agent0-converge/agent0-converge/runtime/spec"
	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// scraped are the samples of /metrics by name and labels.
func scraped(t *testing.T, r *rig) map[string]float64 {
	t.Helper()
	a := r.do(t, "GET", "/metrics", "")
	if a.StatusCode != 200 {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	problems, err := promlint.New(bytes.NewReader(a.body)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
	out := map[string]float64{}
	for l := range strings.Lines(string(a.body)) {
		if i := strings.LastIndexByte(l, ' '); i > 0 && l[0] != '#' {
			v, err := strconv.ParseFloat(strings.TrimSpace(l[i+1:]), 64)
			if err != nil {
				t.Fatal(l)
			}
			out[l[:i]] = v
		}
	}
	return out
}

func TestMetrics(t *testing.T) {
	r := start(t, func(c *spec.Server, _ *Options) { c.MaxRequests = 1 })
	u := at(t, r.chat(t, ask("a b", `"n":2,"seed":1`)).json(t), "usage")
	r.chat(t, ask("!overloaded"))
	r.chat(t, ask("!panic"))
	r.chat(t, ask("!die:2"))
	r.do(t, "GET", "/nothing/here", "")
	running := holding(t, r, `"max_tokens":2`)
	r.chat(t, ask("x"))
	r.set(func(s *wire.Status) {
		s.State.Cells, s.State.Waiting, s.Replayed, s.Continued, s.Quarantined = 256, 3, 4, 5, 6
		s.Ready.Degraded = []string{"no AVX2"}
		for i := range 40 {
			s.Exits[fmt.Sprint("reason ", i)] = 1
		}
	})
	m := scraped(t, r)
	r.step <- struct{}{}
	rest(t, running)
	for name, want := range map[string]float64{
		"agent0_time_to_first_token_seconds_count":                                    4,
		"agent0_request_duration_seconds_count":                                       2,
		"agent0_queue_wait_seconds_count":                                             4,
		`agent0_tokens_total{type="generated"}`:                                       at(t, u, "completion_tokens").(float64) + 3,
		"agent0_requests_running":                                                     1,
		"agent0_requests_waiting":                                                     3,
		"agent0_kv_cells_used_ratio":                                                  0.25,
		"agent0_requests_replayed_total":                                              4,
		"agent0_requests_continued_total":                                             5,
		"agent0_requests_quarantined_total":                                           6,
		"agent0_engine_degraded":                                                      1,
		"agent0_engine_ready":                                                         1,
		"agent0_http_requests_in_flight":                                              1,
		"agent0_http_panics_total":                                                    1,
		`agent0_admission_rejections_total{reason="overloaded"}`:                      1,
		`agent0_admission_rejections_total{reason="too_many_requests"}`:               1,
		`agent0_admission_rejections_total{reason="engine_unavailable"}`:              1,
		`agent0_http_requests_total{code="404",path="other"}`:                         1,
		`agent0_http_requests_total{code="200",path="/v1/chat/completions"}`:          1,
		`agent0_engine_info{backend="CPU",build="none",device="fake",version="fake"}`: 1,
		`agent0_engine_exits_total{reason="other"}`:                                   26,
	} {
		if got, there := m[name]; !there || got != want {
			t.Errorf("%s is %v (%v), not %v", name, got, there, want)
		}
	}
	if m["agent0_inter_token_latency_seconds_count"] < 3 || len(m) > 250 {
		t.Errorf("%v between tokens; %d series", m["agent0_inter_token_latency_seconds_count"], len(m))
	}
}

func TestHealth(t *testing.T) {
	r := start(t)
	for _, c := range []struct {
		change func(*wire.Status)
		status int
		word   string
		reason string
	}{
		{func(*wire.Status) {}, 200, "ok", ""},
		{func(s *wire.Status) { s.Ready.Degraded = []string{"b", "a", "b"} }, 200, "degraded", ""},
		{func(s *wire.Status) {
			s.Ready, s.Loading, s.Why = nil, &wire.Loading{Model: "m", Done: 0.5}, "it loads"
		}, 503, "loading", "it loads"},
		{func(s *wire.Status) { s.Loading, s.Why = nil, "the model is missing" }, 503, "unavailable", "the model is missing"},
		{func(s *wire.Status) { s.Hello, s.Why = nil, "" }, 503, "unavailable", "no engine is ready"},
	} {
		r.set(c.change)
		a := r.do(t, "GET", "/health", "")
		m := a.json(t)
		if a.StatusCode != c.status || at(t, m, "status") != c.word || at(t, m, "live") != true || at(t, m, "ready") != (c.status == 200) {
			t.Errorf("%s: %d %s", c.word, a.StatusCode, a.body)
		}
		if got, _ := m["reason"].(string); got != c.reason {
			t.Errorf("%s: reason %q", c.word, got)
		}
		if c.word == "ok" && (at(t, m, "engine", "pid") != 1.0 || at(t, m, "engine", "restarts", "killed") != 1.0 || at(t, m, "backend") != "CPU" || at(t, m, "model", "context") != 512.0) {
			t.Errorf("%s", a.body)
		}
		if c.word == "degraded" && fmt.Sprint(at(t, m, "degraded")) != "[a b]" {
			t.Errorf("%s", a.body)
		}
		if c.word == "loading" && at(t, m, "loading", "done") != 0.5 {
			t.Errorf("%s", a.body)
		}
	}
	// Without an engine the port is open, and says why nothing is computed.
	a := r.chat(t, ask("x"))
	if a.StatusCode != 503 || a.Header.Get("Retry-After") != "3" {
		t.Errorf("%d %v %s", a.StatusCode, a.Header, a.body)
	}
	if m := scraped(t, r); m["agent0_engine_ready"] != 0 {
		t.Error("ready without an engine")
	}
}
