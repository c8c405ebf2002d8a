package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"unicode/utf8"

	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// asked reads the members of a small request.
func (v *visit) asked(read map[string]func(value) *failure) error {
	body, err := v.body()
	if err != nil {
		return err
	}
	all, f := parse(body)
	if f != nil {
		return f
	}
	for _, m := range all {
		part := value{m.name, m.value}
		do := read[m.name]
		switch {
		case do == nil:
			return part.unknown()
		case isNull(m.value):
			continue
		}
		if f := do(part); f != nil {
			return f
		}
	}
	return nil
}

// answered asks the engine.
func (v *visit) answered(q *wire.ToEngine) (*wire.Reply, error) {
	reply, err := v.s.engine.Ask(v.r.Context(), q)
	if err == nil && reply.Error != "" {
		err = invalid("", wire.Invalid, "%s", reply.Error)
	}
	return reply, err
}

// tokenize is llama.cpp's: the tokens of a text.
func (s *Server) tokenize(v *visit) error {
	q := wire.Tokenize{Parse: true}
	pieces, given := false, false
	set := func(to *bool) func(value) *failure {
		return func(v value) (f *failure) {
			*to, f = v.boolean()
			return f
		}
	}
	err := v.asked(map[string]func(value) *failure{
		"content":     func(v value) *failure { given = true; return into(&q.Text)(v) },
		"add_special": set(&q.Special), "parse_special": set(&q.Parse), "with_pieces": set(&pieces),
	})
	if err != nil {
		return err
	}
	if !given {
		return invalid("content", "missing_required_parameter", "content is missing")
	}
	reply, err := v.answered(&wire.ToEngine{Tokenize: &q})
	if err != nil {
		return err
	}
	if pieces {
		if len(reply.Pieces) != len(reply.Tokens) {
			return fmt.Errorf("the engine gave %d tokens and the texts of %d", len(reply.Tokens), len(reply.Pieces))
		}
		return v.send(http.StatusOK, encode(map[string]any{"tokens": withPieces(reply)}))
	}
	return v.send(http.StatusOK, encode(map[string]any{"tokens": append([]int32{}, reply.Tokens...)}))
}

// piece is a token with its text, or with its bytes where they are no text.
type piece struct {
	ID    int32 `json:"id"`
	Piece any   `json:"piece"`
}

func withPieces(reply *wire.Reply) []piece {
	all := []piece{}
	for i, t := range reply.Tokens {
		if b := reply.Pieces[i]; utf8.Valid(b) {
			all = append(all, piece{t, string(b)})
		} else {
			all = append(all, piece{t, numbers(b)})
		}
	}
	return all
}

// numbers are bytes as the API has them: not in base64.
func numbers(b []byte) []int {
	out := make([]int, len(b))
	for i, c := range b {
		out[i] = int(c)
	}
	return out
}

// detokenize is llama.cpp's: the text of tokens.
func (s *Server) detokenize(v *visit) error {
	p := s.defaults(false)
	var tokens []int32
	given := false
	err := v.asked(map[string]func(value) *failure{"tokens": func(v value) (f *failure) {
		given = true
		if items, wrong := v.array("an array of tokens"); wrong != nil || len(items) == 0 {
			return wrong
		}
		tokens, f = p.readTokens(v)
		return f
	}})
	if err != nil {
		return err
	}
	if !given {
		return invalid("tokens", "missing_required_parameter", "tokens is missing")
	}
	reply, err := v.answered(&wire.ToEngine{Detokenize: &wire.Detokenize{Tokens: tokens}})
	if err != nil {
		return err
	}
	return v.send(http.StatusOK, encode(struct {
		Content json.RawMessage `json:"content"`
	}{encode(reply.Text)}))
}
