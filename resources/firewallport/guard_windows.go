package firewallport

import (
	"fmt"

	"github.com/agent0-converge/agent0-converge/resources/firewallport/guard"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// Guard makes no change here: this platform does not have the kind yet.
func Guard() guard.Guard {
	return guard.Guard{Owner: func(name string) (owner.Owner, error) {
		return nil, fmt.Errorf("cannot change the firewall: this platform has no %q that owns one", name)
	}}
}
