//go:build llama

package main

import (
	"context"
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/llama"
	"github.com/agent0-converge/agent0-converge/runtime/template"
	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// renderer returns what makes prompts of chats by the model's own template, or by ChatML where it has none.
func renderer(m *llama.Model) (func(context.Context, *wire.Chat) (string, error), error) {
	source := m.Template()
	if source == "" {
		source = template.ChatML
	}
	t, err := template.Parse(source)
	if err != nil {
		return nil, err
	}
	special := template.Tokens{BOS: text(m, m.Info.BOS), EOS: text(m, m.Info.EOS)}
	return func(ctx context.Context, c *wire.Chat) (string, error) {
		return template.Chat(ctx, t, c.Messages, c.Tools, c.Variables, special, time.Now())
	}, nil
}

// text returns how a special token is written, "" where there is none.
func text(m *llama.Model, token int32) string { return string(m.Piece(nil, token, true)) }
