package sysctl

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

// bootIn boots the folder $1 as far as parameters go, in mounts and a network of its own: its files
// are the folder's, its programs and its kernel this machine's. $2 is the program that sets them.
const bootIn = `set -eu
root=$1; program=$2; shift 2
mkdir -p "$root/proc" "$root/dev" "$root/usr" "$root/saved/lib" "$root/saved/local"
[ ! -d "$root/usr/lib/sysctl.d" ] || cp -a "$root/usr/lib/sysctl.d/." "$root/saved/lib"
[ ! -d "$root/usr/local/lib/sysctl.d" ] || cp -a "$root/usr/local/lib/sysctl.d/." "$root/saved/local"
for d in proc dev usr; do mount --rbind "/$d" "$root/$d"; done
for d in bin sbin lib lib64; do ln -s "usr/$d" "$root/$d"; done
mount -t tmpfs none "$root/usr/lib/sysctl.d"
cp -a "$root/saved/lib/." "$root/usr/lib/sysctl.d"
mount -t tmpfs none "$root/usr/local/lib"
mkdir "$root/usr/local/lib/sysctl.d"
cp -a "$root/saved/local/." "$root/usr/local/lib/sysctl.d"
chroot "$root" $program >&2
for key; do cat "/proc/sys/$key"; done
`

// keys belong to the network, so that the test's own kernel state is all that is set.
func keys() []string {
	return []string{"net/ipv4/ip_default_ttl", "net/ipv4/conf/all/rp_filter", "net/ipv4/conf/default/rp_filter", "net/ipv4/conf/lo/rp_filter", "net/ipv4/tcp_rmem"}
}

// layouts are files of parameters as hosts have them.
func layouts() map[string]map[string]string {
	const (
		etc, run, local, lib = "/etc/sysctl.d/", "/run/sysctl.d/", "/usr/local/lib/sysctl.d/", "/usr/lib/sysctl.d/"
		ttl                  = "net.ipv4.ip_default_ttl"
		own                  = "60-agent0-net.ipv4.ip_default_ttl.conf"
	)
	return map[string]map[string]string{
		"nothing":                          {},
		"ours alone":                       {etc + own: ttl + " = 10\n"},
		"a later name":                     {etc + own: ttl + " = 10\n", etc + "99-x.conf": ttl + " = 20\n"},
		"an earlier name":                  {etc + own: ttl + " = 10\n", etc + "10-x.conf": ttl + " = 20\n"},
		"a later name in another folder":   {etc + own: ttl + " = 10\n", lib + "70-x.conf": ttl + " = 20\n"},
		"an earlier name in a first one":   {etc + "10-x.conf": ttl + " = 20\n", lib + "70-x.conf": ttl + " = 30\n"},
		"one name, etc before run":         {etc + "50-x.conf": ttl + " = 11\n", run + "50-x.conf": ttl + " = 12\n"},
		"one name, run before local":       {run + "50-x.conf": ttl + " = 12\n", local + "50-x.conf": ttl + " = 13\n"},
		"one name, local before lib":       {local + "50-x.conf": ttl + " = 13\n", lib + "50-x.conf": ttl + " = 14\n"},
		"a name that hides another's keys": {etc + "50-x.conf": "net.ipv4.tcp_rmem = 4096 5000 6000\n", lib + "50-x.conf": ttl + " = 14\n"},
		"a mask":                           {etc + "50-x.conf": "-> /dev/null", lib + "50-x.conf": ttl + " = 14\n"},
		"a link to the main file":          {"/etc/sysctl.conf": ttl + " = 21\n", etc + "99-sysctl.conf": "-> ../sysctl.conf", etc + own: ttl + " = 10\n"},
		"the main file":                    {"/etc/sysctl.conf": ttl + " = 21\n", etc + own: ttl + " = 10\n"},
		"twice in a file":                  {etc + "x.conf": ttl + " = 10\n" + ttl + "=20\n"},
		"slashes and dots":                 {etc + "1.conf": ttl + " = 10\n", etc + "2.conf": "net/ipv4/ip_default_ttl = 20\n"},
		"a pattern and a name after it":    {etc + "1.conf": "net.ipv4.conf.*.rp_filter = 2\n", etc + "2.conf": "net.ipv4.conf.lo.rp_filter = 1\n"},
		"a name and a pattern after it":    {etc + "1.conf": "net.ipv4.conf.lo.rp_filter = 1\n", etc + "2.conf": "net.ipv4.conf.*.rp_filter = 2\n"},
		"two patterns":                     {etc + "1.conf": "net.ipv4.conf.[az]*.rp_filter = 1\n", etc + "2.conf": "net.ipv4.conf.?[!eo]*.rp_filter = 2\n"},
		"a pattern without one":            {etc + "1.conf": "net.ipv4.conf.*.rp_filter = 2\n-net.ipv4.conf.all.rp_filter\n"},
		"errors that do not count":         {etc + "1.conf": "-" + ttl + " = 30\n-net.ipv4.none = 1\n"},
		"values with tabs":                 {etc + "1.conf": "net.ipv4.tcp_rmem =  4096\t5000   6000 \n"},
		"comments and rubbish":             {etc + "1.conf": "# " + ttl + " = 1\n; " + ttl + " = 2\n\n   " + ttl + "=33   \n"},
		"no .conf":                         {etc + "1.conf": ttl + " = 10\n", etc + "2.conf.bak": ttl + " = 20\n", etc + "3": ttl + " = 30\n"},
		"dot files":                        {etc + "1.conf": ttl + " = 10\n", etc + ".2.conf": ttl + " = 20\n"},
	}
}

