package ufw

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/ufw/ufwtest"
)

// foreign are tuples as users have them, with the rules that ufw makes of them. One that matches what the tests want is
// among them.
const foreign = `
### tuple ### deny any any 0.0.0.0/0 any 203.0.113.5 in
-A ufw-user-input -s 203.0.113.5 -j DROP

### tuple ### allow any 9999 0.0.0.0/0 any 0.0.0.0/0 in comment=6d696e65
-A ufw-user-input -p tcp --dport 9999 -j ACCEPT
-A ufw-user-input -p udp --dport 9999 -j ACCEPT

### tuple ### deny_log tcp 8000 0.0.0.0/0 any 0.0.0.0/0 in
-A ufw-user-logging-input -p tcp --dport 8000 -m conntrack --ctstate NEW -m limit --limit 3/min --limit-burst 10 -j LOG --log-prefix "[UFW BLOCK] "
-A ufw-user-logging-input -p tcp --dport 8000 -j RETURN
-A ufw-user-input -p tcp --dport 8000 -j ufw-user-logging-input
-A ufw-user-input -p tcp --dport 8000 -j DROP

### tuple ### allow tcp 80,443 0.0.0.0/0 any 0.0.0.0/0 in
-A ufw-user-input -p tcp -m multiport --dports 80,443 -j ACCEPT

### tuple ### limit tcp 22 0.0.0.0/0 any 0.0.0.0/0 in
-A ufw-user-input -p tcp --dport 22 -m conntrack --ctstate NEW -m recent --set
-A ufw-user-input -p tcp --dport 22 -m conntrack --ctstate NEW -m recent --update --seconds 30 --hitcount 6 -j ufw-user-limit
-A ufw-user-input -p tcp --dport 22 -j ufw-user-limit-accept

### tuple ### route:allow tcp 8000 0.0.0.0/0 any 0.0.0.0/0 in_eth0!out_eth1
-A ufw-user-forward -i eth0 -o eth1 -p tcp --dport 8000 -j ACCEPT

### tuple ### allow tcp 80 0.0.0.0/0 any 0.0.0.0/0 WWW - in
-A ufw-user-input -p tcp --dport 80 -j ACCEPT -m comment --comment 'dapp_WWW'

### tuple ### allow udp 53 0.0.0.0/0 any 0.0.0.0/0 out
-A ufw-user-output -p udp --dport 53 -j ACCEPT
`

const endOfRules = "\n### END RULES ###\n"

func withForeign() string {
	return strings.Replace(ufwtest.Written("ufw"), endOfRules, foreign+endOfRules, 1)
}

func mustParse(t *testing.T, text string) tuple {
	t.Helper()
	out, ok := parseTuple(text)
	if !ok || out.text() != text {
		t.Fatalf("%q reads as %q, %t", text, out.text(), ok)
	}
	return out
}

