package scenarios

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/agent0-converge/agent0-converge/internal/lab/machine"
)

// withFirewalls is a machine on which firewalld runs and ufw is installed and off. libpam-systemd is what firewalld's
// polkitd needs to be configured, netbase has the protocols that its services name. It may be started any number of times
// in a row.
func withFirewalls(t *testing.T) *host {
	t.Helper()
	h := &host{machine.Booted(t, machine.Options{
		InMemory: true, Packages: []string{"firewalld", "iproute2", "libpam-systemd", "netbase", "ufw"},
	}), t}
	if err := h.InstallAgent(); err != nil {
		t.Fatal(err)
	}
	h.put("/etc/systemd/system/firewalld.service.d/lab.conf", "[Unit]\nStartLimitIntervalSec=0\n", 0o644)
	h.run("systemctl", "daemon-reload")
	return h
}

const (
	firewallPlan = "/root/firewall.hcl"
	ports        = `
plan { name = "firewall" }

firewall_port "api" {
  port    = 8000
  sources = ["192.168.0.0/16", "fd00::/8"]
}

firewall_port "stream" {
  port = 8765
}
`
	morePorts = `
plan { name = "firewall" }

firewall_port "api" {
  port    = 8000
  sources = ["192.168.0.0/16", "10.0.0.0/8", "fd00::/8"]
}

firewall_port "discovery" {
  port     = "5353-5360"
  protocol = "udp"
}
`
)

// owned is what holds whoever owns the firewall.
type owned struct {
	*host
	// picture is everything that the owner has, running and persistent, without what it counts.
	picture func() string
	// survives are what its rules have to outlive, besides a reboot.
	survives [][]string
}

// keepsPromises: applied, the second apply is empty, what was deleted by hand comes back, a change, a dropped block and an
// undo do no more than they say, all of it outlives the owner's reload and restart and a reboot, and all is as it was in
// the end.
func (o owned) keepsPromises() {
	o.t.Helper()
	before := o.picture()
	o.applied(ports)
	with := o.picture()
	for _, argv := range o.survives {
		o.run(argv...)
		o.unchanged(firewallPlan)
		o.same("after "+strings.Join(argv, " "), with, o.picture())
	}
	o.applied(morePorts)
	o.run(agent, "undo")
	o.same("after the undo of a change", with, o.picture())
	o.run(agent, "undo")
	o.applied(morePorts)
	o.applied(ports)
	o.same("after a change and back", with, o.picture())
	if err := o.Reboot(o.t.Context()); err != nil {
		o.t.Fatal(err)
	}
	o.unchanged(firewallPlan)
	o.same("after a reboot", with, o.picture())
	o.applied("plan { name = \"firewall\" }\n")
	o.same("when all is dropped", before, o.picture())
}

// applied applies a plan, after which there is nothing left to do.
func (o owned) applied(plan string) {
	o.t.Helper()
	o.put(firewallPlan, plan, 0o600)
	o.run(agent, "apply", "--allow-prune", firewallPlan)
	o.unchanged(firewallPlan)
}

// same fails the test unless two pictures are equal.
func (o owned) same(what, before, after string) {
	o.t.Helper()
	if d := cmp.Diff(strings.Split(before, "\n"), strings.Split(after, "\n")); d != "" {
		o.t.Errorf("%s (-before +after):\n%s", what, d)
	}
}

// packetFilter is what nft lists, without what the kernel numbers and counts. Tables come in the order of their names: of
// two, the one that is replaced goes to the end.
func (h *host) packetFilter() string {
	var listed struct{ Nftables []json.RawMessage }
	if err := json.Unmarshal([]byte(h.run("nft", "-j", "list", "ruleset")), &listed); err != nil {
		h.t.Fatal(err)
	}
	var lines []string
	for _, l := range listed.Nftables {
		lines = append(lines, counted.ReplaceAllString(string(l), `"$1": 0`))
	}
	slices.SortStableFunc(lines, func(a, b string) int { return strings.Compare(tableOf(a), tableOf(b)) })
	return strings.Join(lines, "\n")
}

var (
	counted = regexp.MustCompile(`"(handle|bytes|packets)": ?\d+`)
	tabled  = regexp.MustCompile(`"family": ?"([^"]*)".*?"(?:table|name)": ?"([^"]*)"`)
)

// tableOf names the table that an object is of.
func tableOf(object string) string {
	if m := tabled.FindStringSubmatch(object); m != nil {
		return m[1] + " " + m[2]
	}
	return ""
}

// others are rules of somebody else.
const others = `table inet filter {
	chain input {
		type filter hook input priority filter; policy accept;
		tcp dport 4444 drop comment "not ours"
	}
}
`