// What is said to win at boot is what wins: systemd and sysctl(8) themselves set the parameters of a
// network that is the test's own.
func TestBootOrder(t *testing.T) {
	if os.Geteuid() != 0 || exec.Command("unshare", "-m", "-n", "true").Run() != nil {
		t.Skip("needs root, mount and network namespaces")
	}
	if len(layouts()) < 15 {
		t.Fatalf("only %d layouts", len(layouts()))
	}
	for _, program := range []struct {
		path, args string
		main       bool
	}{{"/usr/lib/systemd/systemd-sysctl", "", false}, {"/usr/sbin/sysctl", " -q --system", true}} {
		t.Run(program.path, func(t *testing.T) {
			if _, err := os.Stat(program.path); err != nil {
				t.Skipf("needs %s", program.path)
			}
			initial := booted(t, nil, "true")
			for name, layout := range layouts() {
				t.Run(name, func(t *testing.T) {
					got := booted(t, layout, program.path+program.args)
					want := predicted(t, layout, program.main)
					for i, key := range keys() {
						if want[i] == "" {
							want[i] = initial[i]
						}
						if !same(got[i], want[i]) {
							t.Errorf("%s is %q, and %q was to win", key, got[i], want[i])
						}
					}
				})
			}
			t.Logf("%d layouts", len(layouts()))
		})
	}
}

func machine(t *testing.T, layout map[string]string) *hosttest.Machine {
	t.Helper()
	fs := files{"/etc/sysctl.d": {Dir: true}}
	for name, content := range layout {
		fs[name] = text(content)
		if target, ok := strings.CutPrefix(content, "-> "); ok {
			fs[name] = hosttest.File{Link: target}
		}
	}
	return hosttest.New(t, hosttest.Config{Files: fs})
}

// booted are the values of the keys once the program has run.
func booted(t *testing.T, layout map[string]string, program string) []string {
	t.Helper()
	args := append([]string{"-m", "-n", "sh", "-c", bootIn, "sh", machine(t, layout).Path("/"), program}, keys()...)
	cmd := exec.Command("unshare", args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
}

// predicted are the values that are said to win, "" where none is.
func predicted(t *testing.T, layout map[string]string, main bool) []string {
	t.Helper()
	own := (&Spec{Name: "net.ipv4.ip_default_ttl"}).file()
	as, err := boot(machine(t, layout).View(), own, layout[own], main)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, key := range keys() {
		value := ""
		if w := wins(as, key); w != nil {
			value = w.value
		}
		out = append(out, value)
	}
	return out
}
