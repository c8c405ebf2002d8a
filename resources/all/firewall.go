package all

import (
	"github.com/agent0-converge/agent0-converge/resources/firewallport"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/guard"
)

// Firewall guards changes of the host's firewall, whoever owns it.
func Firewall() guard.Guard { return firewallport.Guard() }
