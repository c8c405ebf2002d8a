package hostile_test

import (
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/resources/model/gguf/gguftest"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// hostileTemplate is a chat template, and whether it can be parsed at all.
type hostileTemplate struct {
	name, source string
	parses       bool
}

func templates() []hostileTemplate {
	return []hostileTemplate{
		{"include", `{% include "/etc/passwd" %}`, false},
		{"import", `{% import "/etc/passwd" as p %}{{ p }}`, false},
		{"extends", `{% extends "/etc/passwd" %}`, false},
		{"open block", `{% for m in messages %}`, false},
		{"deep expression", `{{ ` + strings.Repeat("(", 50_000) + "1" + strings.Repeat(")", 50_000) + ` }}`, false},
		{"a long loop", `{% for i in range(1000000000) %}{{ i }}{% endfor %}`, true},
		{"loops in loops", strings.Repeat(`{% for i in range(1000) %}`, 8) + "x" + strings.Repeat(`{% endfor %}`, 8), true},
		{"a long text", `{{ "x" * 1000000000 }}`, true},
		{"a text that doubles", `{% set ns = namespace(s="x") %}{% for i in range(64) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s }}`, true},
		{"a macro that calls itself", `{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}`, true},
		{"attributes of everything", `{{ messages.__class__.__mro__[1].__subclasses__() }}`, true},
		{"attributes by name", `{{ (messages | attr("__class__")).__base__ }}`, true},
		{"globals of a function", `{{ raise_exception.__globals__["os"].popen("id").read() }}`, true},
		{"a format that is wide", `{{ "%1000000000d" | format(1) }}`, true},
		{"a large power", `{{ 10 ** 1000000000 }}`, true},
		{"a division by zero", `{{ 1 // 0 }}`, true},
		{"an exception", `{{ raise_exception("not like this") }}`, true},
		{"a list that holds itself", `{% set l = [] %}{% set _ = l.append(l) %}{{ l }}{{ l | tojson }}`, true},
	}
}

// A model whose template is hostile completes texts as any other. Its chats are refused with what is wrong, and where the template cannot
// even be read, /health says so. What a template prints comes from no file.
func TestHostileTemplates(t *testing.T) {
	all, hit, tally := templates(), 0, map[int]int{}
	for _, c := range all {
		f := small(t)
		f.Set(gguftest.Value("tokenizer.chat_template", c.source))
		s := start(t, func(r *spec.Runtime) { r.Engine.Model, r.Server.Model = []string{written(t, f)}, "small" })
		h := s.AwaitReady(t)
		if said := strings.Contains(strings.Join(h.Degraded, "\n"), "chat template"); said == c.parses || (h.Status == "degraded") != (len(h.Degraded) > 0) {
			t.Errorf("%s: /health says %q, %q", c.name, h.Status, h.Degraded)
		}
		if a := post(t, s, "/v1/completions", `{"prompt":"a","max_tokens":2}`); a.status != 200 {
			t.Errorf("%s: a completion: %d %.300s", c.name, a.status, a.body)
		}
		a := post(t, s, "/v1/chat/completions", `{"messages":[{"role":"user","content":"a"}],"max_tokens":2}`)
		tally[a.status]++
		if a.status != 200 {
			p, err := problem(a.body)
			if err != nil || a.status != 400 || p.Code == "" || strings.Contains(p.Message, "root:") {
				t.Errorf("%s: %d %.300s", c.name, a.status, a.body)
			}
			t.Logf("%s: %.200s", c.name, p.Message)
		} else if !c.parses {
			t.Errorf("%s: a chat is answered", c.name)
		}
		after := s.AwaitReady(t)
		if after.Engine.PID != h.Engine.PID || exits(after) != 0 {
			t.Errorf("%s: the engine was lost: %+v", c.name, after)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		hit++
	}
	t.Logf("%d templates, %d tried; chats by status: %v", len(all), hit, tally)
	if hit != len(all) || tally[400] == 0 {
		t.Errorf("%d templates, %d tried: %v", len(all), hit, tally)
	}
}

// The generator's small model runs: the real engine loads it and generates.
func TestGeneratedModelRuns(t *testing.T) {
	s := start(t, func(r *spec.Runtime) { r.Engine.Model, r.Server.Model = []string{written(t, small(t))}, "small" })
	h := s.AwaitReady(t)
	if h.Status != "ok" && !allOf(h.Degraded, "build") {
		t.Errorf("%+v", h)
	}
	for _, c := range [][2]string{{"/v1/completions", `{"prompt":"some words","max_tokens":8,"ignore_eos":true}`}, {"/v1/chat/completions", `{"messages":[{"role":"user","content":"a"}],"max_tokens":8,"ignore_eos":true}`}} {
		if a := post(t, s, c[0], c[1]); a.status != 200 || !strings.Contains(string(a.body), `"completion_tokens":8`) {
			t.Errorf("%s: %d %s", c[0], a.status, a.body)
		}
	}
}

// allOf reports whether all words have a text in them.
func allOf(words []string, text string) bool {
	for _, w := range words {
		if !strings.Contains(w, text) {
			return false
		}
	}
	return true
}
