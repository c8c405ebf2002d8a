package firewallport

import (
	"testing"

	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
	"github.com/agent0-converge/agent0-converge/internal/lab/netns"
)

// proved asks of a host with the rules whether a block does what it is for.
func proved(t *testing.T, rules string, spec Spec, gone, pending bool) (warning, err error) {
	t.Helper()
	here, _ := netns.Pair(t)
	if out, err := here.Try([]byte(rules), "nft", "-f", "-"); err != nil {
		t.Fatalf("nft: %v\n%s", err, out)
	}
	m := hosttest.New(t, hosttest.Config{Net: func(testing.TB) hosttest.Net { return network{here, t} }})
	spec, err = decoded(spec)
	if err != nil {
		t.Fatal(err)
	}
	spec.Gone = gone
	return resource{}.Prove(t.Context(), m.View(), &spec, pending)
}

const dropped = `
table inet filter {
	chain input {
		type filter hook input priority filter; policy accept;
		tcp dport 22 accept
		ip saddr 192.0.2.0/24 tcp dport 8000-8010 drop comment "by mistake"
	}
}
`

func TestProve(t *testing.T) {
	for _, c := range []struct {
		name, rules string
		spec        Spec
		gone        bool
		warns, errs string
	}{
		{name: "nobody has a rule", spec: Spec{Port: "8000"}},
		{name: "dropped for a neighbour", rules: dropped, spec: Spec{Port: "8000"},
			warns: `tcp 8000 from 192.0.2.254 on eth0 does not get in: rule 2 (by mistake) of chain input of nftables.conf's table (inet filter): drop`},
		{name: "strict", rules: dropped, spec: Spec{Port: "8000", Strict: true}, errs: "does not get in"},
		{name: "the end of a range", rules: dropped, spec: Spec{Port: "7000-8005"}, warns: "tcp 8005 from 192.0.2.254 on eth0"},
		{name: "another source", rules: dropped, spec: Spec{Port: "8000", Sources: []string{"10.0.0.0/8"}}},
		{name: "another port", rules: dropped, spec: Spec{Port: "22"}},
		{name: "a policy", rules: "table ip x { chain c { type filter hook input priority 7; policy drop; }; }", spec: Spec{Port: "8000"},
			warns: "does not get in: the policy of chain c of table ip x: drop"},
		{name: "a policy of the other family", rules: "table ip x { chain c { type filter hook input priority 7; policy drop; }; }", spec: Spec{Port: "8000", Family: "ipv6"}},
		{name: "absent and let in", spec: Spec{Port: "23"}, gone: true, warns: "tcp 23 from 192.0.2.254 on eth0 is still let in: no rule looks at it"},
		{name: "absent and let in, strictly", spec: Spec{Port: "23", Strict: true}, gone: true, errs: "is still let in"},
		{name: "absent and kept out", rules: "table inet x { chain c { type filter hook input priority 0; policy drop; }; }", spec: Spec{Port: "23", Strict: true}, gone: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			warning, err := proved(t, c.rules, c.spec, c.gone, false)
			for _, said := range []struct {
				what, want string
				err        error
			}{{"the warning", c.warns, warning}, {"the error", c.errs, err}} {
				switch {
				case said.want == "" && said.err != nil:
					t.Errorf("%s is %v", said.what, said.err)
				case said.want != "" && said.err == nil:
					t.Errorf("%s is nothing, want %q", said.what, said.want)
				case said.want != "":
					has(t, said.what, said.err.Error(), said.want)
				}
			}
		})
	}
}

// An image has no packets to follow.
func TestProveInAnImage(t *testing.T) {
	m := hosttest.New(t, hosttest.Config{Offline: true})
	if warning, err := (resource{}).Prove(t.Context(), m.View(), &Spec{Port: "1", Strict: true}, true); warning != nil || err != nil {
		t.Errorf("%v, %v", warning, err)
	}
}

// Rules of the older iptables are told of: nobody looked at them.
func TestLegacy(t *testing.T) {
	n := net("")(t)
	m := hosttest.New(t, hosttest.Config{
		Net: func(testing.TB) hosttest.Net { return n }, Files: map[string]hosttest.File{"/proc/net/ip_tables_names": {Content: "filter\n"}},
	})
	spec, _ := decoded(Spec{Port: "8000"})
	warning, err := resource{}.Prove(t.Context(), m.View(), &spec, false)
	if err != nil || warning == nil {
		t.Fatal(warning, err)
	}
	has(t, "the warning", warning.Error(), "iptables-legacy-save lists them")
}