// TestFirewallOfNobody: nobody owns the firewall, and a table of ours does.
func TestFirewallOfNobody(t *testing.T) {
	h := booted(t)
	h.put("/etc/nftables.conf", "flush ruleset\n"+others, 0o644)
	h.run("systemctl", "enable", "--now", "nftables.service")
	o := owned{h, func() string {
		return h.packetFilter() + h.run("find", "/etc", "-path", "*agent0*")
	},
		[][]string{{"systemctl", "reload", "nftables"}, {"systemctl", "restart", "nftables"}, {"systemctl", "restart", "agent0-firewall"}}}
	o.keepsPromises()

	// What somebody does by hand is drift, and is put right.
	o.applied(ports)
	with := o.picture()
	for _, argv := range [][]string{
		{"nft", "delete", "table", "inet", "agent0"},
		{"nft", "insert", "rule", "inet", "agent0", "input", "tcp", "dport", "8000", "drop"},
		{"nft", "flush", "chain", "inet", "agent0", "input"},
		{"rm", "/etc/agent0/firewall.nft"},
		{"systemctl", "disable", "agent0-firewall.service"},
	} {
		h.run(argv...)
		h.exits(2, agent, "plan", "--detailed-exitcode", firewallPlan)
		h.run(agent, "apply", firewallPlan)
		h.unchanged(firewallPlan)
		o.same("put right after "+strings.Join(argv, " "), with, o.picture())
	}

	// What cannot be done is said before anything changes.
	h.put("/tmp/refused.hcl", "firewall_port \"x\" {\n  port = 4445\n}\n", 0o644)
	o.refused("run as root", "runuser", "-u", "nobody", "--")
	o.refused("run as root, or with CAP_NET_ADMIN", "setpriv", "--bounding-set", "-net_admin", "--")
	h.put("/tmp/refused.hcl", "firewall_port \"x\" {\n  port = 4445\n  interfaces = [\"wlan9\"]\n}\n", 0o644)
	o.refused("the host has no interface wlan9")
	h.put("/tmp/refused.hcl", "firewall_port \"x\" {\n  port = 4445\n  backend = \"ufw\"\n}\n", 0o644)
	o.refused("ufw is not active on this host")

	// A rule of somebody else that drops what a block lets in is told, and refused where the block is strict.
	h.put(firewallPlan, "firewall_port \"x\" {\n  port = 4444\n}\n", 0o600)
	if out := h.run(agent, "plan", firewallPlan); !strings.Contains(out, "(not ours) of chain input of nftables.conf's table (inet filter): drop") {
		t.Errorf("the plan does not say what drops the port:\n%s", out)
	}
	h.put(firewallPlan, "firewall_port \"x\" {\n  port = 4444\n  strict = true\n}\n", 0o600)
	h.exits(1, agent, "apply", firewallPlan)
	o.same("a plan that was refused", with, o.picture())
}

// refused is a plan that is an error, and of which an apply changes nothing.
func (o owned) refused(says string, argv ...string) {
	o.t.Helper()
	before := o.picture()
	if out := o.exits(1, append(argv, agent, "plan", "/tmp/refused.hcl")...); !strings.Contains(out, says) {
		o.t.Errorf("the plan does not say %q:\n%s", says, out)
	}
	o.exits(1, append(argv, agent, "apply", "/tmp/refused.hcl")...)
	o.same("after a plan that was refused", before, o.picture())
}

// TestFirewalldOwns: firewalld runs, and ufw is installed.
func TestFirewalldOwns(t *testing.T) {
	h := withFirewalls(t)
	owned{h, func() string {
		// In which order it has its rules is firewalld's own affair.
		all := strings.Split(h.run("firewall-cmd", "--list-all-zones")+h.run("firewall-cmd", "--permanent", "--list-all-zones")+h.packetFilter(), "\n")
		slices.Sort(all)
		return strings.Join(all, "\n")
	}, [][]string{{"firewall-cmd", "--reload"}, {"systemctl", "restart", "firewalld"}}}.keepsPromises()
	h.run("systemctl", "stop", "firewalld")
	h.put("/tmp/refused.hcl", ports, 0o644)
	owned{h, h.packetFilter, nil}.refused("firewalld is enabled and does not run")
	if out := h.run("ufw", "status"); !strings.Contains(out, "inactive") {
		t.Errorf("ufw was switched on:\n%s", out)
	}
}

// TestUfwOwns: ufw is enabled, and firewalld is masked.
func TestUfwOwns(t *testing.T) {
	h := withFirewalls(t)
	h.run("systemctl", "mask", "--now", "firewalld")
	h.run("ufw", "--force", "enable")
	h.run("ufw", "allow", "4444/tcp")
	h.run("ufw", "reload") // ufw enable leaves out rules that a reload has
	owned{h, func() string {
		return h.run("ufw", "status", "verbose") + h.run("cat", "/etc/ufw/user.rules", "/etc/ufw/user6.rules") +
			h.run("sh", "-c", "(iptables-save; ip6tables-save) | sed '/^#/d; s/\\[[0-9:]*\\]//'")
	}, [][]string{{"ufw", "reload"}, {"systemctl", "restart", "ufw"}}}.keepsPromises()
	h.exits(3, "systemctl", "is-active", "--quiet", "firewalld")
}

// TestFirewallsOff: both are installed and neither is on, nor is it afterwards.
func TestFirewallsOff(t *testing.T) {
	h := withFirewalls(t)
	h.run("systemctl", "disable", "--now", "firewalld")
	owned{h, h.packetFilter, [][]string{{"nft", "-f", "/etc/agent0/firewall.nft"}}}.keepsPromises()
	if out := h.run("ufw", "status"); !strings.Contains(out, "inactive") {
		t.Errorf("ufw was switched on:\n%s", out)
	}
	h.exits(3, "systemctl", "is-active", "--quiet", "firewalld")
}
