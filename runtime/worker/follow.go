package worker

import (
	"errors"

	"github.com/agent0-converge/agent0-converge/runtime/spec"
	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// next chooses the token that follows a sequence, whose logits are at entry i.
func (s *Scheduler) next(q *sequence, i int) {
	top := -1
	if q.req.Probs {
		top = q.req.Top
	}
	if q.req.Closes {
		q.sampler.Lead(q.limit-len(q.tokens) <= q.closing())
	}
	u, gate := q.chance()
	prob, likely, err := q.sampler.Sample(i, u, gate, top)
	switch {
	case errors.Is(err, spec.ErrDeadEnd):
		s.fail(q, wire.DeadEnd, "no token can follow: the grammar allows none that the model has")
		return
	case err != nil:
		s.fail(q, wire.Internal, err.Error())
		return
	}
	s.state.Generated++
	if s.model.IsEnd(prob.Token) && !q.req.IgnoreEnd {
		s.finish(q, wire.Stop, "")
		return
	}
	q.tokens = append(q.tokens, prob.Token)
	piece := s.model.Piece(nil, prob.Token, false)
	shown, stop := q.text.add(piece)
	token := &wire.Token{ID: prob.Token, Text: shown}
	if q.req.Probs {
		token.Piece, token.Logprob, token.Top = piece, prob.Logprob, tops(s.model, likely)
	}
	s.event(wire.Event{ID: q.req.ID, Token: token})
	switch {
	case stop != "":
		s.finish(q, wire.Stop, stop)
	case len(q.tokens) >= q.limit:
		s.finish(q, wire.Length, "")
	}
}

// maxClosing is how many tokens before its last one an answer in JSON is led to its end: what is open may lie deep.
const maxClosing = 64

// closing is how many tokens are kept for the end of an answer in JSON.
func (s *sequence) closing() int { return min(maxClosing, (s.limit-s.prompt)/4) }

func (s *Scheduler) event(e wire.Event) { s.events = append(s.events, e) }

// finish ends a sequence as it should.
func (s *Scheduler) finish(q *sequence, reason, stop string) {
	s.event(wire.Event{ID: q.req.ID, Done: q.ended(reason, stop)})
	s.pace.finished(q.generated())
	s.end(q)
}

// fail ends a sequence as it should not.
func (s *Scheduler) fail(q *sequence, code, reason string) {
	s.event(wire.Event{ID: q.req.ID, Refused: &wire.Refused{Code: code, Reason: reason}})
	s.end(q)
}

// tell says what happened since it last did, and what the next step will compute.
func (s *Scheduler) tell() {
	s.mu.Lock()
	s.known = s.pace
	s.load = s.pace.load(s.running, s.waiting, s.added)
	s.mu.Unlock()
	state := s.state
	state.Waiting = len(s.waiting)
	for _, q := range s.running {
		state.Cells += q.done
		state.Running = append(state.Running, q.req.ID)
	}
	s.emit(&wire.Step{Events: s.events, State: &state})
	s.events = nil
}
