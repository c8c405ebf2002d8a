package server

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
)

// conversationFields are what the model is asked.
func conversationFields() []field {
	return []field{
		{name: "model", chat: supported, completion: supported, example: `"tiny"`, note: "may be left out: there is one", read: func(p *params, v value) (f *failure) {
			p.model, f = v.text()
			return f
		}},
		{name: "messages", chat: supported, example: `[{"role":"user","content":"hi"}]`, read: readMessages,
			note: "roles system, developer (made system), user, assistant, tool; content is text or text parts; images, audio and files are refused"},
		{name: "prompt", completion: supported, example: `["a","b"]`, note: "a text, texts, tokens, or arrays of tokens", read: readPrompts},
		{name: "chat_template_kwargs", chat: supported, example: `{"enable_thinking":false}`, note: "llama.cpp's: variables for the model's template", read: func(p *params, v value) *failure {
			_, f := v.object()
			p.variables = v.raw
			return f
		}},
	}
}

// readMessages checks a conversation, and writes it again with what a template is to see: no members that are null, and
// texts for lists of texts.
func readMessages(p *params, v value) *failure {
	items, f := v.array("an array of messages")
	if f != nil {
		return f
	}
	if len(items) == 0 {
		return v.bad("there has to be a message")
	}
	out := make([]json.RawMessage, 0, len(items))
	for i, raw := range items {
		m, f := readMessage(v.item(i, raw))
		if f != nil {
			return f
		}
		out = append(out, m)
	}
	p.messages = encode(out)
	return nil
}

// message is one of a conversation, as far as it has been read.
type message struct {
	role                 string
	content, calls, call bool // whether it has these
	out                  []member
}

func readMessage(v value) (json.RawMessage, *failure) {
	all, f := v.object()
	if f != nil {
		return nil, f
	}
	m := &message{}
	for _, part := range all {
		if isNull(part.value) {
			continue
		}
		if f := m.take(part.name, v.member(part)); f != nil {
			return nil, f
		}
	}
	if f := m.whole(v); f != nil {
		return nil, f
	}
	return object(m.out), nil
}

func (m *message) take(name string, v value) (f *failure) {
	keep := v.raw
	switch name {
	case "role":
		keep, f = m.readRole(v)
	case "content":
		m.content = true
		keep, f = readContent(v)
	case "name", "reasoning_content":
		_, f = v.text()
	case "tool_call_id":
		m.call = true
		_, f = v.text()
	case "tool_calls":
		keep, f = readCalls(v)
		m.calls = true
	case "annotations": // of answers that clients send back
		return nil
	case "refusal", "audio", "function_call":
		return invalid(v.param, "unsupported_parameter", "%s is not supported", v.param)
	default:
		return v.unknown()
	}
	m.out = append(m.out, member{name, keep})
	return f
}

func (m *message) readRole(v value) (json.RawMessage, *failure) {
	role, f := v.text()
	if f != nil {
		return nil, f
	}
	if role == "developer" {
		role = "system" // what older templates know
	}
	if !slices.Contains([]string{"system", "user", "assistant", "tool"}, role) {
		return nil, v.bad("%q is not system, developer, user, assistant or tool", role)
	}
	m.role = role
	return encode(role), nil
}

// whole says what is missing.
func (m *message) whole(v value) *failure {
	missing := func(what string) *failure {
		return invalid(v.param+"."+what, "missing_required_parameter", "%s has to have %s", v.param, what)
	}
	switch {
	case m.role == "":
		return missing("role")
	case m.role == "tool" && !m.call:
		return missing("tool_call_id")
	case m.calls && m.role != "assistant":
		return invalid(v.param+".tool_calls", "invalid_value", "%s.tool_calls: only the assistant calls tools", v.param)
	case !m.content && m.calls:
		m.out = append(m.out, member{"content", json.RawMessage("null")}) // templates ask for it
	case !m.content:
		return missing("content")
	}
	return nil
}

