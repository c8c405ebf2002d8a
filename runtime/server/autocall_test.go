package server

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/runtime/spec"
	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// calling is a server whose model writes calls between marks, and keeps to real grammars.
func calling(t testing.TB) *rig {
	r := start(t, func(_ *spec.Server, o *Options) { o.Grammars = DefaultGrammars() })
	r.set(func(s *wire.Status) {
		ready := *s.Ready
		ready.Model.Calls = &wire.Calls{Open: "[[", Close: "]]"}
		s.Ready = &ready
	})
	return r
}

// heard is a choice, in one piece or put together from a stream.
type heard struct {
	content, finish string
	null            bool // there was no content
	calls           []functionDelta
	ids             []string
}

func wholeChoice(t *testing.T, a *answered) heard {
	t.Helper()
	var m chatAnswer
	if err := json.Unmarshal(a.body, &m); err != nil || len(m.Choices) != 1 {
		t.Fatalf("%v: %s", err, a.body)
	}
	c := m.Choices[0]
	h := heard{finish: c.Finish, null: c.Message.Content == nil}
	if !h.null {
		h.content = *c.Message.Content
	}
	for _, call := range c.Message.Calls {
		h.calls, h.ids = append(h.calls, call.Function), append(h.ids, call.ID)
	}
	return h
}

func streamedChoice(t *testing.T, a *answered) heard {
	t.Helper()
	h := heard{null: true}
	for _, e := range a.events(t) {
		var c chatChunk
		if e == "[DONE]" {
			continue
		}
		if err := json.Unmarshal([]byte(e), &c); err != nil {
			t.Fatal(err)
		}
		d := c.Choices[0]
		if d.Delta.Content != nil {
			h.content, h.null = h.content+*d.Delta.Content, false
		}
		for _, call := range d.Delta.Calls {
			if call.Index == len(h.calls) && call.Function.Name != "" && call.Type == "function" {
				h.calls, h.ids = append(h.calls, functionDelta{Name: call.Function.Name}), append(h.ids, call.ID)
			} else if call.Index != len(h.calls)-1 || call.Function.Name != "" || call.ID != "" {
				t.Fatalf("call %d after %d: %s", call.Index, len(h.calls), e)
			}
			h.calls[call.Index].Arguments += call.Function.Arguments
		}
		if d.Finish != nil {
			h.finish += *d.Finish
		}
	}
	return h
}

// With tool_choice auto an answer is text, calls, or both; calls keep to the schemas, and no mark is seen.
func TestAutoCalls(t *testing.T) {
	r := calling(t)
	kinds := map[string]int{}
	for seed := range 120 {
		for _, choice := range []string{"", `,"tool_choice":"auto"`, `,"tool_choice":"auto","parallel_tool_calls":false`, `,"tool_choice":"required"`} {
			fields := fmt.Sprintf(`"seed":%d,%s%s`, seed, tools, choice)
			a := r.chat(t, ask("do", fields))
			if a.StatusCode != 200 {
				t.Fatalf("%s", a.body)
			}
			h := wholeChoice(t, a)
			kind := fmt.Sprintf("text %v, calls %d", strings.TrimSpace(h.content) != "", min(2, len(h.calls)))
			kinds[kind]++
			called := len(h.calls) > 0
			if strings.Contains(h.content, "[[") || h.null != (called && h.content == "") || (h.finish == "tool_calls") != called ||
				called && h.content != strings.TrimRight(h.content, blanks) {
				t.Errorf("%s: %+v", fields, h)
			}
			if strings.Contains(choice, "false") && len(h.calls) > 1 || strings.Contains(choice, "required") && (!called || h.content != "") {
				t.Errorf("%s: %+v", fields, h)
			}
			ids := map[string]bool{}
			for i, c := range h.calls {
				if ids[h.ids[i]] = true; c.Name == "plot" {
					valid(t, point, c.Arguments)
				} else if c.Arguments != "{}" || c.Name != "now" {
					t.Errorf("%+v", c)
				}
			}
			if len(ids) != len(h.calls) || ids[""] {
				t.Errorf("ids %q", h.ids)
			}
			s := streamedChoice(t, r.chat(t, ask("do", fields, `"stream":true`)))
			if s.content != h.content || s.finish != h.finish || fmt.Sprint(s.calls) != fmt.Sprint(h.calls) {
				t.Errorf("%s:\nin one piece %+v\nstreamed     %+v", fields, h, s)
			}
		}
	}
	t.Log(kinds)
	for _, want := range []string{"text true, calls 0", "text false, calls 1", "text true, calls 1", "text false, calls 2", "text true, calls 2"} {
		if kinds[want] == 0 {
			t.Errorf("never: %s", want)
		}
	}
}

