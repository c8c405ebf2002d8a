package file

import (
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

// asNobody runs test on a thread that is not root's.
func asNobody(t *testing.T, test func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to become someone else")
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends as nobody
		const keep = ^uintptr(0)
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, keep, nobody, keep); errno != 0 {
			t.Error(errno)
			return
		}
		test()
	}()
	<-done
}

const nobody = 65534

// Who is not root is told so at plan time, and may manage what is theirs.
func TestNotRoot(t *testing.T) {
	m := hosttest.New(t, hosttest.Config{Files: with(files{
		motd: {Content: "old"}, "/etc/shadow": {Content: "x", Mode: 0o600},
		"/home": {Dir: true, UID: nobody}, "/home/own": {Content: "old", UID: nobody}, "/home/root": {Content: "old"},
	})})
	for _, c := range []struct {
		name string
		spec *Spec
		want string
	}{
		{"a new file in root's folder", &Spec{Path: "/etc/new", Content: text("x")}, "cannot write to /etc: permission denied: run as root"},
		{"a new folder in root's folder", &Spec{Path: "/etc/a/b/new", Content: text("x")}, "permission denied: run as root"},
		{"a file of root's", &Spec{Path: "/home/root", Content: text("x")}, "it belongs to root: run as root"},
		{"attributes of a file of root's", &Spec{Path: motd, Mode: "0600"}, "it belongs to root: run as root"},
		{"a new file for someone else", &Spec{Path: "/home/new", Owner: "alice", Content: text("x")}, "only root gives files to alice: run as root"},
		{"a file that cannot be read", &Spec{Path: "/etc/shadow", Content: text("x")}, "not readable: "},
		{"a new file of one's own", &Spec{Path: "/home/new", Content: text("x")}, ""},
		{"a file of one's own", &Spec{Path: "/home/own", Content: text("x"), Mode: "0600"}, ""},
	} {
		var err error
		asNobody(t, func() {
			var have *Spec
			if have, err = (resource{}).Read(t.Context(), m.View(), c.spec); err == nil {
				err = resource{}.Check(t.Context(), m.View(), have, c.spec)
			}
			if err == nil {
				err = resource{}.Apply(t.Context(), m.Host(), have, c.spec)
			}
		})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}
