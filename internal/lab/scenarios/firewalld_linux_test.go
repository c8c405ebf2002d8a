package scenarios

import (
	"testing"

	"github.com/agent0-converge/agent0-converge/internal/lab/machine"
)

// firewalldOwner is the package whose tests run inside.
const firewalldOwner = "github.com/agent0-converge/agent0-converge/resources/firewallport/firewalld"

// TestFirewalldOwner: what is said to a real firewalld, what it says, and which packets then get through.
func TestFirewalldOwner(t *testing.T) {
	h := withFirewalls(t)
	machine.GoTest(t, h.Machine, firewalldOwner,
		"^TestInside(Rules|Parity|Ranges|Zones|Refusals|Failed|Down|Killed|Packets|RunningAlone|Image|Many)$")
}

// TestFirewalldSurvives: lines of both states are there after a reload, a restart and a reboot, and go without a trace.
func TestFirewalldSurvives(t *testing.T) {
	h := withFirewalls(t)
	there := func(t *testing.T) { machine.GoTest(t, h.Machine, firewalldOwner, "^TestInsideSurvivesThere$") }
	machine.GoTest(t, h.Machine, firewalldOwner, "^TestInsideSurvivesSet$")
	t.Run("set", there)
	h.run("firewall-cmd", "--reload")
	t.Run("reloaded", there)
	h.run("systemctl", "restart", "firewalld.service")
	t.Run("restarted", there)
	if err := h.Reboot(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Run("rebooted", there)
	machine.GoTest(t, h.Machine, firewalldOwner, "^TestInsideSurvivesUndone$")
}