// However the pieces come, the same is taken out of them, and nothing is shown that is a mark's beginning.
func TestCallsInPieces(t *testing.T) {
	const text = "I <think> <tool\n <tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": \"}</tool_call>\\\"{\", \"b\": [1]}}\n</tool_call>\n<tool_call>{\"name\":\"g\",\"arguments\":{}}</tool_call>"
	for _, c := range []struct{ text, shown, calls string }{
		{text, "I <think> <tool", `[{f {"a": "}</tool_call>\"{", "b": [1]}} {g {}}]`},
		{"a <tool_call", "a <tool_call", "[]"},
		{"a \n ", "a \n ", "[]"},
		{" \n<tool_call>\n{\"name\":\"f\",\"arguments\":{", "", "[{f {}]"},
		{"<tool_call>{\"name\":\"f\"", "", "[]"},
		{"", "", "[]"},
	} {
		for size := 1; size <= len(c.text)+1; size++ {
			r := callReader{marks: &wire.Calls{Open: "<tool_call>", Close: "</tool_call>"}}
			shown, calls := "", []functionDelta{}
			take := func(s string, parts []callPart) {
				shown += s
				for _, p := range parts {
					if p.name != "" {
						calls = append(calls, functionDelta{Name: p.name})
					}
					calls[p.index].Arguments += p.arguments
				}
			}
			for i := 0; i < len(c.text); i += size {
				take(r.add(c.text[i:min(i+size, len(c.text))], false))
			}
			take(r.add("", true))
			if shown != c.shown || fmt.Sprint(calls) != c.calls {
				t.Errorf("%q in pieces of %d: %q, %v", c.text, size, shown, calls)
			}
			if whole := c.text == text; r.whole() != whole {
				t.Errorf("%q: whole %v", c.text, r.whole())
			}
		}
	}
}

// Where it is not known how the model writes calls, the reason is told; while there was no engine yet, that.
func TestAutoIsRefused(t *testing.T) {
	r := start(t)
	r.set(func(s *wire.Status) {
		ready := *s.Ready
		ready.Model.NoCalls = "the model knows of no tools"
		s.Ready = &ready
	})
	for _, choice := range []string{"", `,"tool_choice":"auto"`} {
		a := r.chat(t, ask("do", tools+choice))
		if p := a.problem(t); a.StatusCode != 400 || p.param() != "tool_choice" || p.code() != "unsupported_parameter" || !strings.Contains(p.Message, "knows of no tools") {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
	}
	r = start(t)
	r.set(func(s *wire.Status) { s.Ready, s.Why = nil, "it is being loaded" })
	a := r.chat(t, ask("do", tools))
	if p := a.problem(t); a.StatusCode != 503 || a.Header.Get("Retry-After") == "" || !strings.Contains(p.Message, "being loaded") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	// What the last engine said holds while there is none: the request waits for the next.
	r = calling(t)
	content(t, r.chat(t, ask("do")))
	var before *wire.Ready
	r.set(func(s *wire.Status) { before, s.Ready = s.Ready, nil })
	p := r.server.defaults(true)
	if p.marks == nil || *p.marks != *before.Model.Calls || p.vocabulary != before.Model.Vocabulary || p.why != "" {
		t.Errorf("%+v", p)
	}
}
