package template

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ChatML is a template for models that come without one.
const ChatML = `{%- for message in messages %}
    {{- '<|im_start|>' + message.role + '\n' + (message.content or '') + '<|im_end|>\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\n' }}
{%- endif %}
`

// Tokens are the texts of a model's special tokens, as templates know them; "" is one that the model has not.
type Tokens struct {
	BOS, EOS string
}

// Chat makes the prompt of a conversation: what Hugging Face's apply_chat_template hands to a template (messages, tools,
// documents, add_generation_prompt, bos_token, eos_token), and variables, an object, such as enable_thinking. The first three
// are as the API has them; tools and variables may be empty or null. The prompt has the model's bos_token already where its
// template prints it.
//
// Messages keep their order and that of their keys. What is made of them, so that templates find what they expect:
//   - Parts of content, [{"type": "text", "text": …}], become one string, with newlines between them, where the template does
//     not go through parts itself; a string becomes one part where it takes nothing else.
//   - The arguments of tool calls, which the API has as a string of JSON, become an object, where the template does not want
//     the string.
//   - Content that is null or missing in a message of an assistant becomes "" where the template cannot do with null.
//
// What a template does with these is found out by rendering small conversations, once.
//
// A conversation that does not go with the template is a *RaisedError; other errors are those of Render.
func Chat(ctx context.Context, t *Template, messages, tools, variables json.RawMessage, special Tokens, now time.Time) (string, error) {
	return chat(ctx, t, messages, tools, variables, special, now, Limits{})
}

func chat(ctx context.Context, t *Template, messages, tools, variables json.RawMessage, special Tokens, now time.Time, o Limits) (string, error) {
	list, err := conversation(messages)
	if err != nil {
		return "", err
	}
	vars, err := chatVariables(tools, variables, special)
	if err != nil {
		return "", err
	}
	// The probes see no variables: what a client sends must not decide for the clients after it.
	t.once.Do(func() { t.traits = probe(t, special) })
	if err := t.traits.adapt(list); err != nil {
		return "", err
	}
	vars.add("messages", list)
	return t.render(ctx, vars, now, o)
}

// conversation reads messages: objects that have a role.
func conversation(messages json.RawMessage) (*list, error) {
	v, err := input("messages", messages)
	if err != nil {
		return nil, err
	}
	l, ok := v.(*list)
	if !ok {
		return nil, &RaisedError{"messages is not a list"}
	}
	for i, item := range l.items {
		m, ok := item.(*dict)
		if ok {
			_, ok = m.named("role")
		}
		if !ok {
			return nil, &RaisedError{fmt.Sprintf("messages[%d] is not an object with a role", i)}
		}
	}
	return l, nil
}

// input reads a part of a request; none is nil.
func input(name string, raw json.RawMessage) (value, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	v, err := fromJSON(raw)
	var limit *LimitError
	if err != nil && !errors.As(err, &limit) {
		return nil, &RaisedError{name + " is not JSON: " + err.Error()}
	}
	return v, err
}

func chatVariables(tools, variables json.RawMessage, special Tokens) (*dict, error) {
	t, err := input("tools", tools)
	if err != nil {
		return nil, err
	}
	if l, ok := t.(*list); ok && len(l.items) == 0 {
		t = nil // as if there were none: to templates, a list is a wish for tools
	}
	vars := newDict()
	vars.add("tools", t)
	vars.add("documents", nil)
	vars.add("add_generation_prompt", true)
	vars.add("bos_token", special.BOS)
	vars.add("eos_token", special.EOS)
	more, err := input("chat_template_kwargs", variables)
	if err != nil || more == nil {
		return vars, err
	}
	d, ok := more.(*dict)
	if !ok {
		return nil, &RaisedError{"chat_template_kwargs is not an object"}
	}
	for i, k := range d.keys {
		name := k.(string)
		switch name {
		case "messages", "tools", "bos_token", "eos_token":
			return nil, &RaisedError{"chat_template_kwargs cannot set " + name}
		}
		vars.add(name, d.values[i])
	}
	return vars, nil
}

// adapt makes messages what the template expects.
func (t *traits) adapt(messages *list) error {
	for i, item := range messages.items {
		m := item.(*dict)
		role, _ := m.named("role")
		if err := t.adaptContent(m, role); err != nil {
			return &RaisedError{fmt.Sprintf("messages[%d]: %s", i, err)}
		}
		t.adaptCalls(m)
	}
	return nil
}

func (t *traits) adaptContent(m *dict, role value) error {
	content, there := m.named("content")
	c := t.content[roleOf(role)]
	switch v := content.(type) {
	case *list:
		if c.parts {
			return nil
		}
		text, err := flatten(v)
		if err != nil {
			return err
		}
		m.add("content", text)
	case string:
		if c.partsOnly {
			m.add("content", textPart(v))
		}
	case nil:
		switch {
		case t.nullFails:
			m.add("content", "")
		case !there && role == "assistant":
			m.add("content", nil)
		}
	}
	return nil
}

// flatten makes one string of parts.
func flatten(parts *list) (string, error) {
	var texts []string
	for _, p := range parts.items {
		d, ok := p.(*dict)
		if !ok {
			return "", errors.New("a part of the content is not an object")
		}
		kind, _ := d.named("type")
		text, _ := d.named("text")
		s, ok := text.(string)
		if kind != "text" || !ok {
			return "", errors.New("this model takes only text")
		}
		texts = append(texts, s)
	}
	return strings.Join(texts, "\n"), nil
}

// textPart is content of one part.
func textPart(s string) *list {
	d := newDict()
	d.add("type", "text")
	d.add("text", s)
	return &list{[]value{d}}
}

// adaptCalls makes objects of the arguments of calls.
func (t *traits) adaptCalls(m *dict) {
	calls, _ := m.named("tool_calls")
	l, ok := calls.(*list)
	if !ok || t.argumentsAsText {
		return
	}
	for _, c := range l.items {
		call, ok := c.(*dict)
		if !ok {
			continue
		}
		if f, ok := call.named("function"); ok {
			if call, ok = f.(*dict); !ok {
				continue
			}
		}
		arguments, _ := call.named("arguments")
		s, ok := arguments.(string)
		if !ok {
			continue
		}
		if strings.TrimSpace(s) == "" {
			s = "{}"
		}
		// What is no object, a model made up: the template gets it as it is.
		if v, err := fromJSON(json.RawMessage(s)); err == nil {
			if d, ok := v.(*dict); ok {
				call.add("arguments", d)
			}
		}
	}
}
