package ufw

import (
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/resources/firewallport/ufw/ufwtest"
)

// Whatever is in a file, it is put together again as it was, and what is put into it is there and goes again.
func FuzzFile(f *testing.F) {
	for _, text := range []string{ufwtest.Packaged("ufw"), ufwtest.Written("ufw"), withForeign(), "### tuple ### allow tcp 1 0.0.0.0/0 any 0.0.0.0/0 in", "\n\n" + rulesMark} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file := parseFile(ipv4(), text)
		if got := file.String(); got != text {
			t.Fatalf("%q became %q", text, got)
		}
		in := mustParse(t, "allow tcp 54321 0.0.0.0/0 any 10.9.8.7 in_fuzz0")
		for _, p := range file.pieces {
			if p.tuple != nil && p.tuple.key() == in.key() {
				return
			}
		}
		if file.find(rulesMark) < 0 || !strings.HasSuffix(text, "\n") { // which iptables-restore does not load
			return
		}
		check(t, file.set(nil, []tuple{in}))
		with := parseFile(ipv4(), file.String())
		if with.limited() != file.limited() || len(with.lines()) == 0 {
			t.Fatalf("it is not there: %q", file.String())
		}
		check(t, with.set([]tuple{in}, nil))
		if got := with.String(); got != text {
			t.Fatalf("%q became %q", text, got)
		}
	})
}

// Whatever iptables-save prints, it is read without harm.
func FuzzKernel(f *testing.F) {
	file := parseFile(ipv4(), withForeign())
	for _, line := range []string{
		`-p tcp -m tcp --dport 22 -m recent --set --name DEFAULT --mask 255.255.255.255 --rsource`, `! -s 10.0.0.0/8 -j "a \" b"`, `-p`, `-j -j -m`,
		`-A ufw-user-input -p udp -m multiport --dports 1:9 -j ufw-user-logging-input`,
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, text string) {
		k := parseKernel(ipv4(), "*filter\n:ufw-user-input - [0:0]\n-A ufw-user-input "+text+"\nCOMMIT\n")
		b := &batch{kernel: k}
		var out []tuple
		for _, l := range k.lines(file) {
			out = append(out, mustParse(t, l.Text))
		}
		b.set(own(k.spans(), file), out, nil)
	})
}
