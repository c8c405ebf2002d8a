package scenarios

import (
	"maps"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	enginehost "github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/internal/lab/machine"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/nft"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// The configuration of nftables.service as Debian has it, with a table of its own.
const otherTables = `#!/usr/sbin/nft -f
flush ruleset
table inet filter {
	chain input { type filter hook input priority filter; policy accept; tcp dport 9 drop; }
}
`

// witness looks at the table as early as any network may be configured.
const witness = `[Unit]
DefaultDependencies=no
Wants=network-pre.target
After=network-pre.target
Before=network.target

[Service]
Type=oneshot
ExecStart=/bin/sh -c 'nft list table inet agent0 > /run/witness'

[Install]
WantedBy=sysinit.target
`

// TestFirewallNFT: the table outlasts whatever systemd does to nftables.service, which flushes all tables, and is there
// after a boot before any network is.
func TestFirewallNFT(t *testing.T) {
	h := &host{machine.Booted(t, machine.Options{InMemory: true}), t}
	h.put("/etc/nftables.conf", otherTables, 0o755)
	h.put("/etc/systemd/system/witness.service", witness, 0o644)
	h.run("systemctl", "enable", "witness.service")
	h.run("systemctl", "disable", "nftables.service")
	inside := func(name string) { t.Helper(); machine.GoTest(t, h.Machine, "./", "^"+name+"$") }
	inside("TestFirewallNFTSetInside")

	if got := strings.TrimSpace(h.run("systemctl", "is-enabled", ourUnit)); got != "enabled" {
		t.Errorf("the unit is %s", got)
	}
	links := h.run("find", "/etc/systemd/system", "-type", "l", "-printf", "%p %l\n")
	h.run("systemctl", "enable", ourUnit)
	if got := h.run("find", "/etc/systemd/system", "-type", "l", "-printf", "%p %l\n"); got != links {
		t.Errorf("systemctl enable makes of\n%s\n%s", links, got)
	}
	if out := h.run("systemd-analyze", "verify", "--man=no", ourUnit, otherUnit); out != "" {
		t.Errorf("systemd says of the units: %s", out)
	}

	for _, started := range []bool{false, true} { // as our own unit is until the first boot, and after it
		if started {
			h.reboots()
			inside("TestFirewallNFTSoundInside")
		}
		if got := h.property(ourUnit, "ActiveState"); (got == "active") != started {
			t.Errorf("our unit is %s", got)
		}
		for _, verb := range []string{"start", "reload", "restart", "reload-or-restart", "try-restart"} {
			h.run("systemctl", verb, otherUnit)
			h.run("nft", "list", "table", "inet", "filter")
			inside("TestFirewallNFTSoundInside")
		}
		h.run("systemctl", "stop", otherUnit)
		h.exits(1, "nft", "list", "table", "inet", "agent0") // who stops it has all tables flushed
		h.run("systemctl", "start", otherUnit)
		inside("TestFirewallNFTSoundInside")
		h.run("systemctl", "stop", otherUnit)
		h.run("systemctl", "restart", ourUnit)
		for _, verb := range []string{"reload", "stop", "start"} {
			h.run("systemctl", verb, ourUnit)
			inside("TestFirewallNFTSoundInside")
		}
		h.run("systemctl", "stop", ourUnit)
	}

	h.run("systemctl", "enable", otherUnit)
	h.reboots()
	h.run("nft", "list", "table", "inet", "filter")
	inside("TestFirewallNFTSoundInside")

	good := h.get(scriptPath)
	h.put(scriptPath, good+"rubbish\n", 0o644)
	h.run("systemctl", "restart", otherUnit) // is not kept from its own work
	if got := h.property(otherUnit, "Result"); got != "success" {
		t.Errorf("beside a script with an error, %s ends as %s", otherUnit, got)
	}
	inside("TestFirewallNFTRemoveInside")
	if got := h.property(ourUnit, "LoadState") + " " + h.property(ourUnit, "ActiveState"); got != "not-found inactive" {
		t.Errorf("removed, the unit is %s", got)
	}
	h.run("systemctl", "restart", otherUnit)
	h.exits(1, "nft", "list", "table", "inet", "agent0")
	if got := h.property(otherUnit, "DropInPaths"); got != "" {
		t.Errorf("removed, %s has %s", otherUnit, got)
	}
}

const (
	ourUnit    = "agent0-firewall.service"
	otherUnit  = "nftables.service"
	scriptPath = "/etc/agent0/firewall.nft"
)

// reboots boots the machine anew and asks the witness what it saw.
func (h *host) reboots() {
	h.t.Helper()
	if err := h.Reboot(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	if seen := h.get("/run/witness"); !strings.Contains(seen, "dport @guarded_tcp drop") {
		h.t.Errorf("when the network came, the table was %q", seen)
	}
	loaded, err := strconv.Atoi(h.property(ourUnit, "ExecMainExitTimestampMonotonic"))
	network, err2 := strconv.Atoi(h.property("network-pre.target", "ActiveEnterTimestampMonotonic"))
	if err != nil || err2 != nil || loaded == 0 || loaded > network {
		h.t.Errorf("loaded at %d µs, and network-pre.target reached at %d µs, %v, %v", loaded, network, err, err2)
	}
}

// firewallRules are what the machine of TestFirewallNFT is to have.
func firewallRules() []owner.Rule {
	return []owner.Rule{
		{Protocol: "tcp", Ports: []owner.Range{{First: 8000, Last: 8010}}, IPv4: true, IPv6: true, Sources: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}, Comment: "API"},
		{Protocol: "tcp", Ports: []owner.Range{{First: 22, Last: 22}}, IPv4: true, IPv6: true, Rate: &owner.Rate{Count: 10, Per: "minute"}},
		{Protocol: "udp", Ports: []owner.Range{{First: 53, Last: 53}}, IPv4: true, Interfaces: []string{"eth0", "eth1"}},
	}
}

// insideFirewall returns the machine that the test is in, and the lines of firewallRules.
func insideFirewall(t *testing.T) (*enginehost.Host, []owner.Line) {
	t.Helper()
	if os.Getenv(machine.InLab) == "" {
		t.Skip("needs to be inside a machine of the lab: TestFirewallNFT takes it there")
	}
	h, err := enginehost.Open(enginehost.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	var all []owner.Line
	for _, r := range firewallRules() {
		ls, err := nft.Owner{}.Lines(t.Context(), h.View(), r)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, ls...)
	}
	return h, all
}

func checkFirewall(t *testing.T, h *enginehost.Host, want []owner.Line) {
	t.Helper()
	s, err := nft.Owner{}.Read(t.Context(), h.View())
	if err != nil {
		t.Fatal(err)
	}
	if s.RunningDamage != "" || s.PersistentDamage != "" {
		t.Errorf("damage: %q, %q", s.RunningDamage, s.PersistentDamage)
	}
	for _, state := range []map[string]owner.Line{s.Running, s.Persistent} {
		if len(state) != len(want) || slices.ContainsFunc(slices.Collect(maps.Values(state)), func(l owner.Line) bool { return !slices.Contains(want, l) }) {
			t.Errorf("there is %v, not %v", state, want)
		}
	}
}

func TestFirewallNFTSetInside(t *testing.T) {
	h, want := insideFirewall(t)
	if err := (nft.Owner{}).SetRunning(t.Context(), h, nil, want); err != nil {
		t.Fatal(err)
	}
	if err := (nft.Owner{}).SetPersistent(t.Context(), h, nil, want); err != nil {
		t.Fatal(err)
	}
	checkFirewall(t, h, want)
}

func TestFirewallNFTSoundInside(t *testing.T) {
	h, want := insideFirewall(t)
	checkFirewall(t, h, want)
}

func TestFirewallNFTRemoveInside(t *testing.T) {
	h, want := insideFirewall(t)
	if err := (nft.Owner{}).SetRunning(t.Context(), h, want, nil); err != nil {
		t.Fatal(err)
	}
	if err := (nft.Owner{}).SetPersistent(t.Context(), h, want, nil); err != nil {
		t.Fatal(err)
	}
	checkFirewall(t, h, nil)
}
