package machine

import (
	"context"
	"sync"

	"github.com/agent0-converge/agent0-converge/internal/lab/program"
)

// The programs of this module that machines need, by import path.
const (
	supervisorPackage = "github.com/agent0-converge/agent0-converge/internal/lab/machine/supervisor"
	agentPackage      = "github.com/agent0-converge/agent0-converge/cmd/agent0-converge"
)

// supervisorProgram and agentProgram are built once in a process. Later callers get the first one's error.
var (
	supervisorProgram = sync.OnceValues(func() (*program.Compiled, error) {
		return program.Compile(context.Background(), "build", supervisorPackage)
	})
	agentProgram = sync.OnceValues(func() (*program.Compiled, error) {
		return program.Compile(context.Background(), "build", agentPackage)
	})
)
