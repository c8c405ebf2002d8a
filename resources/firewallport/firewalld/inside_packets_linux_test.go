package firewalld_test

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/internal/lab/netns"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// cable lays one from the machine (lab0, 192.0.2.1 and 2001:db8::1) to somebody else (192.0.2.2, 2001:db8::2).
func (h *inside) cable() *netns.NS {
	h.t.Helper()
	peer := netns.New(h.t)
	h.run("ip", "link", "add", "lab0", "type", "veth", "peer", "name", "lab1")
	h.t.Cleanup(func() { h.run("ip", "link", "del", "lab0") })
	fd, err := syscall.Dup(peer.FD())
	if err != nil {
		h.t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), "netns")
	defer file.Close()
	move := exec.Command("ip", "link", "set", "lab1", "netns", "/proc/self/fd/3")
	move.ExtraFiles = []*os.File{file}
	if out, err := move.CombinedOutput(); err != nil {
		h.t.Fatalf("cannot move lab1: %v\n%s", err, out)
	}
	for _, args := range [][]string{{"addr", "add", "192.0.2.1/24", "dev", "lab0"}, {"addr", "add", "2001:db8::1/64", "dev", "lab0", "nodad"}, {"link", "set", "lab0", "up"}} {
		h.run(append([]string{"ip"}, args...)...)
	}
	for _, args := range [][]string{{"addr", "add", "192.0.2.2/24", "dev", "lab1"}, {"addr", "add", "2001:db8::2/64", "dev", "lab1", "nodad"}, {"link", "set", "lab1", "up"}} {
		peer.Run(append([]string{"ip"}, args...)...)
	}
	return peer
}

// connects reports whether somebody gets through from a namespace. firewalld refuses at once what it does not let in.
func connects(t *testing.T, from *netns.NS, address string) bool {
	t.Helper()
	var err error
	from.Do(func() error {
		var c net.Conn
		if c, err = net.DialTimeout("tcp", address, 30*time.Second); err == nil {
			err = c.Close()
		}
		return nil
	})
	if err != nil && !errors.Is(err, syscall.EHOSTUNREACH) && !errors.Is(err, syscall.EACCES) && !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("%s: %v", address, err)
	}
	return err == nil
}

// Packets go where the lines say: for both families, from the sources that are named and no others, also where these
// are in a zone of their own, and up to a rate.
func TestInsidePackets(t *testing.T) {
	h := lab(t)
	h.reset()
	t.Cleanup(h.reset)
	peer := h.cable()
	for _, at := range []string{"192.0.2.1:8000", "[2001:db8::1]:8000"} {
		l, err := net.Listen("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
	}
	check := func(what string, four, six bool) {
		t.Helper()
		if got := connects(t, peer, "192.0.2.1:8000"); got != four {
			t.Errorf("%s: IPv4 gets through: %v", what, got)
		}
		if got := connects(t, peer, "[2001:db8::1]:8000"); got != six {
			t.Errorf("%s: IPv6 gets through: %v", what, got)
		}
	}
	with := func(what string, four, six bool, words ...string) {
		t.Helper()
		ls := lines(t, h.View(), rule(words...))
		if err := fw.SetRunning(t.Context(), h.Host, nil, ls); err != nil {
			t.Fatal(err)
		}
		check(what, four, six)
		if err := fw.SetRunning(t.Context(), h.Host, ls, nil); err != nil {
			t.Fatal(err)
		}
	}
	check("at first", false, false)
	with("a port", true, true, "8000")
	with("a range", true, true, "7990-8010")
	with("one family", true, false, "8000", "v4")
	with("the other", false, true, "8000", "v6")
	with("a source", true, false, "8000", "192.0.2.0/24")
	with("another source", false, false, "8000", "198.51.100.0/24")
	with("udp", false, false, "8000", "udp")
	check("in the end", false, false)

	h.cmd("--zone=internal", "--add-source=192.0.2.0/24")
	with("in a zone by address", true, true, "8000")
	with("within a zone's source", true, false, "8000", "192.0.2.2/32")
	with("around a zone's source", true, false, "8000", "192.0.0.0/8")
	h.cmd("--zone=internal", "--remove-source=192.0.2.0/24")
	h.cmd("--zone=block", "--add-source=192.0.2.2")
	with("in a zone that refuses", false, true, "8000")
	with("in it, and named", true, false, "8000", "192.0.2.2/32")
	h.cmd("--zone=block", "--remove-source=192.0.2.2")

	ls := lines(t, h.View(), rule("8000", "2/day"))
	if err := fw.SetRunning(t.Context(), h.Host, nil, ls); err != nil {
		t.Fatal(err)
	}
	through := 0
	for range 20 {
		if connects(t, peer, "192.0.2.1:8000") {
			through++
		}
	}
	if through == 0 || through > 10 {
		t.Errorf("at 2 in a day, %d of 20 got through", through)
	}
}

// surviving are lines that last: what a reload, a restart and a boot bring back.
func surviving(t *testing.T, v host.View) []owner.Line {
	t.Helper()
	var out []owner.Line
	for _, words := range [][]string{{"8000"}, {"8001-8004", "udp"}, {"9000", "10.0.0.0/8", "2001:db8::/32", "5/minute"}} {
		out = append(out, lines(t, v, rule(words...))...)
	}
	return out
}

// pictureFile has what was there before.
const pictureFile = "/var/lib/agent0-lab/firewalld.before"

// The next three are steps of one test, between which the machine is rebooted.
func TestInsideSurvivesSet(t *testing.T) {
	h := lab(t)
	h.cmd("--permanent", "--add-port=8010-8020/tcp")
	h.cmd("--reload")
	if err := os.MkdirAll(filepath.Dir(pictureFile), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(pictureFile, []byte(strings.Join(h.picture(), "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	set(t, h.Host, nil, surviving(t, h.View()))
}

func TestInsideSurvivesThere(t *testing.T) {
	h := lab(t)
	ls := surviving(t, h.View())
	s := read(t, h.View())
	has(t, "running", s.Running, ls)
	has(t, "persistent", s.Persistent, ls)
	set(t, h.Host, nil, ls)
	if h.changes != 0 {
		t.Errorf("the second time took %d calls", h.changes)
	}
}

func TestInsideSurvivesUndone(t *testing.T) {
	h := lab(t)
	set(t, h.Host, surviving(t, h.View()), nil)
	before, err := os.ReadFile(pictureFile)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "undone", strings.Split(string(before), "\n"), h.picture())
}

// What runs alone is gone after a reload: the state that a confirmation waits for.
func TestInsideRunningAlone(t *testing.T) {
	h := lab(t)
	h.reset()
	t.Cleanup(h.reset)
	ls := surviving(t, h.View())
	if err := fw.SetRunning(t.Context(), h.Host, nil, ls); err != nil {
		t.Fatal(err)
	}
	if s := read(t, h.View()); len(s.Running) != len(ls) || len(s.Persistent) != 0 {
		t.Errorf("%d lines run and %d persist", len(s.Running), len(s.Persistent))
	}
	h.cmd("--reload")
	if s := read(t, h.View()); len(s.Running) != 0 {
		t.Errorf("after a reload there are %v", s.Running)
	}
	if err := fw.SetPersistent(t.Context(), h.Host, nil, ls); err != nil {
		t.Fatal(err)
	}
	if s := read(t, h.View()); len(s.Running) != 0 || len(s.Persistent) != len(ls) {
		t.Errorf("%d lines run and %d persist", len(s.Running), len(s.Persistent))
	}
	set(t, h.Host, nil, ls)
	set(t, h.Host, ls, nil)
}
