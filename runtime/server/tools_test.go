package server

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/agent0-converge/agent0-converge/runtime/spec"
)

// valid checks a text against a schema, by another's validator.
func valid(t testing.TB, schema, text string) {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("s.json", doc); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("s.json")
	if err != nil {
		t.Fatal(err)
	}
	inst, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v: %q", err, text)
	}
	if err := compiled.Validate(inst); err != nil {
		t.Errorf("%q: %v", text, err)
	}
}

const (
	point = `{"type":"object","properties":{"x":{"$ref":"#/$defs/c"},"note":{"type":"string"}},"required":["x","note"],"additionalProperties":false,"$defs":{"c":{"type":"integer"}}}`
	tools = `"tools":[{"type":"function","function":{"name":"plot","description":"d","parameters":` + point + `}},{"type":"function","function":{"name":"now"}}]`
)

func TestToolCalls(t *testing.T) {
	r := start(t)
	named := `"tool_choice":{"type":"function","function":{"name":"plot"}}`
	seen := map[string]bool{}
	for seed := range 20 {
		for _, choice := range []string{`"tool_choice":"required"`, named} {
			fields := []string{tools, choice, fmt.Sprintf(`"seed":%d`, seed)}
			m := r.chat(t, ask("do", fields...)).json(t)
			c := at(t, m, "choices", 0)
			call := at(t, c, "message", "tool_calls", 0)
			name, arguments := at(t, call, "function", "name").(string), at(t, call, "function", "arguments").(string)
			seen[name] = true
			if at(t, c, "finish_reason") != "tool_calls" || at(t, c, "message", "content") != nil || !strings.HasPrefix(at(t, call, "id").(string), "call_") || at(t, call, "type") != "function" {
				t.Errorf("%v", c)
			}
			if name == "plot" {
				valid(t, point, arguments)
			} else if arguments != "{}" || choice == named {
				t.Errorf("%s(%s) with %s", name, arguments, choice)
			}
			streamedCall(t, r.chat(t, ask("do", append(fields, `"stream":true`)...)), name, arguments)
		}
	}
	if len(seen) != 2 {
		t.Errorf("called: %v", seen)
	}
}

// streamedCall checks that a stream puts together the same call.
func streamedCall(t *testing.T, a *answered, name, arguments string) {
	t.Helper()
	var id, called, got, finish string
	for _, e := range a.events(t) {
		var c chatChunk
		if e == "[DONE]" {
			continue
		}
		if err := json.Unmarshal([]byte(e), &c); err != nil {
			t.Fatal(err)
		}
		d := c.Choices[0]
		for _, call := range d.Delta.Calls {
			id, called, got = id+call.ID, called+call.Function.Name, got+call.Function.Arguments
		}
		if d.Finish != nil {
			finish = *d.Finish
		}
	}
	if called != name || got != arguments || !strings.HasPrefix(id, "call_") || strings.Count(id, "call_") != 1 || finish != "tool_calls" {
		t.Errorf("stream: %s %s(%s) %s, in one piece %s(%s)", id, called, got, finish, name, arguments)
	}
}

// A call that is cut off is told as cut off.
func TestToolCallOfTooFewTokens(t *testing.T) {
	r := start(t)
	for n := 1; n < 30; n++ {
		m := r.chat(t, ask("do", tools, `"tool_choice":{"type":"function","function":{"name":"plot"}},"seed":3`, fmt.Sprintf(`"max_tokens":%d`, n))).json(t)
		c := at(t, m, "choices", 0)
		message := at(t, c, "message").(map[string]any)
		switch at(t, c, "finish_reason") {
		case "tool_calls":
			valid(t, point, at(t, message, "tool_calls", 0, "function", "arguments").(string))
		case "length":
			if calls, there := message["tool_calls"]; there {
				if text := at(t, calls, 0, "function", "arguments").(string); json.Valid([]byte(text)) {
					t.Errorf("%d tokens: %q is whole", n, text)
				}
			}
		default:
			t.Errorf("%d tokens: %v", n, c)
		}
	}
}

