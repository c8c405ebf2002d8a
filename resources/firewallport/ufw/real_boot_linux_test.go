package ufw

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/internal/lab/machine"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// imageRules are what the image gets: a limit of IPv6 among them, for which the packaged file has no chains.
func imageRules() []owner.Rule {
	limited := wide("tcp", 2222, 2222)
	limited.Rate, limited.Comment = rate(), "in an image"
	return []owner.Rule{limited, wide("udp", 5000, 5010)}
}

const (
	keptRules = "/root/kept-rules"
	rulesDir  = "/etc/ufw/"
)

// TestImageRendered makes the machine's own disk an image with ufw as its package leaves it, and on. What it writes is
// undone byte for byte, and is then written once more. The boot that follows is TestImageBooted's.
func TestImageRendered(t *testing.T) {
	r := onReal(t)
	for _, name := range []string{"user.rules", "user6.rules"} {
		r.sh("cp /usr/share/ufw/iptables/" + name + " " + rulesDir + name)
	}
	root := t.TempDir()
	r.sh("mount --bind / " + root)
	t.Cleanup(func() { r.sh("umount " + root) })
	h, err := host.Open(host.Options{Root: root})
	check(t, err)
	t.Cleanup(func() { check(t, h.Close()) })
	kernel, files := r.kernel(), r.etc()
	if on, err := (Owner{}).Active(t.Context(), h.View()); !on || err != nil {
		t.Fatalf("in the image ufw is on: %t, %v", on, err)
	}
	var in []owner.Line
	for _, rule := range imageRules() {
		ls, err := Owner{}.Lines(t.Context(), h.View(), rule)
		check(t, err)
		in = append(in, ls...)
	}
	check(t, Owner{}.SetPersistent(t.Context(), h, nil, in))
	state, err := Owner{}.Read(t.Context(), h.View())
	check(t, err)
	if state.Running != nil || len(state.Persistent) != len(in) {
		t.Errorf("it reads as %v", state)
	}
	check(t, Owner{}.SetPersistent(t.Context(), h, in, nil))
	r.same("undone", files, r.etc())
	check(t, Owner{}.SetPersistent(t.Context(), h, nil, in))
	r.same("what runs", kernel, r.kernel())
	r.sh("mkdir -p " + keptRules + " && cp " + rulesDir + "user*.rules " + keptRules)
}

// TestImageBooted finds, after a boot, what the image was given: loaded, and still there when ufw writes its files anew.
func TestImageBooted(t *testing.T) {
	if _, err := os.Stat(keptRules); err != nil || os.Getenv(machine.InLab) == "" {
		t.Skip("needs to be inside a machine of the lab after a reboot: TestUfw of internal/lab/scenarios takes it there")
	}
	h, err := host.Open(host.Options{})
	check(t, err)
	defer h.Close()
	r := &real{t, h}
	if on, err := (Owner{}).Active(t.Context(), h.View()); !on || err != nil {
		t.Fatalf("after the boot ufw is on: %t, %v", on, err)
	}
	for _, name := range []string{"user.rules", "user6.rules"} {
		r.same(name, r.sh("cat "+keptRules+"/"+name), r.sh("cat "+rulesDir+name))
	}
	in := r.lines(imageRules()...)
	r.has("after the boot", in, true)
	status := r.sh("ufw status verbose")
	for _, says := range []string{"2222/tcp                   LIMIT IN    Anywhere                   # in an image", "2222/tcp (v6)", "5000:5010/udp"} {
		if !strings.Contains(status, says) {
			t.Errorf("ufw's status does not say %q:\n%s", says, status)
		}
	}
	if limits := r.sh("ip6tables-save"); !strings.Contains(limits, "-A ufw6-user-limit-accept -j ACCEPT") || !strings.Contains(limits, "-A ufw6-user-limit -j REJECT") {
		t.Error("the limit of IPv6 leads nowhere:\n" + limits)
	}
	r.sh("ufw disable && ufw --force enable")
	r.has("written anew by ufw", in, true)
	running, persistent := r.read().Running, r.read().Persistent
	r.run(in, nil)
	r.persist(in, nil)
	if s := r.read(); len(s.Running) != 0 || len(s.Persistent) != 0 {
		t.Error(cmp.Diff(running, s.Running), cmp.Diff(persistent, s.Persistent))
	}
}
