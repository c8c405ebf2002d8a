package firewallport

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
	"github.com/agent0-converge/agent0-converge/internal/lab/netns"
)

// network is a namespace whose packet filter a machine shows with all that it is.
type network struct {
	*netns.NS
	t testing.TB
}

// Snapshot is what nft lists, an object a line, without what the kernel numbers and counts.
func (n network) Snapshot() map[string]string {
	n.t.Helper()
	var listed struct{ Nftables []map[string]any }
	if err := json.Unmarshal([]byte(n.Run("nft", "-j", "list", "ruleset")), &listed); err != nil {
		n.t.Fatal(err)
	}
	out := map[string]string{}
	for i, object := range listed.Nftables {
		plain(object)
		b, err := json.Marshal(object)
		if err != nil {
			n.t.Fatal(err)
		}
		out[fmt.Sprintf("nft %06d", i)] = string(b)
	}
	return out
}

// plain takes out what the kernel numbers and counts.
func plain(v any) {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range []string{"handle", "packets", "bytes"} {
			delete(v, name)
		}
		for _, e := range v {
			plain(e)
		}
	case []any:
		for _, e := range v {
			plain(e)
		}
	}
}

// foreign are rules of somebody else, which nothing of ours may touch.
const foreign = `
table inet filter {
	set trusted { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 192.0.2.7 } }
	chain input {
		type filter hook input priority filter; policy accept;
		ct state established,related counter accept
		ip saddr @trusted tcp dport { 22, 80-90 } accept comment "not ours"
	}
}
`

// net makes a network with an interface eth0 whose packet filter has the rules.
func net(rules string) func(testing.TB) hosttest.Net {
	return func(t testing.TB) hosttest.Net {
		t.Helper()
		n := network{netns.New(t), t}
		n.Run("ip", "link", "add", "eth0", "type", "veth", "peer", "eth1")
		if out, err := n.Try([]byte(rules), "nft", "-f", "-"); err != nil {
			t.Fatalf("nft: %v\n%s", err, out)
		}
		return n
	}
}

// files are those of a machine with systemd and nft, where no other firewall is installed.
func files(more map[string]hosttest.File) map[string]hosttest.File {
	out := map[string]hosttest.File{
		"/usr/sbin/nft": {Content: "the program", Mode: 0o755}, "/etc/systemd/system": {Dir: true},
		"/usr/lib/systemd/systemd": {Content: "the program", Mode: 0o755},
		// Somebody at a console, which is process 1.
		"/proc/self": {Link: "1"}, "/proc/1/stat": {Content: "1 (agent) S 0" + strings.Repeat(" 0", 20)}, "/proc/1/environ": {},
	}
	for name, f := range more {
		out[name] = f
	}
	return out
}

// has fails the test unless text is in what was said.
func has(t *testing.T, what, said, text string) {
	t.Helper()
	if !strings.Contains(said, text) {
		t.Errorf("%s does not say %q:\n%s", what, text, said)
	}
}
