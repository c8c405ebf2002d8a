package gpugroup

import "github.com/agent0-converge/agent0-converge/engine"

// Kind returns the kind gpu_group: on Windows every user may use the GPUs.
func Kind() *engine.Kind { return engine.NewKind[Spec]("gpu_group", nil) }
