// Package server is the HTTP front: OpenAI's API over an engine that is somewhere else. It works out what a request
// means, says what is wrong with it before anything is computed, and writes the answer as clients of that API read it.
// It computes nothing itself and holds nothing between requests.
package server

import (
	"context"

	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// Engine computes requests. Several goroutines may ask at once.
type Engine interface {
	// Generate computes one sequence. tell is called by this goroutine with the events of the request, Accepted first;
	// after Done it returns nil. Otherwise its error is a *wire.Refused, a *wire.UnavailableError, or that of the context,
	// whose end cancels the request. The ID of the request is the engine's to choose.
	Generate(ctx context.Context, r *wire.Request, tell func(wire.Event)) error
	// Ask has Tokenize or Detokenize answered.
	Ask(ctx context.Context, q *wire.ToEngine) (*wire.Reply, error)
	// Status tells how the engine is. What it returns is not changed any more.
	Status() wire.Status
}
