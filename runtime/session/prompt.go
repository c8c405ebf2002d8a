package session

import (
	"context"
	"strings"

	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// prompt makes tokens of what a request asks about.
func (e *Engine) prompt(ctx context.Context, r *wire.Request) ([]int32, *wire.Refused) {
	if r.Tokens != nil {
		return r.Tokens, nil
	}
	var tokens []int32
	var err error
	if r.Chat != nil {
		var text string
		if text, err = e.Render(ctx, r.Chat); err != nil {
			return nil, &wire.Refused{Code: wire.Invalid, Param: "messages", Reason: err.Error()}
		}
		tokens, err = e.Vocabulary.Tokenize(text, false, true) // the template has written what belongs around it
	} else if r.Text != nil {
		tokens, err = e.Vocabulary.Tokenize(*r.Text, true, true) // as llama.cpp's server does
	}
	if err != nil {
		return nil, &wire.Refused{Code: wire.Invalid, Param: "prompt", Reason: err.Error()}
	}
	return tokens, nil
}

func (s *Server) vocabulary() (e *Engine, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.engine == nil {
		return nil, "no model is loaded yet"
	}
	return s.engine, ""
}

func (s *Server) tokenize(q *wire.Tokenize) *wire.Reply {
	e, why := s.vocabulary()
	if why != "" {
		return &wire.Reply{ID: q.ID, Error: why}
	}
	tokens, err := e.Vocabulary.Tokenize(q.Text, q.Special, q.Parse)
	if err != nil {
		return &wire.Reply{ID: q.ID, Error: err.Error()}
	}
	r := &wire.Reply{ID: q.ID, Tokens: tokens}
	for _, t := range tokens {
		r.Pieces = append(r.Pieces, e.Vocabulary.Piece(nil, t, true))
	}
	return r
}

func (s *Server) detokenize(q *wire.Detokenize) *wire.Reply {
	e, why := s.vocabulary()
	if why != "" {
		return &wire.Reply{ID: q.ID, Error: why}
	}
	var b []byte
	for _, t := range q.Tokens {
		if !e.Vocabulary.Valid(t) {
			return &wire.Reply{ID: q.ID, Error: "a token is not of this model"}
		}
		b = e.Vocabulary.Piece(b, t, true)
	}
	return &wire.Reply{ID: q.ID, Text: strings.ToValidUTF8(string(b), "\uFFFD")}
}
