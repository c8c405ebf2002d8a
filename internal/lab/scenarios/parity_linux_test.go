package scenarios

import (
	"testing"

	"github.com/agent0-converge/agent0-converge/internal/lab/machine"
)

// TestLiveParity: on a systemd that runs, what is read of units is what systemctl says of them, and the
// agent enables and disables them as systemctl does.
func TestLiveParity(t *testing.T) {
	h := booted(t)
	machine.GoTest(t, h.Machine, "github.com/agent0-converge/agent0-converge/engine/host/unitfile", "^TestLive$")
}
