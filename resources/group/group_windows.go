package group

import "github.com/agent0-converge/agent0-converge/engine"

// Kind returns the kind group, which is for systems with /etc/group.
func Kind() *engine.Kind { return engine.NewKind[Spec]("group", nil) }
