package server

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func (u use) String() string { return [...]string{"–", "supported", "ignored", "refused"}[u] }

// reference is the table of fields as a page.
func reference() string {
	var b strings.Builder
	b.WriteString(`# OpenAI's API, field by field

Generated from the fields that the server reads, by its tests.

` + "`POST /v1/chat/completions` and `POST /v1/completions`" + ` take these fields. *Supported* ones do what OpenAI's or
llama.cpp's documentation says, but for the notes; *ignored* ones are taken, as they change no answer; *refused* ones are an
error 400 that names them, unless they are null or ask for what is done anyway. A field that is not listed, or has no entry
for that kind of request, is refused in the same way: nothing that may change an answer is silently ignored. Everywhere,
null is as if the field were left out.

| field | chat | completions | note |
|---|---|---|---|
`)
	for _, f := range fields() {
		note := strings.ReplaceAll(f.note, "|", `\|`)
		if len(f.harmless) > 0 {
			note += fmt.Sprintf("; `%s` is taken", strings.Join(f.harmless, "`, `"))
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", f.name, f.chat, f.completion, note)
	}
	b.WriteString(`
Also answered: ` + "`GET /v1/models`, `GET /v1/models/{id}`, `POST /tokenize` and `POST /detokenize` (as llama.cpp has them), `GET /health`, `GET /metrics`" + `.

| status | type | code | when |
|---|---|---|---|
| 400 | invalid_request_error | invalid_json, invalid_type, invalid_value, missing_required_parameter, unknown_parameter, unsupported_parameter | the request is wrong; param names the part |
| 400 | invalid_request_error | context_length_exceeded | the prompt does not fit into the context |
| 400 | invalid_request_error | dead_end | the grammar allows nothing that the model can write |
| 401 | authentication_error | invalid_api_key | no key, or a wrong one |
| 403 | permission_error | host_not_allowed, origin_not_allowed | Host is no name of the server, or Origin is no page that may ask |
| 404 | invalid_request_error | model_not_found | there is no such model |
| 404 | not_found_error | unknown_url | there is no such path |
| 405 | invalid_request_error | method_not_allowed | Allow says which methods there are |
| 408 | invalid_request_error | body_too_slow | the body did not come in time |
| 413 | invalid_request_error | body_too_large | the body is too long |
| 429 | rate_limit_error | overloaded, too_many_requests | it would wait too long; Retry-After says when there should be room |
| 500 | server_error | engine_error | the server or the engine failed |
| 503 | service_unavailable | engine_unavailable, ending | no engine is ready, or the server is ending; with Retry-After |

In a stream an error that comes after the first token is an event ` + "`data: {\"error\":…}`" + `, after which the stream ends without ` + "`[DONE]`" + `.
`)
	return b.String()
}

// TestReference compares the page with the fields. With AGENT0_UPDATE=1 it writes it.
func TestReference(t *testing.T) {
	page := filepath.Join("..", "..", "docs", "reference", "openai.md")
	if os.Getenv("AGENT0_UPDATE") != "" {
		if err := os.WriteFile(page, []byte(reference()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(page)
	if err != nil || string(have) != reference() {
		t.Errorf("%s is not up to date (%v): run AGENT0_UPDATE=1 go test ./runtime/server -run TestReference", page, err)
	}
}

// Every row of the table is true.
func TestEveryField(t *testing.T) {
	r := start(t)
	company := map[string]string{"top_logprobs": `"logprobs":true`, "stream_options": `"stream":true`, "tools": `"tool_choice":"none"`}
	rows := 0
	for _, f := range fields() {
		for _, kind := range []struct {
			chat bool
			use  use
			path string
			base string
		}{{true, f.chat, "/v1/chat/completions", `"messages":[{"role":"user","content":"x"}]`}, {false, f.completion, "/v1/completions", `"prompt":"x"`}} {
			send := func(v string) *answered {
				body := "{"
				if name, _, _ := strings.Cut(kind.base, ":"); name != `"`+f.name+`"` {
					body += kind.base + ","
				}
				if c := company[f.name]; c != "" && (kind.chat || f.completion != absent) && v != "null" {
					body += c + ","
				}
				return r.do(t, "POST", kind.path, fmt.Sprintf("%s%q:%s}", body, f.name, v))
			}
			rows++
			a := send(f.example)
			switch kind.use {
			case supported, ignored:
				if a.StatusCode != 200 {
					t.Errorf("%s %s=%s: %d %s", kind.path, f.name, f.example, a.StatusCode, a.body)
				}
			case refused:
				if p := a.problem(t); a.StatusCode != 400 || p.param() != f.name || p.code() != "unsupported_parameter" || !strings.Contains(p.Message, f.name) {
					t.Errorf("%s %s=%s: %d %s", kind.path, f.name, f.example, a.StatusCode, a.body)
				}
				for _, h := range f.harmless {
					if a := send(h); a.StatusCode != 200 {
						t.Errorf("%s %s=%s: %d %s", kind.path, f.name, h, a.StatusCode, a.body)
					}
				}
			case absent:
				other := f.chat
				if kind.chat {
					other = f.completion
				}
				if f.name == "logprobs" {
					continue // it has a row for each kind
				}
				if p := a.problem(t); a.StatusCode != 400 || p.param() != f.name || p.code() != "unknown_parameter" || other == absent {
					t.Errorf("%s %s=%s: %d %s", kind.path, f.name, f.example, a.StatusCode, a.body)
				}
				continue
			}
			if f.name == "messages" || f.name == "prompt" {
				if p := send("null").problem(t); p.code() != "missing_required_parameter" || p.param() != f.name {
					t.Errorf("%s null: %+v", f.name, p)
				}
			} else if a := send("null"); a.StatusCode != 200 {
				t.Errorf("%s %s=null: %d %s", kind.path, f.name, a.StatusCode, a.body)
			}
			// What is read has a type, and another one is refused by name.
			if kind.use == supported {
				if a := send(`[{"a":{}}]`); a.StatusCode != 400 || !strings.HasPrefix(a.problem(t).param(), f.name) {
					t.Errorf("%s %s of a wrong type: %d %s", kind.path, f.name, a.StatusCode, a.body)
				}
			}
		}
	}
	t.Logf("%d rows", rows)
	if rows != 2*len(fields()) || rows < 100 {
		t.Errorf("%d rows of %d fields", rows, len(fields()))
	}
}

// The fields of OpenAI's own clients are all known.
func TestFieldsOfOpenAI(t *testing.T) {
	known := map[string]bool{}
	for _, f := range fields() {
		known[f.name] = true
	}
	found := 0
	for _, typ := range requestTypes() {
		for i := range typ.NumField() {
			name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			if name == "" || name == "-" {
				continue
			}
			found++
			if !known[name] {
				t.Errorf("%s has %q", typ, name)
			}
		}
	}
	if found < 50 {
		t.Errorf("only %d fields", found)
	}
}