// readContent takes a text, or a list of texts, which is joined: a template may know no lists.
func readContent(v value) (json.RawMessage, *failure) {
	if v.raw[0] == '"' {
		return v.raw, nil
	}
	items, f := v.array("a string or an array of parts")
	if f != nil {
		return nil, f
	}
	var texts []string
	for i, raw := range items {
		text, f := readPart(v.item(i, raw))
		if f != nil {
			return nil, f
		}
		texts = append(texts, text)
	}
	return encode(strings.Join(texts, "\n")), nil
}

func readPart(v value) (string, *failure) {
	all, f := v.object()
	if f != nil {
		return "", f
	}
	var kind, text string
	for _, m := range all {
		if m.name == "type" {
			if kind, f = v.member(m).text(); f != nil {
				return "", f
			}
		}
	}
	if kind != "text" {
		return "", invalid(v.param+".type", "unsupported_parameter", "%s.type: %q is not supported: this model reads text alone", v.param, kind)
	}
	found := false
	f = v.each(map[string]func(value) *failure{
		"type": func(value) *failure { return nil },
		"text": func(v value) *failure {
			found = true
			return into(&text)(v)
		},
	})
	if f == nil && !found {
		f = invalid(v.param+".text", "missing_required_parameter", "%s has to have text", v.param)
	}
	return text, f
}

// readCalls checks calls that the assistant made, which are handed to the template as they are.
func readCalls(v value) (json.RawMessage, *failure) {
	items, f := v.array("an array of tool calls")
	if f != nil {
		return nil, f
	}
	for i, raw := range items {
		var id, kind, name, arguments string
		f := v.item(i, raw).each(map[string]func(value) *failure{
			"id": into(&id), "type": into(&kind), "index": func(value) *failure { return nil },
			"function": func(v value) *failure {
				return v.each(map[string]func(value) *failure{"name": into(&name), "arguments": into(&arguments)})
			},
		})
		if f != nil {
			return nil, f
		}
		if kind != "function" && kind != "" || name == "" {
			return nil, v.item(i, raw).bad("it has to be the call of a function, with its name")
		}
	}
	return v.raw, nil
}

// prompt is a text or tokens.
type prompt struct {
	text   *string
	tokens []int32
}

// readPrompts reads a text, texts, tokens, or arrays of tokens.
func readPrompts(p *params, v value) *failure {
	if v.raw[0] == '"' {
		return p.addPrompt(v)
	}
	items, f := v.array("a string, an array of strings, tokens, or an array of arrays of tokens")
	if f != nil {
		return f
	}
	if len(items) == 0 {
		return v.bad("it is empty")
	}
	if (value{raw: items[0]}).isNumber() {
		return p.addPrompt(v)
	}
	if len(items) > p.limits.MaxChoices {
		return v.bad("there are more than %d prompts", p.limits.MaxChoices)
	}
	for i, raw := range items {
		if f := p.addPrompt(v.item(i, raw)); f != nil {
			return f
		}
	}
	return nil
}

func (p *params) addPrompt(v value) *failure {
	if v.raw[0] == '"' {
		text, f := v.text()
		p.prompts = append(p.prompts, prompt{text: &text})
		return f
	}
	tokens, f := p.readTokens(v)
	p.prompts = append(p.prompts, prompt{tokens: tokens})
	return f
}

func (p *params) readTokens(v value) ([]int32, *failure) {
	items, f := v.array("a string or an array of tokens")
	if f != nil {
		return nil, f
	}
	if len(items) == 0 {
		return nil, v.bad("it is empty")
	}
	most := int64(math.MaxInt32)
	if p.vocabulary > 0 {
		most = int64(p.vocabulary) - 1
	}
	tokens := make([]int32, 0, len(items))
	for i, raw := range items {
		n, f := v.item(i, raw).integer(0, most)
		if f != nil {
			return nil, f
		}
		tokens = append(tokens, int32(n))
	}
	return tokens, nil
}
