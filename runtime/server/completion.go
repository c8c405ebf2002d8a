package server

// completion answers /v1/completions (https://platform.openai.com/docs/api-reference/completions).
func (s *Server) completion(v *visit) error { return s.respond(v, false) }

// completionShape writes answers of completions, whose chunks look like the whole.
type completionShape struct {
	head head
	p    *params
}

type textAnswer struct {
	head
	Choices []textChoice `json:"choices"`
	Usage   any          `json:"usage,omitempty"`
}

type textChoice struct {
	Text     string     `json:"text"`
	Index    int        `json:"index"`
	Logprobs *textProbs `json:"logprobs"`
	Finish   *string    `json:"finish_reason"`
}

func (c *completionShape) opening(int) any { return nil }

func (c *completionShape) part(index int, p *part, finish string) any {
	choice := textChoice{Text: p.text, Index: index}
	if len(p.probs) > 0 {
		choice.Logprobs = inText(p.probs, c.p.top)
	}
	if finish != "" {
		choice.Finish = &finish
	}
	out := textAnswer{head: c.head, Choices: []textChoice{choice}}
	if c.p.usage {
		out.Usage = null
	}
	return out
}

func (c *completionShape) usage(u usage) any {
	return textAnswer{head: c.head, Choices: []textChoice{}, Usage: u}
}

func (c *completionShape) whole(choices []*choice, u usage) any {
	out := textAnswer{head: c.head, Usage: u}
	for i, ch := range choices {
		choice := textChoice{Text: ch.text.String(), Index: i, Finish: &ch.finish}
		if c.p.probs {
			choice.Logprobs = inText(ch.probs, c.p.top)
		}
		out.Choices = append(out.Choices, choice)
	}
	return out
}
