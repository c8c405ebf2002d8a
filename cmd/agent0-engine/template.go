//go:build llama

package main

import (
	"context"
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/llama"
	"github.com/agent0-converge/agent0-converge/runtime/template"
	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// chats is what a model's template makes of conversations.
type chats struct {
	// render makes prompts.
	render func(context.Context, *wire.Chat) (string, error)
	// calls is how the model writes calls of tools, nil where noCalls says why that is not known.
	calls   *wire.Calls
	noCalls string
}

// newChats reads the model's own template, or ChatML where it has none.
func newChats(m *llama.Model) (chats, error) {
	source := m.Template()
	if source == "" {
		source = template.ChatML
	}
	t, err := template.Parse(source)
	if err != nil {
		return chats{}, err
	}
	special := template.Tokens{BOS: text(m, m.Info.BOS), EOS: text(m, m.Info.EOS)}
	c := chats{render: func(ctx context.Context, c *wire.Chat) (string, error) {
		return template.Chat(ctx, t, c.Messages, c.Tools, c.Variables, special, time.Now())
	}}
	form, err := template.Calls(t, special)
	switch {
	case err != nil:
		c.noCalls = err.Error()
	case !shown(m, form.Open) || !shown(m, form.Close):
		c.noCalls = "the marks around the model's calls are control tokens, which are not shown"
	default:
		c.calls = &wire.Calls{Open: form.Open, Close: form.Close}
	}
	return c, nil
}

// shown reports whether a text that the model writes can be seen: control tokens cannot.
func shown(m *llama.Model, s string) bool {
	tokens, err := m.Tokenize(s, false, true)
	if err != nil {
		return false
	}
	var b []byte
	for _, t := range tokens {
		b = m.Piece(b, t, false)
	}
	return string(b) == s
}

// text returns how a special token is written, "" where there is none.
func text(m *llama.Model, token int32) string { return string(m.Piece(nil, token, true)) }
