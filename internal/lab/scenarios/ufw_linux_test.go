package scenarios

import (
	"testing"

	"github.com/agent0-converge/agent0-converge/internal/lab/machine"
)

const ufwPackage = "github.com/agent0-converge/agent0-converge/resources/firewallport/ufw"

// TestUfw takes the tests of the owner ufw to the real ufw, and over a boot.
func TestUfw(t *testing.T) {
	m := machine.Booted(t, machine.Options{InMemory: true, Packages: []string{"ufw", "iproute2"}})
	machine.GoTest(t, m, ufwPackage, "^TestReal")
	machine.GoTest(t, m, ufwPackage, "^TestImageRendered$")
	if err := m.Reboot(t.Context()); err != nil {
		t.Fatal(err)
	}
	machine.GoTest(t, m, ufwPackage, "^TestImageBooted$")
}
