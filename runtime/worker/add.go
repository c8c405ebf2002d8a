package worker

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// The limits of a request. The front has its own, which are said to clients; these keep an engine whole if it errs.
const (
	maxStops   = 16
	maxStop    = 1024 // bytes
	maxTop     = 20
	maxGrammar = 256 << 10 // bytes
)

// Add takes in a request whose prompt has been made into tokens. It returns why not, or nil.
func (s *Scheduler) Add(req *wire.Request, prompt []int32) *wire.Refused {
	if bad := s.check(req, prompt); bad != nil {
		return bad
	}
	q := &sequence{req: req, prompt: len(prompt), slot: -1, text: text{stops: req.Stop}}
	q.tokens = make([]int32, len(prompt), len(prompt)+64)
	copy(q.tokens, prompt)
	q.limit = s.cfg.Context
	if req.MaxTokens > 0 {
		q.limit = min(q.limit, len(prompt)+req.MaxTokens)
	}
	req.Sampling.Clamp(s.cfg.Vocabulary, s.cfg.Context)
	var err error
	if q.sampler, err = s.model.NewSampler(req.Sampling, req.Grammar); err != nil {
		return &wire.Refused{Code: wire.Invalid, Param: "grammar", Reason: err.Error()}
	}
	stop, err := q.replay(s.model)
	if err != nil {
		q.sampler.Close()
		return &wire.Refused{Code: wire.Internal, Reason: "cannot go on after what was generated: " + err.Error()}
	}
	if stop != "" || len(q.tokens) >= q.limit { // an engine died before it could say so
		s.complete(q, stop)
		return nil
	}
	if bad := s.queue(q); bad != nil {
		q.sampler.Close()
		return bad
	}
	s.wake()
	return nil
}

func (s *Scheduler) check(req *wire.Request, prompt []int32) *wire.Refused {
	invalid := func(param, format string, args ...any) *wire.Refused {
		return &wire.Refused{Code: wire.Invalid, Param: param, Reason: fmt.Sprintf(format, args...)}
	}
	bad := func(token int32) bool { return !s.model.Valid(token) }
	switch {
	case len(prompt) == 0:
		return invalid("prompt", "the prompt is empty")
	case slices.ContainsFunc(prompt, bad), slices.ContainsFunc(req.Generated, bad):
		return invalid("prompt", "a token is not of this model, which has %d", s.cfg.Vocabulary)
	case len(prompt) >= s.cfg.Context, len(prompt)+len(req.Generated) >= s.cfg.Context:
		return &wire.Refused{Code: wire.TooLong, Param: "messages", Reason: fmt.Sprintf(
			"the context of this server has %d tokens, and the prompt %d: send less", s.cfg.Context, len(prompt))}
	case req.MaxTokens < 0 || req.MaxTokens > math.MaxInt32:
		return invalid("max_tokens", "max_tokens is out of range")
	case len(req.Stop) > maxStops || slices.ContainsFunc(req.Stop, func(t string) bool { return t == "" || len(t) > maxStop }):
		return invalid("stop", "there are %d stop texts at most, of 1 to %d bytes", maxStops, maxStop)
	case req.Top < 0 || req.Top > maxTop || req.Top > s.cfg.Vocabulary:
		return invalid("top_logprobs", "top_logprobs is from 0 to %d", maxTop)
	case len(req.Grammar) > maxGrammar:
		return invalid("grammar", "the grammar has more than %d bytes", maxGrammar)
	}
	return nil
}

// complete says of a sequence that needs nothing more that it is done.
func (s *Scheduler) complete(q *sequence, stop string) {
	q.sampler.Close()
	done := q.ended(wire.Length, "")
	if stop != "" {
		done = q.ended(wire.Stop, stop)
	}
	s.emit(&wire.Step{Events: []wire.Event{{ID: q.req.ID, Accepted: &wire.Accepted{Prompt: q.prompt}}, {ID: q.req.ID, Done: done}}})
}

// queue lets a sequence wait for its turn, unless that would take too long. What another engine began has waited already.
func (s *Scheduler) queue(q *sequence) *wire.Refused {
	s.mu.Lock()
	defer s.mu.Unlock()
	wait := s.load.wait(s.cfg.Parallel)
	full := s.load.waiting >= s.cfg.MaxWaiting || wait > s.cfg.MaxWait
	if full && !q.req.Replayed {
		return &wire.Refused{Code: wire.Overloaded, RetryAfter: max(time.Second, (wait - s.cfg.MaxWait).Round(time.Second)),
			Reason: fmt.Sprintf("%d requests are ahead, about %s of work", s.load.running+s.load.waiting, wait.Round(100*time.Millisecond))}
	}
	s.load.waiting++
	s.load.work += s.known.left(q)
	s.emit(&wire.Step{Events: []wire.Event{{ID: q.req.ID, Accepted: &wire.Accepted{Prompt: q.prompt}}}})
	s.added = append(s.added, q) // after that: the other events come from Run
	return nil
}