func TestFormats(t *testing.T) {
	r := start(t)
	for name, format := range map[string]string{
		"strict":   `"response_format":{"type":"json_schema","json_schema":{"name":"p","strict":true,"schema":` + point + `}}`,
		"loose":    `"response_format":{"type":"json_schema","json_schema":{"name":"p","schema":` + point + `}}`,
		"llamacpp": `"json_schema":` + point,
		"object":   `"response_format":{"type":"json_object","schema":` + point + `}`,
	} {
		t.Run(name, func(t *testing.T) { valid(t, point, content(t, r.chat(t, ask("do", format)))) })
	}
	if got := content(t, r.chat(t, ask("do", `"response_format":{"type":"json_object"}`))); got != `{"any":[1,"a",null]}` {
		t.Errorf("json_object: %q", got)
	}
	content(t, r.chat(t, ask("do", `"response_format":{"type":"text"},"grammar":"root ::= \"a\""`)))
	if r.latest().Grammar != `root ::= "a"` {
		t.Errorf("grammar: %q", r.latest().Grammar)
	}
	for name, c := range map[string]struct{ fields, param, says string }{
		"refused schema": {`"json_schema":{"type":"object","properties":{"refuse_me":{}}}`, "json_schema", "told to be refused"},
		"refused tool": {`"tool_choice":"required","tools":[{"type":"function","function":{"name":"f","parameters":{"properties":{"refuse_me":{}}}}}]`,
			"tools[0].function.parameters", "told to be refused"},
		"bad grammar":     {`"grammar":"x"`, "grammar", "no root"},
		"two":             {`"grammar":"root ::= x","response_format":{"type":"json_object"}`, "response_format", "grammar"},
		"tool and format": {tools + `,"tool_choice":"required","response_format":{"type":"json_object"}`, "tool_choice", "response_format"},
		"auto":            {tools, "tool_choice", "auto"},
		"no such tool":    {tools + `,"tool_choice":{"type":"function","function":{"name":"x"}}`, "tool_choice", "no tool"},
		"no tools":        {`"tool_choice":"required"`, "tool_choice", "needs tools"},
		"no schema":       {`"response_format":{"type":"json_schema","json_schema":{"name":"x"}}`, "response_format.json_schema.schema", "missing"},
		"custom":          {`"tools":[{"type":"custom","custom":{"name":"x"}}]`, "tools[0].custom", "only functions"},
	} {
		t.Run(name, func(t *testing.T) {
			a := r.chat(t, ask("do", c.fields))
			if p := a.problem(t); a.StatusCode != 400 || p.param() != c.param || !strings.Contains(p.Message, c.says) {
				t.Errorf("%d %s", a.StatusCode, a.body)
			}
		})
	}
}

// References keep their meaning when a schema becomes a part of another.
func TestMovedReferences(t *testing.T) {
	in := `{"$ref":"#/$defs/a","properties":{"$ref":{"$ref":"#"},"b":{"enum":[{"$ref":"#/x"}]}},"items":[{"$ref":"#/$defs/a"}],"$defs":{"a":{"anyOf":[{"$ref":"other.json"}]}}}`
	want := `{"$ref":"#/p/$defs/a","properties":{"$ref":{"$ref":"#/p"},"b":{"enum":[{"$ref":"#/x"}]}},"items":[{"$ref":"#/p/$defs/a"}],"$defs":{"a":{"anyOf":[{"$ref":"other.json"}]}}}`
	if got := string(moved(json.RawMessage(in), "#/p")); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// With the grammars that are used, what a model writes that keeps to them is what was asked for.
func TestRealGrammars(t *testing.T) {
	r := start(t, func(_ *spec.Server, o *Options) { o.Grammars = DefaultGrammars() })
	named := map[string]int{}
	for seed := range 30 {
		s := fmt.Sprintf(`"seed":%d`, seed)
		valid(t, point, content(t, r.chat(t, ask("do", s, `"response_format":{"type":"json_schema","json_schema":{"name":"p","schema":`+point+`}}`))))
		valid(t, `{"type":"object"}`, content(t, r.chat(t, ask("do", s, `"response_format":{"type":"json_object"}`))))
		m := r.chat(t, ask("do", s, tools, `"tool_choice":"required"`)).json(t)
		call := at(t, m, "choices", 0, "message", "tool_calls", 0, "function")
		name, arguments := at(t, call, "name").(string), at(t, call, "arguments").(string)
		named[name]++
		if name == "plot" {
			valid(t, point, arguments)
		} else {
			valid(t, `{"type":"object","maxProperties":0}`, arguments)
		}
		streamedCall(t, r.chat(t, ask("do", s, tools, `"tool_choice":"required","stream":true`)), name, arguments)
	}
	if len(named) != 2 {
		t.Errorf("called: %v", named)
	}
	for fields, param := range map[string]string{
		`"json_schema":{"type":"object","properties":{"a":{"not":{}}}}`: "json_schema", `"grammar":"root ::= root"`: "grammar",
		`"tool_choice":"required","tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","uniqueItems":7,"if":{}}}}]`: "tools[0].function.parameters",
	} {
		if a := r.chat(t, ask("do", fields)); a.StatusCode != 400 || a.problem(t).param() != param {
			t.Errorf("%s: %d %s", fields, a.StatusCode, a.body)
		}
	}
	content(t, r.chat(t, ask("do", `"grammar":"root ::= \"yes\" | \"no\""`)))
}
