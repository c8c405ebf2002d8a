package symlink

import "github.com/agent0-converge/agent0-converge/engine"

// Kind returns the kind symlink, which Windows does not have: making one takes a privilege there
// that services and administrators may lack.
func Kind() *engine.Kind { return engine.NewKind[Spec]("symlink", nil) }
