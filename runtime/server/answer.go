package server

import (
	"crypto/rand"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// shape is how one of the two kinds of answers is written.
type shape interface {
	// opening is a choice's first chunk, nil for none.
	opening(index int) any
	// part is a chunk of a choice. finish is "" until the last.
	part(index int, p *part, finish string) any
	// usage is the chunk that ends a stream, where it was asked for.
	usage(u usage) any
	// whole is the answer in one piece.
	whole(choices []*choice, u usage) any
}

// head is what all chunks of an answer have, and the answer in one piece.
type head struct {
	ID          string `json:"id"`
	Object      string `json:"object"`
	Created     int64  `json:"created"`
	Model       string `json:"model"`
	Fingerprint string `json:"system_fingerprint"`
}

// usage counts tokens.
type usage struct {
	Prompt     int         `json:"prompt_tokens"`
	Completion int         `json:"completion_tokens"`
	Total      int         `json:"total_tokens"`
	Details    usageDetail `json:"prompt_tokens_details"`
}

// usageDetail says how many tokens of the prompts were in the cache.
type usageDetail struct {
	Cached int `json:"cached_tokens"`
}

// part is a piece of a choice.
type part struct {
	text  string
	probs []prob
	calls []callPart
}

func (p *part) empty() bool {
	return p.text == "" && len(p.probs) == 0 && len(p.calls) == 0
}

// choice is one sequence of the answer.
type choice struct {
	accepted, opened bool
	text             strings.Builder
	probs            []prob
	held             heldProbs
	reader           callReader
	finish           string
	prompt           int
	done             *wire.Done
}

// answer is made of what happens to the sequences of a request.
type answer struct {
	v        *visit
	p        *params
	shape    shape
	choices  []*choice
	accepted int
	stream   *stream // nil: in one piece
}

// respond computes what is asked for and answers.
func (s *Server) respond(v *visit, chat bool) error {
	body, err := v.body()
	if err != nil {
		return err
	}
	p := s.defaults(chat)
	table := s.fields[0]
	if chat {
		table = s.fields[1]
	}
	if f := p.read(table, body); f != nil {
		return f
	}
	requests := p.requests()
	a := &answer{v: v, p: p, shape: s.shape(p)}
	for range requests {
		a.choices = append(a.choices, &choice{reader: callReader{marks: p.marks}})
	}
	if p.stream {
		a.stream = newStream(v)
	}
	return a.finish(s.run(v.r.Context(), requests, a.tell))
}

func (s *Server) shape(p *params) shape {
	h := head{Created: time.Now().Unix(), Model: s.cfg().Model, Fingerprint: s.fingerprint()}
	if p.chat {
		h.ID = "chatcmpl-" + rand.Text()
		return &chatShape{h, p}
	}
	h.ID, h.Object = "cmpl-"+rand.Text(), "text_completion"
	return &completionShape{h, p}
}

// tell takes in what happened to a sequence.
func (a *answer) tell(index int, e wire.Event, more bool) error {
	c := a.choices[index]
	var out part
	finish := ""
	switch {
	case e.Accepted != nil && !c.accepted:
		c.accepted, c.prompt = true, e.Accepted.Prompt
		a.accepted++
		a.v.prompt += c.prompt
		return nil
	case e.Token != nil:
		a.v.generated++
		out.text = e.Token.Text
		if a.p.probs {
			out.probs = c.held.add(e.Token)
		}
	case e.Done != nil:
		c.done, c.finish = e.Done, e.Done.Reason
		out.text = e.Done.Text
		if a.p.probs {
			out.probs = c.held.end(e.Done)
		}
	default:
		return nil
	}
	if a.p.calls {
		c.take(&out)
	}
	if c.done != nil {
		if finish = c.finish; a.p.called && len(c.reader.calls) == 0 && finish == wire.Stop && c.done.StopText == "" {
			return errors.New("the engine's answer is not the call of a tool")
		}
	}
	return a.put(index, c, &out, finish, more)
}

// take makes calls of tools of a text.
func (c *choice) take(out *part) {
	out.text, out.calls = c.reader.add(out.text, c.done != nil)
	if c.done != nil && c.reader.whole() {
		c.finish = "tool_calls"
	}
}

// maxTogether is from how many bytes events are sent though there are more.
const maxTogether = 8 << 10

// put sends a part, or keeps it for the whole.
func (a *answer) put(index int, c *choice, out *part, finish string, more bool) error {
	c.text.WriteString(out.text)
	if a.stream == nil {
		c.probs = append(c.probs, out.probs...)
		return nil
	}
	if !c.opened {
		c.opened = true
		if first := a.shape.opening(index); first != nil {
			if err := a.stream.add(first); err != nil {
				return err
			}
		}
	}
	if !out.empty() {
		if err := a.stream.add(a.shape.part(index, out, "")); err != nil {
			return err
		}
	}
	if finish != "" {
		if err := a.stream.add(a.shape.part(index, &part{}, finish)); err != nil {
			return err
		}
	}
	// Until all sequences have been accepted the answer may still be that they are not. The first token is not to wait.
	if a.accepted < len(a.choices) || more && a.stream.began && a.stream.out.Len() < maxTogether {
		return nil
	}
	return a.stream.flush()
}

// finish ends the answer.
func (a *answer) finish(err error) error {
	switch {
	case err != nil && a.stream != nil:
		return a.stream.broken(err)
	case err != nil:
		return err
	case a.stream == nil:
		return a.v.send(http.StatusOK, encode(a.shape.whole(a.choices, a.count())))
	}
	if a.p.usage {
		if err := a.stream.add(a.shape.usage(a.count())); err != nil {
			return err
		}
	}
	return a.stream.done()
}

// count counts a prompt once, though it has n choices.
func (a *answer) count() usage {
	var u usage
	for i, c := range a.choices {
		u.Completion += c.done.Generated
		if i%a.p.n == 0 {
			u.Prompt += c.done.Prompt
			u.Details.Cached += c.done.Cached
		}
	}
	u.Total = u.Prompt + u.Completion
	return u
}