// A file is put together again as it was, and tells which of its tuples can be lines.
func TestParseFile(t *testing.T) {
	for name, text := range map[string]string{
		"packaged": ufwtest.Packaged("ufw"), "written": ufwtest.Written("ufw"), "foreign": withForeign(), "empty": "", "no end": "*filter",
		"torn": foreign[:len(foreign)/2],
	} {
		if d := cmp.Diff(text, parseFile(ipv4(), text).String()); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	want := []string{"deny_log tcp 8000 0.0.0.0/0 any 0.0.0.0/0 in", "limit tcp 22 0.0.0.0/0 any 0.0.0.0/0 in"}
	if d := cmp.Diff(want, texts(parseFile(ipv4(), withForeign()).lines())); d != "" {
		t.Error(d)
	}
}

// Whatever is put into a file and taken out again leaves it as it was, in the place where it was.
func TestFileGoesBack(t *testing.T) {
	allowed, limited := mustParse(t, "allow tcp 8000 0.0.0.0/0 any 0.0.0.0/0 in comment=41"), mustParse(t, "limit tcp 8000 0.0.0.0/0 any 0.0.0.0/0 in")
	denied := mustParse(t, "deny_log tcp 8000 0.0.0.0/0 any 0.0.0.0/0 in")
	other := mustParse(t, "allow udp 1:9 0.0.0.0/0 any 10.0.0.1 in_eth0")
	allowed6, limited6 := mustParse(t, "allow tcp 8000 ::/0 any ::/0 in"), mustParse(t, "limit tcp 8000 ::/0 any ::/0 in")
	for name, tt := range map[string]struct {
		text    string
		f       family
		out, in []tuple
	}{
		"packaged":            {ufwtest.Packaged("ufw"), ipv4(), nil, []tuple{limited, other}},
		"packaged, for IPv6":  {ufwtest.Packaged("ufw6"), ipv6(), nil, []tuple{limited6}},
		"packaged, no limit":  {ufwtest.Packaged("ufw6"), ipv6(), nil, []tuple{allowed6}},
		"written":             {ufwtest.Written("ufw"), ipv4(), nil, []tuple{allowed, other}},
		"another's, replaced": {withForeign(), ipv4(), []tuple{denied}, []tuple{allowed, other}},
		"by a limit":          {withForeign(), ipv4(), []tuple{denied}, []tuple{limited}},
		"taken away from the packaged": {strings.Replace(ufwtest.Packaged("ufw"), rulesMark, rulesMark+foreign, 1), ipv4(),
			[]tuple{denied}, []tuple{limited, other}},
	} {
		t.Run(name, func(t *testing.T) {
			file := parseFile(tt.f, tt.text)
			check(t, file.set(tt.out, tt.in))
			once := file.String()
			have := map[string]bool{}
			for _, l := range parseFile(tt.f, once).lines() {
				have[l.Text] = true
			}
			for _, in := range tt.in {
				if !have[in.text()] {
					t.Errorf("%s is not there:\n%s", in.text(), once)
				}
			}
			check(t, file.set(tt.out, tt.in))
			if d := cmp.Diff(once, file.String()); d != "" {
				t.Errorf("a second time changes it: %s", d)
			}
			file = parseFile(tt.f, once)
			check(t, file.set(tt.in, tt.out))
			if d := cmp.Diff(tt.text, file.String()); d != "" {
				t.Error(d)
			}
		})
	}
}

// A tuple whose rules somebody changed by hand is not there, since a boot would load something else; it is put right.
func TestFileMeddledWith(t *testing.T) {
	in := mustParse(t, "allow tcp 7000 0.0.0.0/0 any 0.0.0.0/0 in")
	file := parseFile(ipv4(), ufwtest.Written("ufw"))
	check(t, file.set(nil, []tuple{in}))
	right := file.String()
	const loads = "-A ufw-user-input -p tcp --dport 7000 -j ACCEPT\n"
	file = parseFile(ipv4(), strings.Replace(right, loads, "", 1))
	if got := file.lines(); len(got) != 0 {
		t.Errorf("it has %v", got)
	}
	check(t, file.set(nil, []tuple{in}))
	if d := cmp.Diff(right, file.String()); d != "" {
		t.Error(d)
	}
}

func TestParseTuple(t *testing.T) {
	for _, text := range []string{
		"allow tcp 8000 0.0.0.0/0 any 0.0.0.0/0 in", "deny udp 1:65535 0.0.0.0/0 any 10.0.0.0/8 in_eth0.1", "reject_log-all tcp 1 ::/0 any ::0.1.0.2 in",
		"limit_log tcp 9 ::/0 any fe80::/10 in_wg-0 comment=c384", "allow tcp 9 ::/0 any ::ffff:1.2.3.4 in", "allow any 53 0.0.0.0/0 any 0.0.0.0/0 in",
		"allow tcp 9 ::/0 any ::5 in", "allow tcp 9 ::/0 any ::0.1.0.0/112 in",
	} {
		mustParse(t, text)
	}
	if old, ok := parseTuple("allow tcp 22 0.0.0.0/0 any 0.0.0.0/0"); !ok || old.text() != "allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in" {
		t.Errorf("of an old version: %v, %t", old, ok)
	}
	for _, text := range []string{
		"", "allow", "allow tcp 80 0.0.0.0/0 any 0.0.0.0/0 out", "allow tcp 80 0.0.0.0/0 any 0.0.0.0/0 out_eth0", "route:allow tcp 80 0.0.0.0/0 any 0.0.0.0/0 in",
		"allow tcp 80 0.0.0.0/0 any 0.0.0.0/0 in_eth0!out_eth1", "allow tcp 80,443 0.0.0.0/0 any 0.0.0.0/0 in", "allow tcp 80 10.0.0.1 any 0.0.0.0/0 in",
		"allow tcp 80 0.0.0.0/0 1024 0.0.0.0/0 in", "allow tcp any 0.0.0.0/0 any 0.0.0.0/0 in", "allow esp 80 0.0.0.0/0 any 0.0.0.0/0 in",
		"allow tcp 80 0.0.0.0/0 any 0.0.0.0/0 WWW - in", "allow tcp 80 0.0.0.0/0 any 10.0.0.0/255.0.255.0 in", "allow tcp 80 ::/0 any 0.0.0.0/0 in",
		"allow tcp 0 0.0.0.0/0 any 0.0.0.0/0 in", "allow tcp 9:8 0.0.0.0/0 any 0.0.0.0/0 in", "allow_more tcp 80 0.0.0.0/0 any 0.0.0.0/0 in",
		"allow tcp 80 0.0.0.0/0 any 10.0.0.1/8 in", "allow tcp 80 ::/0 any fe80::1%eth0 in",
	} {
		if got, ok := parseTuple(text); ok {
			t.Errorf("%q reads as %q", text, got.text())
		}
	}
}

// A file that is not there is made as the package's script makes it, and only where something is to go into it.
func TestFileMadeFromTemplate(t *testing.T) {
	m := hosttest.New(t, ufwtest.Config(ufwtest.Options{Offline: true}))
	m.Delete("/etc/ufw/user.rules")
	m.Delete("/etc/ufw/user6.rules")
	in := []owner.Line{mustParse(t, "allow tcp 7000 0.0.0.0/0 any 0.0.0.0/0 in").line()}
	check(t, Owner{}.SetPersistent(t.Context(), m.Host(), in, nil))
	if m.Changes() != 0 {
		t.Errorf("to take away what is not there, it did %v", m.Ops())
	}
	check(t, Owner{}.SetPersistent(t.Context(), m.Host(), nil, in))
	want := strings.Replace(ufwtest.Packaged("ufw"), rulesMark, rulesMark+newPiece(mustParse(t, in[0].Text)).text, 1)
	if d := cmp.Diff(want, m.Get("/etc/ufw/user.rules")); d != "" {
		t.Error(d)
	}
	info, err := m.View().Files.Stat("/etc/ufw/user.rules")
	check(t, err)
	if info.Mode != freshMode {
		t.Errorf("its mode is %o", info.Mode)
	}
	m.Delete("/etc/ufw/user.rules")
	m.Delete("/usr/share/ufw")
	if err := (Owner{}).SetPersistent(t.Context(), m.Host(), nil, in); err == nil || !strings.Contains(err.Error(), "install ufw again") {
		t.Error(err)
	}
}
