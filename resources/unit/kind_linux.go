package unit

import (
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
)

// timeout is how long one change may take: longer than systemd gives a service to stop and to start
// by default, 90 seconds each, as its own error says more.
const timeout = 5 * time.Minute

// Kind returns the kind unit.
func Kind() *engine.Kind {
	return engine.NewKind("unit", resource{}, engine.Passive(), engine.Timeout(timeout))
}
