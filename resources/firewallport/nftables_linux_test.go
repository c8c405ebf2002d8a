package firewallport

import (
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/enginetest"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

// TestNftables keeps the promises of every kind on a host where nobody else owns the firewall: a real kernel's packet
// filter, with rules of others in it.
func TestNftables(t *testing.T) {
	live := func(c enginetest.Case[Spec]) enginetest.Case[Spec] {
		c.Files, c.Systemd = files(c.Files), &hosttest.SystemdConfig{}
		if c.Net == nil {
			c.Net = net(foreign)
		}
		return c
	}
	enginetest.Converges(t, Kind(), []enginetest.Case[Spec]{
		live(enginetest.Case[Spec]{Name: "nothing there", Spec: &Spec{Port: "8000", Sources: []string{"192.168.0.0/16", "fd00::/8"}, Comment: "the API"}, Want: engine.Create}),
		live(enginetest.Case[Spec]{Name: "everything that can be said", Spec: &Spec{
			Ports: engine.List{"8000-8010", "9000"}, Protocol: "udp", Family: "ipv4", Sources: []string{"10.0.0.0/8", "192.0.2.1"},
			Interfaces: []string{"eth0", "eth1"}, Rate: "10/minute", Comment: "all of it", Strict: true, Backend: "nftables",
		}, Want: engine.Create}),
		live(enginetest.Case[Spec]{Name: "not there and to be absent", Spec: &Spec{Port: "9999"}, Absent: true, Want: engine.NoOp}),
		{Name: "in an image", Offline: true, Files: files(nil), Spec: &Spec{Port: "8000", Sources: []string{"192.168.0.0/16"}}, Want: engine.Create},
		live(enginetest.Case[Spec]{Name: "an interface that is not there", Spec: &Spec{Port: "8000", Interfaces: []string{"wlan9"}},
			Err: "the host has no interface wlan9: it has lo, eth1, eth0"}),
		{Name: "no program to load the rules at boot", Files: map[string]hosttest.File{"/etc/x": {}}, Net: net(""), Spec: &Spec{Port: "8000"},
			Err: "install the package nftables"},
	})
}
