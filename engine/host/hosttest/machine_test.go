package hosttest_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

func TestSnapshot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to give files away")
	}
	m := hosttest.New(t, hosttest.Config{Files: map[string]hosttest.File{
		"/etc/motd":      {Content: "hi\n", Mode: 0o4711, UID: 1, GID: 2, Xattrs: map[string]string{"user.k": "v"}},
		"/etc/link":      {Link: "motd", UID: 3},
		"/var/state/x":   {Content: "left out"},
		"/var/statement": {Content: strings.Repeat("x", 3000)},
	}})
	want := map[string]string{
		"/":         "directory 0755 0:0",
		"/etc":      "directory 0755 0:0",
		"/var":      "directory 0755 0:0",
		"/etc/motd": `file 4711 1:2 user.k="v" "hi\n"`,
		"/etc/link": "symlink 3:0 -> motd",
	}
	got := m.Snapshot("/var/state")
	if long := got["/var/statement"]; !strings.HasPrefix(long, "file 0644 0:0 3000 bytes sha256:") {
		t.Errorf("a long file is %s", long)
	}
	delete(got, "/var/statement")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if dump := m.Dump("/var", "/etc"); dump != "/ directory 0755 0:0\n" {
		t.Errorf("dump is %q", dump)
	}
}

func TestFaults(t *testing.T) {
	m := hosttest.New(t, hosttest.Config{})
	full := errors.New("full")
	write := func() error {
		return m.Host().Files.Write("/x", nil, host.Attr{Mode: 0o600, UID: -1, GID: -1})
	}
	if err := write(); err != nil || m.Fired() || m.Changes() != len(m.Ops()) || m.Changes() == 0 {
		t.Fatalf("%v, fired %v, %v", err, m.Fired(), m.Ops())
	}
	m.FailAt(1, full)
	if first, second := write(), write(); !errors.Is(first, full) || second != nil || !m.Fired() {
		t.Errorf("FailAt: %v, then %v", first, second)
	}
	m.StopAt(2)
	if first, second := write(), write(); !errors.Is(first, hosttest.ErrStopped) || !errors.Is(second, hosttest.ErrStopped) {
		t.Errorf("StopAt: %v, then %v", first, second)
	}
	m.Reset()
	if err := write(); err != nil || m.Fired() {
		t.Errorf("after Reset: %v", err)
	}
}
