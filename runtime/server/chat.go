package server

import "encoding/json"

// chat answers /v1/chat/completions (https://platform.openai.com/docs/api-reference/chat).
func (s *Server) chat(v *visit) error { return s.respond(v, true) }

var null = json.RawMessage("null")

// chatShape writes answers of chats.
type chatShape struct {
	head head
	p    *params
}

type chatChunk struct {
	head
	Choices []chatDelta `json:"choices"`
	Usage   any         `json:"usage,omitempty"`
}

type chatDelta struct {
	Index    int        `json:"index"`
	Delta    delta      `json:"delta"`
	Logprobs *chatProbs `json:"logprobs"`
	Finish   *string    `json:"finish_reason"`
}

type delta struct {
	Role    string          `json:"role,omitempty"`
	Content *string         `json:"content,omitempty"`
	Refusal json.RawMessage `json:"refusal,omitempty"`
	Calls   []callDelta     `json:"tool_calls,omitempty"`
}

type callDelta struct {
	Index    int           `json:"index"`
	ID       string        `json:"id,omitempty"`
	Type     string        `json:"type,omitempty"`
	Function functionDelta `json:"function"`
}

type functionDelta struct {
	Name      string `json:"name,omitempty"`
	Arguments string `json:"arguments"`
}

func (c *chatShape) chunk(choices ...chatDelta) chatChunk {
	h := c.head
	h.Object = "chat.completion.chunk"
	out := chatChunk{head: h, Choices: choices}
	if c.p.usage {
		out.Usage = null
	}
	return out
}

func (c *chatShape) opening(index int) any {
	d := delta{Role: "assistant", Refusal: null}
	if !c.p.called {
		d.Content = new(string)
	}
	return c.chunk(chatDelta{Index: index, Delta: d})
}

func (c *chatShape) part(index int, p *part, finish string) any {
	out := chatDelta{Index: index}
	if p.text != "" {
		out.Delta.Content = &p.text
	}
	for _, call := range p.calls {
		d := callDelta{Index: call.index, ID: call.id, Function: functionDelta{call.name, call.arguments}}
		if call.name != "" {
			d.Type = "function"
		}
		out.Delta.Calls = append(out.Delta.Calls, d)
	}
	if len(p.probs) > 0 {
		out.Logprobs = inChat(p.probs)
	}
	if finish != "" {
		out.Finish = &finish
	}
	return c.chunk(out)
}

func (c *chatShape) usage(u usage) any {
	out := c.chunk()
	out.Choices, out.Usage = []chatDelta{}, u
	return out
}

type chatAnswer struct {
	head
	Choices []chatChoice `json:"choices"`
	Usage   usage        `json:"usage"`
}

type chatChoice struct {
	Index    int         `json:"index"`
	Message  chatMessage `json:"message"`
	Logprobs *chatProbs  `json:"logprobs"`
	Finish   string      `json:"finish_reason"`
}

type chatMessage struct {
	Role    string     `json:"role"`
	Content *string    `json:"content"`
	Refusal *string    `json:"refusal"`
	Calls   []chatCall `json:"tool_calls,omitempty"`
}

type chatCall struct {
	ID       string        `json:"id"`
	Type     string        `json:"type"`
	Function functionDelta `json:"function"`
}

func (c *chatShape) whole(choices []*choice, u usage) any {
	out := chatAnswer{head: c.head, Usage: u}
	out.Object = "chat.completion"
	for i, ch := range choices {
		m := chatMessage{Role: "assistant"}
		for _, call := range ch.reader.calls {
			m.Calls = append(m.Calls, chatCall{call.id, "function", functionDelta{call.name, call.arguments.String()}})
		}
		if text := ch.text.String(); text != "" || m.Calls == nil && !c.p.called {
			m.Content = &text
		}
		choice := chatChoice{Index: i, Message: m, Finish: ch.finish}
		if c.p.probs {
			choice.Logprobs = inChat(ch.probs)
		}
		out.Choices = append(out.Choices, choice)
	}
	return out
}
