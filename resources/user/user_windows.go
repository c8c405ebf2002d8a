package user

import "github.com/agent0-converge/agent0-converge/engine"

// Kind returns the kind user, which is for systems with /etc/passwd.
func Kind() *engine.Kind { return engine.NewKind[Spec]("user", nil) }
