package server

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/agent0-converge/agent0-converge/runtime/grammar"
	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// chooseTool makes the grammar of an answer that calls tools, or may.
func (p *params) chooseTool() *failure {
	wrong := func(code, format string, args ...any) *failure { return invalid("tool_choice", code, format, args...) }
	choice := p.choice
	if choice == "" && len(p.tools) > 0 {
		choice = "auto" // OpenAI's default
	}
	tools := p.tools
	switch {
	case choice == "" || choice == "none":
		return nil
	case len(tools) == 0 && choice == "auto":
		return nil
	case len(tools) == 0:
		return wrong("invalid_value", "tool_choice needs tools")
	case choice == "auto" && p.why != "":
		return failed(context.Background(), &wire.UnavailableError{Reason: p.why})
	case choice == "auto" && p.marks == nil:
		return wrong("unsupported_parameter", "tool_choice auto, which is the default, is not supported here: %s; say none, required, or the name of a function", p.noCalls)
	case choice == "function":
		i := slices.IndexFunc(tools, func(t tool) bool { return t.name == p.chosen })
		if i < 0 {
			return wrong("invalid_value", "tool_choice: there is no tool %q", p.chosen)
		}
		tools = tools[i : i+1]
	}
	p.calls, p.called = true, choice != "auto"
	return p.constrain("tool_choice", func() *failure { return p.callOf(tools) })
}

// callOf makes the grammar of calls of the tools: {"name":…,"arguments":…}, in the model's own marks where they are known.
func (p *params) callOf(tools []tool) *failure {
	var calls []json.RawMessage
	for i, t := range tools {
		schema, f := t.schema()
		if f != nil {
			return f
		}
		// Alone first, so that the fault is told where it is.
		if _, err := p.grammars.Schema(schema); err != nil {
			return t.at.bad("%v", err)
		}
		place := "#"
		if len(tools) > 1 {
			place = fmt.Sprintf("#/anyOf/%d", i)
		}
		calls = append(calls, callSchema(t.name, moved(schema, place+"/properties/arguments")))
	}
	whole := calls[0]
	if len(calls) > 1 {
		whole = object([]member{{"anyOf", encode(calls)}})
	}
	form := grammar.CallForm{Required: p.called, Several: !p.one}
	if p.marks != nil {
		form.Open, form.Close = p.marks.Open, p.marks.Close
	}
	gbnf, err := p.grammars.Calls(whole, form)
	if err != nil {
		return invalid("tools", "invalid_value", "tools: together: %v", err)
	}
	p.grammar, p.closes = gbnf, p.called // text has no end to be led to
	return nil
}

func callSchema(name string, arguments json.RawMessage) json.RawMessage {
	return object([]member{
		{"type", json.RawMessage(`"object"`)},
		{"properties", object([]member{{"name", object([]member{{"const", encode(name)}})}, {"arguments", arguments}})},
		{"required", json.RawMessage(`["name","arguments"]`)},
		{"additionalProperties", json.RawMessage("false")},
	})
}

// schema is that of the arguments, which are an object in any case. Without one there are none.
func (t tool) schema() (json.RawMessage, *failure) {
	if t.parameters == nil {
		return json.RawMessage(`{"type":"object","properties":{},"additionalProperties":false}`), nil
	}
	all, f := value{t.at.param, t.parameters}.object()
	if f != nil {
		return nil, f
	}
	for _, m := range all {
		if m.name == "type" {
			if string(m.value) != `"object"` {
				return nil, t.at.bad("the type has to be object")
			}
			return t.parameters, nil
		}
	}
	return object(append([]member{{"type", json.RawMessage(`"object"`)}}, all...)), nil
}

// moved is a schema that stands somewhere else: its references to itself have to begin there.
func moved(schema json.RawMessage, to string) json.RawMessage {
	all, ok := members(schema)
	if !ok {
		var items []json.RawMessage
		if json.Unmarshal(schema, &items) != nil || schema[0] != '[' {
			return schema
		}
		for i := range items {
			items[i] = moved(items[i], to)
		}
		return encode(items)
	}
	for i, m := range all {
		switch m.name {
		case "const", "enum", "default", "example", "examples": // values, not schemas
		case "properties", "$defs", "definitions", "patternProperties", "dependentSchemas":
			all[i].value = movedEach(m.value, to)
		case "$ref":
			var ref string
			if json.Unmarshal(m.value, &ref) == nil && len(ref) > 0 && ref[0] == '#' {
				all[i].value = encode(to + ref[1:])
			}
		default:
			all[i].value = moved(m.value, to)
		}
	}
	return object(all)
}

// movedEach moves schemas that have names, any of which may be that of a keyword.
func movedEach(named json.RawMessage, to string) json.RawMessage {
	all, ok := members(named)
	if !ok {
		return named
	}
	for i := range all {
		all[i].value = moved(all[i].value, to)
	}
	return object(all)
}
