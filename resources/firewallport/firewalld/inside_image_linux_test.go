package firewalld_test

import (
	"os"
	"slices"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/firewalld"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// The file that an image gets is, byte for byte, what firewalld writes when it is told the same; its own check finds
// nothing wrong with it, and when it starts it has all lines.
func TestInsideImage(t *testing.T) {
	h := lab(t)
	h.reset()
	t.Cleanup(h.reset)
	const dir = "/root/image"
	h.run("sh", "-c", "rm -rf "+dir+" && mkdir -p "+dir+"/etc/systemd "+dir+"/usr/lib "+dir+
		"/lib/systemd && cp -a /etc/firewalld "+dir+"/etc && cp -a /usr/lib/firewalld "+dir+
		"/usr/lib && cp -a /etc/systemd/system "+dir+"/etc/systemd && cp -a /lib/systemd/system "+dir+"/lib/systemd")
	img, err := host.Open(host.Options{Root: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { img.Close() })
	if on, err := firewalld.Active(t.Context(), img.View()); err != nil || !on {
		t.Errorf("active in the image: %v, %v", on, err)
	}
	var all []owner.Line
	for _, words := range [][]string{
		{"8000"}, {"8001", "8002", "udp"}, {"8010-8020"}, {"9000", "v4"}, {"9000", "v6", "10/minute"},
		{"9001-9002", "10.0.0.0/8", "192.168.1.7/32", "2001:db8::/32", "2/day"}, {"9003", "sctp"}, {"9004", "dccp", "5/second"},
	} {
		ls := lines(t, img.View(), rule(words...))
		slices.SortFunc(ls, func(a, b owner.Line) int { return slices.Compare([]byte(a.Key), []byte(b.Key)) })
		set(t, img, nil, ls)
		if err := fw.SetPersistent(t.Context(), h.Host, nil, ls); err != nil {
			t.Fatal(err)
		}
		all = append(all, ls...)
	}
	ours, theirs := file(t, dir+etcPublic), file(t, etcPublic)
	same(t, "the file", theirs, ours)
	h.run("firewall-offline-cmd", "--system-config="+dir+"/etc/firewalld", "--default-config="+dir+"/usr/lib/firewalld", "--check-config")

	h.run("systemctl", "stop", "firewalld.service")
	if err := os.WriteFile(etcPublic, []byte(ours), 0o644); err != nil {
		t.Fatal(err)
	}
	h.up()
	s := read(t, h.View())
	has(t, "started, running", s.Running, all)
	has(t, "started, persistent", s.Persistent, all)
	h.cmd("--check-config")

	set(t, img, all, nil)
	if _, err := os.Stat(dir + etcPublic); !os.IsNotExist(err) {
		t.Errorf("taken out again, the file is there: %v", err)
	}
}

func file(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
