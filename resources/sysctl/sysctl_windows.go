package sysctl

import "github.com/agent0-converge/agent0-converge/engine"

// Kind returns the kind sysctl, which is for Linux.
func Kind() *engine.Kind { return engine.NewKind[Spec]("sysctl", nil, engine.Passive()) }
