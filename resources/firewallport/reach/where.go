package reach

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/resources/firewallport/ruleset"
)

// Where is a rule, or the policy of a chain.
type Where struct {
	Family       ruleset.Family
	Table, Chain string
	// Owner is whose table it is, such as firewalld; empty where its name and chains do not tell.
	Owner string
	// Rule is its number in the chain, from 1; 0 with Policy or where a whole chain is meant.
	Rule    int
	Handle  uint64
	Comment string
	Policy  bool
	// Does is what it does: accept, drop, reject, jump to a chain and so on.
	Does string
	// Why says what is not known about it, what it bounds or what was assumed.
	Why string
}

// String is such as "rule 12 of chain filter_INPUT of firewalld's table (inet firewalld): reject".
func (w *Where) String() string {
	if w == nil {
		return "no rule"
	}
	var s strings.Builder
	switch {
	case w.Policy:
		s.WriteString("the policy of ")
	case w.Rule > 0 && w.Comment != "":
		fmt.Fprintf(&s, "rule %d (%s) of ", w.Rule, w.Comment)
	case w.Rule > 0:
		fmt.Fprintf(&s, "rule %d of ", w.Rule)
	}
	fmt.Fprintf(&s, "chain %s of ", w.Chain)
	if w.Owner != "" {
		fmt.Fprintf(&s, "%s table (%s %s)", possessive(w.Owner), w.Family, w.Table)
	} else {
		fmt.Fprintf(&s, "table %s %s", w.Family, w.Table)
	}
	if w.Does != "" {
		s.WriteString(": " + w.Does)
	}
	if w.Why != "" {
		s.WriteString(" (" + w.Why + ")")
	}
	return s.String()
}

func possessive(owner string) string {
	if owner == Ours {
		return "agent0-converge's"
	}
	if strings.HasSuffix(owner, "s") {
		return owner + "'"
	}
	return owner + "'s"
}

func (r *ref) where() *Where {
	if r == nil || r.chain == nil {
		return nil
	}
	t := r.chain.table
	w := &Where{Family: t.src.Family, Table: t.src.Name, Chain: r.chain.src.Name, Owner: ownerOfChain(r.chain), Does: r.does, Why: r.why}
	if r.rule == nil {
		w.Policy = !r.chain.accepts && r.does != ""
		return w
	}
	w.Rule, w.Handle, w.Comment = r.rule.src.Number, r.rule.src.Handle, r.rule.src.Comment
	return w
}

// Ours is the name of this program's own table, and what Where.Owner has for it.
const Ours = "agent0"

// ownerOf tells by its name, and in tables of iptables-nft by its chains, whose a table is.
func ownerOf(t *ruleset.Table) string {
	name := strings.ToLower(t.Name)
	for _, o := range []struct{ prefix, owner string }{
		{"firewalld", "firewalld"}, {"docker", "docker"}, {"libvirt", "libvirt"}, {"f2b-", "fail2ban"}, {"fail2ban", "fail2ban"},
		{"crowdsec", "crowdsec"}, {"kube-proxy", "kube-proxy"}, {"netavark", "netavark"}, {"podman", "podman"}, {"cali", "calico"},
		{"tailscale", "tailscale"}, {"incus", "incus"}, {"lxd", "lxd"}, {"ufw", "ufw"}, {"shorewall", "shorewall"},
	} {
		if strings.HasPrefix(name, o.prefix) {
			return o.owner
		}
	}
	switch {
	case t.Family == ruleset.Inet && t.Name == Ours:
		return Ours
	case t.Family == ruleset.Inet && name == "filter":
		return "nftables.conf" // /etc/nftables.conf as distributions ship it
	case t.Family == ruleset.IPv4 || t.Family == ruleset.IPv6:
		return byChains(t)
	}
	return ""
}

// byChains tells who put chains into one of the tables that iptables-nft has: the one that filters what comes in first, since ufw,
// docker and others share it.
func byChains(t *ruleset.Table) string {
	if !slices.Contains([]string{"filter", "nat", "mangle", "raw", "security"}, t.Name) {
		return ""
	}
	for _, o := range chainOwners {
		if slices.ContainsFunc(t.Chains, func(c *ruleset.Chain) bool { return strings.HasPrefix(c.Name, o.prefix) }) {
			return o.owner
		}
	}
	return "iptables"
}

// chainOwners are the beginnings of the names of chains.
var chainOwners = []struct{ prefix, owner string }{
	{"ufw", "ufw"}, {"KUBE-", "kube-proxy"}, {"cali-", "calico"}, {"CROWDSEC", "crowdsec"}, {"f2b-", "fail2ban"},
	{"LIBVIRT_", "libvirt"}, {"DOCKER", "docker"}, {"ts-", "tailscale"},
}

// ownerOfChain is the owner of the chain, where its name tells, else of the table.
func ownerOfChain(c *chain) string {
	if c.src.Base == nil {
		for _, o := range chainOwners {
			if strings.HasPrefix(c.src.Name, o.prefix) {
				return o.owner
			}
		}
	}
	return c.table.owner
}
