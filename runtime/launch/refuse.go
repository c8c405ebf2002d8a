package launch

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/agent0-converge/agent0-converge/runtime/door"
	"github.com/agent0-converge/agent0-converge/runtime/session"
	"github.com/agent0-converge/agent0-converge/runtime/spec"
	"github.com/agent0-converge/agent0-converge/runtime/wire"
)

// look is how often it is looked whether what was missing is there.
const look = 500 * time.Millisecond

// refuse tells fronts why there is no engine, until something has changed: then this process ends, and who started it starts it
// again.
func refuse(ctx context.Context, cfg spec.Runtime, at door.At, why error, changed func() bool) error {
	digest, err := cfg.Engine.Digest()
	if err != nil {
		return err
	}
	serve, err := door.Open(at)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	s := &session.Server{Hello: wire.Hello{Protocol: wire.Version, PID: os.Getpid(), Config: digest}}
	s.Tell(&wire.FromEngine{Failed: why.Error()})
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, s) }()
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			if errors.Is(err, context.Canceled) {
				return nil
			}
			return err
		case <-tick.C:
			if changed() {
				stop()
			}
		}
	}
}
