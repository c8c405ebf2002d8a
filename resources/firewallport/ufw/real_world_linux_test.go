package ufw

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/internal/lab/machine"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// real is a system of its own with ufw switched on, and with rules of others.
type real struct {
	t *testing.T
	h *host.Host
}

// others are the rules of others, in words of ufw's command.
func others() []string {
	return []string{
		"deny from 203.0.113.5", "allow 9999 comment mine", "deny log 8000/tcp", "allow 80,443/tcp", "limit 22/tcp comment 'the way in'",
		"route allow in on eth0 out on eth1 to any port 8000 proto tcp", "allow WWW", "allow out 53/udp",
		"allow from 2001:db8::/32 to any port 1 proto udp", "reject log-all 6000/udp", "allow in on lo to any port 6001 proto tcp",
	}
}

func onReal(t *testing.T) *real {
	t.Helper()
	if os.Getenv(machine.InLab) == "" {
		t.Skip("needs to be inside a machine of the lab with ufw: TestUfw of internal/lab/scenarios takes it there")
	}
	h, err := host.Open(host.Options{})
	check(t, err)
	t.Cleanup(func() { h.Close() })
	r := &real{t, h}
	r.sh("ufw --force reset >/dev/null && rm -f /etc/ufw/*.rules.20* && ufw logging low && ufw --force enable && ufw reload")
	return r
}

// with has the rules of others.
func (r *real) with(commands ...string) *real {
	r.t.Helper()
	for _, c := range commands {
		r.sh("ufw " + c)
	}
	return r
}

func (r *real) sh(script string) string {
	r.t.Helper()
	out, err := exec.Command("sh", "-ec", script).CombinedOutput()
	if err != nil {
		r.t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return string(out)
}

var counters = regexp.MustCompile(`\[\d+:\d+\]|(?m)^#.*$`)

// etc is all that ufw has in /etc, byte for byte.
func (r *real) etc() string {
	r.t.Helper()
	var out strings.Builder
	for _, top := range []string{"/etc/ufw", "/etc/default/ufw"} {
		check(r.t, filepath.WalkDir(top, func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			check(r.t, err)
			b, err := os.ReadFile(p)
			st := info.Sys().(*syscall.Stat_t)
			text := fmt.Sprintf("%x", sha256.Sum256(b))
			if strings.HasPrefix(filepath.Base(p), "user") {
				text = string(b)
			}
			fmt.Fprintf(&out, "%s %s %d:%d %s\n", p, info.Mode(), st.Uid, st.Gid, text)
			return err
		}))
	}
	return out.String()
}

// kernel is what runs, without counters.
func (r *real) kernel() string {
	r.t.Helper()
	return counters.ReplaceAllString(r.sh("iptables-save; ip6tables-save"), "")
}

func (r *real) picture() string {
	r.t.Helper()
	return r.etc() + r.kernel() + r.sh("ufw status verbose")
}

func (r *real) same(what, want, got string) {
	r.t.Helper()
	if d := cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")); d != "" {
		r.t.Errorf("%s: %s", what, d)
	}
}

func (r *real) read() *owner.State {
	r.t.Helper()
	s, err := Owner{}.Read(r.t.Context(), r.h.View())
	check(r.t, err)
	return s
}

func (r *real) lines(rules ...owner.Rule) (out []owner.Line) {
	r.t.Helper()
	for _, rule := range rules {
		ls, err := Owner{}.Lines(r.t.Context(), r.h.View(), rule)
		check(r.t, err)
		out = append(out, ls...)
	}
	return out
}

func (r *real) run(out, in []owner.Line) {
	r.t.Helper()
	check(r.t, Owner{}.SetRunning(r.t.Context(), r.h, out, in))
}

func (r *real) persist(out, in []owner.Line) {
	r.t.Helper()
	check(r.t, Owner{}.SetPersistent(r.t.Context(), r.h, out, in))
}

// has fails the test unless the lines are in both states, or in neither.
func (r *real) has(what string, in []owner.Line, want bool) {
	r.t.Helper()
	s := r.read()
	for _, l := range in {
		if (s.Persistent[l.Key] == l) != want || (s.Running[l.Key] == owner.Running(Owner{}, l)) != want {
			r.t.Errorf("%s: %q is %q in the files and %q in the kernel", what, l.Text, s.Persistent[l.Key].Text, s.Running[l.Key].Text)
		}
	}
}
