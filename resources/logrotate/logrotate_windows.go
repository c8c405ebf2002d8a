package logrotate

import "github.com/agent0-converge/agent0-converge/engine"

// Kind returns the kind logrotate, which is for systems that have logrotate.
func Kind() *engine.Kind { return engine.NewKind[Spec]("logrotate", nil, engine.Passive()) }
