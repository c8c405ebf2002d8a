package firewallport

import (
	"fmt"
	"maps"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/enginetest"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/firewalld/firewalldtest"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/ufw/ufwtest"
)

// ruled is a network whose firewall firewalld, played, owns: it shows what each zone has.
type ruled struct {
	network
	*firewalldtest.Daemon
}

func (r ruled) Snapshot() map[string]string {
	out := r.network.Snapshot()
	for _, zone := range []string{"public", "internal"} {
		out["firewalld "+zone] = fmt.Sprintf("runs %+v, persists %+v", *r.Running(zone), *r.Persistent(zone))
	}
	return out
}

// TestFirewalld keeps the promises of every kind where firewalld rules.
func TestFirewalld(t *testing.T) {
	zones := map[string]*firewalldtest.Zone{
		"public":   {Interfaces: []string{"eth0"}, Ports: []string{"9999/tcp"}, Rules: []string{`rule family="ipv4" source address="10.9.9.9" drop`}},
		"internal": {Interfaces: []string{"eth1"}},
	}
	played := func(c enginetest.Case[Spec]) enginetest.Case[Spec] {
		var last *firewalldtest.Daemon
		c.Files = files(nil)
		c.Net = func(t testing.TB) hosttest.Net {
			last = firewalldtest.New(zones)
			return ruled{net("")(t).(network), last}
		}
		c.Bus = func(*hosttest.Machine) host.BusFunc { return last.Call }
		return c
	}
	enginetest.Converges(t, Kind(), []enginetest.Case[Spec]{
		played(enginetest.Case[Spec]{Name: "a port", Spec: &Spec{Port: "8000"}, Want: engine.Create}),
		played(enginetest.Case[Spec]{Name: "what somebody opened", Spec: &Spec{Port: "9999"}, Want: engine.NoOp}),
		played(enginetest.Case[Spec]{Name: "what somebody opened, to be absent", Spec: &Spec{Port: "9999"}, Absent: true, Want: engine.Remove}),
		played(enginetest.Case[Spec]{Name: "sources, a range and a rate in another zone", Spec: &Spec{
			Ports: engine.List{"8000-8010", "9000"}, Sources: []string{"10.0.0.0/8", "fd00::/8"}, Interfaces: []string{"eth1"}, Rate: "10/minute", Comment: "lost",
		}, Want: engine.Create}),
	})
}

// TestUfw keeps the promises of every kind where ufw rules.
func TestUfw(t *testing.T) {
	played := func(c enginetest.Case[Spec], o ufwtest.Options) enginetest.Case[Spec] {
		machine := ufwtest.Config(o)
		c.Files, c.Programs, c.Offline, c.Net = files(nil), machine.Programs, machine.Offline, net("")
		maps.Copy(c.Files, machine.Files)
		return c
	}
	enginetest.Converges(t, Kind(), []enginetest.Case[Spec]{
		played(enginetest.Case[Spec]{Name: "a port", Spec: &Spec{Port: "8000", Comment: "kept where it persists"}, Want: engine.Create}, ufwtest.Options{}),
		played(enginetest.Case[Spec]{Name: "sources, a range and the one rate", Spec: &Spec{
			Ports: engine.List{"8000-8010", "9000"}, Protocol: "udp", Sources: []string{"10.0.0.0/8", "fd00::/8"}, Interfaces: []string{"eth0"}, Rate: "12/minute",
		}, Want: engine.Create}, ufwtest.Options{}),
		played(enginetest.Case[Spec]{Name: "another rate", Spec: &Spec{Port: "1", Rate: "10/hour"}, Err: "12/minute"}, ufwtest.Options{}),
		played(enginetest.Case[Spec]{Name: "another protocol", Spec: &Spec{Port: "1", Protocol: "sctp"}, Err: "sctp"}, ufwtest.Options{}),
		played(enginetest.Case[Spec]{Name: "without IPv6", Spec: &Spec{Port: "8000"}, Want: engine.Create}, ufwtest.Options{IPv4Only: true}),
		played(enginetest.Case[Spec]{Name: "in an image", Spec: &Spec{Port: "8000"}, Want: engine.Create}, ufwtest.Options{Offline: true}),
		played(enginetest.Case[Spec]{Name: "switched off", Spec: &Spec{Port: "8000", Backend: "ufw"}, Err: "ufw is not active on this host"}, ufwtest.Options{Off: true}),
	})
}
