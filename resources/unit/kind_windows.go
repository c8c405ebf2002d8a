package unit

import "github.com/agent0-converge/agent0-converge/engine"

// Kind returns the kind unit, which Windows does not have.
func Kind() *engine.Kind { return engine.NewKind[Spec]("unit", nil, engine.Passive()) }
