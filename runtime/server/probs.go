package server

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// prob is a token of the answer with its probability.
type prob struct {
	piece   []byte
	logprob float32
	top     []wire.Top
	offset  int // in characters of the choice's text
}

// heldProbs keeps tokens back until their text is shown: those of a stop text never are.
type heldProbs struct {
	held      []prob
	at, shown int // bytes: where the first one held begins, and how far the text is shown
	chars     int // characters of all that came
}

func (h *heldProbs) add(t *wire.Token) []prob {
	h.held = append(h.held, prob{t.Piece, t.Logprob, t.Top, h.chars})
	for _, b := range t.Piece {
		if !continues(b) {
			h.chars++
		}
	}
	h.shown += len(t.Text)
	return h.release(false)
}

// continues reports whether a byte of UTF-8 is not the first of its character.
func continues(b byte) bool { return b&0xC0 == 0x80 }

func (h *heldProbs) end(d *wire.Done) []prob {
	h.shown += len(d.Text)
	return h.release(d.StopText == "")
}

func (h *heldProbs) release(all bool) (out []prob) {
	for len(h.held) > 0 && (all || h.at < h.shown) {
		h.at += len(h.held[0].piece)
		out = append(out, h.held[0])
		h.held = h.held[1:]
	}
	return out
}

// printable is a piece as the API has it: those that are no text by their bytes.
func printable(piece []byte) string {
	if utf8.Valid(piece) {
		return string(piece)
	}
	var b strings.Builder
	b.WriteString("bytes:")
	for _, c := range piece {
		fmt.Fprintf(&b, `\x%02x`, c)
	}
	return b.String()
}

// finite is a logarithm that JSON can hold: the least is that of OpenAI.
func finite(l float32) float32 { return max(l, -9999) }

// chatProbs are the probabilities of a chat's answer.
type chatProbs struct {
	Content []chatProb `json:"content"`
	Refusal *string    `json:"refusal"`
}

type chatProb struct {
	topProb
	Top []topProb `json:"top_logprobs"`
}

type topProb struct {
	Token   string  `json:"token"`
	Logprob float32 `json:"logprob"`
	Bytes   []int   `json:"bytes"`
}

func inChat(all []prob) *chatProbs {
	out := &chatProbs{Content: []chatProb{}}
	for _, p := range all {
		top := []topProb{}
		for _, t := range p.top {
			top = append(top, topProb{printable(t.Piece), finite(t.Logprob), numbers(t.Piece)})
		}
		out.Content = append(out.Content, chatProb{topProb{printable(p.piece), finite(p.logprob), numbers(p.piece)}, top})
	}
	return out
}

// textProbs are the probabilities of a completion.
type textProbs struct {
	Tokens   []string             `json:"tokens"`
	Logprobs []float32            `json:"token_logprobs"`
	Top      []map[string]float32 `json:"top_logprobs"`
	Offsets  []int                `json:"text_offset"`
}

// inText lists the token itself among the likeliest, even where it is none of them, as OpenAI does.
func inText(all []prob, top int) *textProbs {
	out := &textProbs{Tokens: []string{}, Logprobs: []float32{}, Offsets: []int{}}
	for _, p := range all {
		out.Tokens = append(out.Tokens, printable(p.piece))
		out.Logprobs = append(out.Logprobs, finite(p.logprob))
		out.Offsets = append(out.Offsets, p.offset)
		if top > 0 {
			likely := map[string]float32{printable(p.piece): finite(p.logprob)}
			for _, t := range p.top {
				likely[printable(t.Piece)] = finite(t.Logprob)
			}
			out.Top = append(out.Top, likely)
		}
	}
	return out
}
