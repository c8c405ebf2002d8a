package engine

import (
	"context"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// Prover asks whether a thing also does what it is for: a port that is open by its own rule may be closed by
// somebody else's. Nothing that the kind could change is the matter, so it is told and not put right.
type Prover[S any] interface {
	// Prove is asked of everything that a plan says, whether or not it is to change, and again once it was changed. spec is
	// what is wanted or, where Absent was called on it, what is to be gone. pending says that it is not so yet, and
	// that the question is whether it will do what it is for. A warning is told, an error refuses.
	Prove(ctx context.Context, v host.View, spec *S, pending bool) (warning, err error)
}

// serves asks whether c's thing does what it is for, and returns what there is to be warned of.
func (c *Change) serves(ctx context.Context, v host.View, pending bool) (warnings []string, err error) {
	if c.Kind.proof == nil || c.Origin != FromPlan {
		return nil, nil // what goes back is for no purpose of the plan's
	}
	warning, err := c.Kind.proof(ctx, v, c.Spec, pending)
	return lines(warning), err
}
