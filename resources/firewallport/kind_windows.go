package firewallport

import "github.com/agent0-converge/agent0-converge/engine"

// Kind returns the kind firewall_port, which this platform does not have yet.
func Kind() *engine.Kind { return engine.NewKind[Spec]("firewall_port", nil) }
