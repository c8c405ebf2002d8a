package server

import (
	"encoding/json"
	"slices"
	"strings"
)

// formatFields say what the answer has to look like.
func formatFields() []field {
	return []field{
		{name: "response_format", chat: supported, completion: supported, example: `{"type":"json_object"}`, read: readFormat,
			note: "text, json_object, json_schema; the answer keeps to the schema whether it is strict or not, and is led to its end in the last of its tokens: 64, or a quarter of them"},
		{name: "json_schema", chat: supported, completion: supported, example: `{"type":"object"}`, note: "llama.cpp's: the schema alone", read: func(p *params, v value) *failure {
			return p.constrain(v.param, func() *failure { return p.fromSchema(v) })
		}},
		{name: "grammar", chat: supported, completion: supported, example: `"root ::= \"a\""`, note: "llama.cpp's: GBNF", read: func(p *params, v value) *failure {
			text, f := v.text()
			if f != nil || text == "" {
				return f
			}
			return p.constrain(v.param, func() *failure {
				if err := p.grammars.Check(text); err != nil {
					return v.bad("%v", err)
				}
				p.grammar = text
				return nil
			})
		}},
		{name: "tools", chat: supported, example: `[{"type":"function","function":{"name":"f"}}]`, read: readTools,
			note: "functions; handed to the template. What the model writes as a call keeps to the function's schema, whether it is strict or not"},
		{name: "tool_choice", chat: supported, example: `"none"`, read: readChoice,
			note: "none, required, a function by name, or auto, which is the default: refused where the model's template does not tell of tools, or does not write calls as {\"name\": …, \"arguments\": {…}} between marks such as <tool_call> and </tool_call>"},
		{name: "parallel_tool_calls", chat: supported, example: "false", note: "false allows one call; more than one is made only by models that auto is for", read: func(p *params, v value) *failure {
			several, f := v.boolean()
			p.one = !several
			return f
		}},
	}
}

// constrain lets one field decide what the answer keeps to.
func (p *params) constrain(param string, by func() *failure) *failure {
	if p.constrained != "" {
		return invalid(param, "invalid_value", "%s: the answer has to keep to %s already: send one of them", param, p.constrained)
	}
	p.constrained = param
	return by()
}

func readFormat(p *params, v value) *failure {
	var kind string
	var schema, named value
	f := v.each(map[string]func(value) *failure{
		"type":        into(&kind),
		"schema":      func(v value) *failure { schema = v; return nil },
		"json_schema": func(v value) *failure { named = v; return nil },
	})
	switch {
	case f != nil:
		return f
	case kind == "text":
		return nil
	case kind == "json_schema":
		if schema, f = readNamedSchema(v, named); f != nil {
			return f
		}
	case kind != "json_object":
		return invalid(v.param+".type", "invalid_value", "%s.type: %q is not text, json_object or json_schema", v.param, kind)
	}
	return p.constrain(v.param, func() *failure {
		if schema.raw == nil {
			p.grammar, p.closes = p.grammars.JSON(), true
			return nil
		}
		return p.fromSchema(schema)
	})
}

func readNamedSchema(format, v value) (value, *failure) {
	missing := invalid(format.param+".json_schema.schema", "missing_required_parameter", "%s.json_schema.schema is missing", format.param)
	if v.raw == nil {
		return value{}, missing
	}
	var name, description string
	var schema value
	f := v.each(map[string]func(value) *failure{
		"name": into(&name), "description": into(&description),
		"strict": func(v value) *failure {
			_, f := v.boolean()
			return f
		},
		"schema": func(v value) *failure { schema = v; return nil },
	})
	if f == nil && schema.raw == nil {
		f = missing
	}
	return schema, f
}

// fromSchema makes the grammar of a schema.
func (p *params) fromSchema(v value) *failure {
	if v.raw[0] != '{' {
		return v.wrong("a JSON schema: an object")
	}
	gbnf, err := p.grammars.Schema(v.raw)
	if err != nil {
		return v.bad("%v", err)
	}
	p.grammar, p.closes = gbnf, true
	return nil
}

// tool is a function that the model may call.
type tool struct {
	name       string
	at         value // of its parameters
	parameters json.RawMessage
}

// maxTools is how many there are at most, as OpenAI has it.
const maxTools = 128

func readTools(p *params, v value) *failure {
	items, f := v.array("an array of tools")
	if f != nil {
		return f
	}
	if len(items) > maxTools {
		return v.bad("there are more than %d", maxTools)
	}
	for i, raw := range items {
		t, f := readTool(v.item(i, raw))
		if f != nil {
			return f
		}
		if slices.ContainsFunc(p.tools, func(o tool) bool { return o.name == t.name }) {
			return v.bad("two are called %q", t.name)
		}
		p.tools = append(p.tools, t)
	}
	if len(items) > 0 {
		p.toolsRaw = v.raw
	}
	return nil
}

func readTool(v value) (tool, *failure) {
	var kind, description string
	t := tool{at: value{param: v.param + ".function.parameters"}}
	f := v.each(map[string]func(value) *failure{
		"type": into(&kind),
		"function": func(v value) *failure {
			return v.each(map[string]func(value) *failure{
				"name": into(&t.name), "description": into(&description), "parameters": keep(&t.parameters),
				"strict": func(v value) *failure {
					_, f := v.boolean()
					return f
				},
			})
		},
		"custom": func(v value) *failure {
			return invalid(v.param, "unsupported_parameter", "%s: only functions are supported", v.param)
		},
	})
	switch {
	case f != nil:
		return t, f
	case kind != "function":
		return t, invalid(v.param+".type", "invalid_value", "%s.type: %q is not function", v.param, kind)
	case !isName(t.name):
		return t, invalid(v.param+".function.name", "invalid_value", "%s.function.name: a name has 1 to 64 letters, digits, _ and -", v.param)
	case t.parameters != nil && t.parameters[0] != '{':
		return t, t.at.wrong("a JSON schema: an object")
	}
	return t, nil
}

func isName(s string) bool {
	return s != "" && len(s) <= 64 && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-')
	})
}

func readChoice(p *params, v value) *failure {
	if v.raw[0] == '"' {
		word, f := v.text()
		if f == nil && !slices.Contains([]string{"none", "auto", "required"}, word) {
			f = v.bad("%q is not none, auto or required", word)
		}
		p.choice = word
		return f
	}
	var kind string
	f := v.each(map[string]func(value) *failure{
		"type": into(&kind),
		"function": func(v value) *failure {
			return v.each(map[string]func(value) *failure{"name": into(&p.chosen)})
		},
		"allowed_tools": func(v value) *failure {
			return invalid(v.param, "unsupported_parameter", "%s is not supported: name one function, or say required", v.param)
		},
		"custom": func(v value) *failure {
			return invalid(v.param, "unsupported_parameter", "%s: only functions are supported", v.param)
		},
	})
	if f == nil && (kind != "function" || p.chosen == "") {
		f = v.bad(`it has to be none, required, or {"type":"function","function":{"name":…}}`)
	}
	p.choice = "function"
	return f
}
