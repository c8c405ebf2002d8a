package directory

import (
	"errors"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/enginetest"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

type (
	files = map[string]hosttest.File
	cases = []enginetest.Case[Spec]
)

func dir(f hosttest.File) hosttest.File {
	f.Dir = true
	return f
}

func TestConverges(t *testing.T) {
	accounts := files{
		"/etc/passwd": {Content: "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/:/bin/sh\n"},
		"/etc/group":  {Content: "root:x:0:\nalice:x:1000:\n"},
	}
	enginetest.Converges(t, Kind(), cases{
		{Name: "nothing there, nor its folders", Spec: &Spec{Path: "/opt/a/b/models"}, Want: engine.Create},
		{Name: "with an owner and set-gid", Files: accounts,
			Spec: &Spec{Path: "/opt/models", Owner: "alice", Group: "alice", Mode: "2770"}, Want: engine.Create},
		{Name: "there, and nothing else asked", Files: files{"/opt/models": dir(hosttest.File{Mode: 0o1777, UID: 7})},
			Spec: &Spec{Path: "/opt/models"}, Want: engine.NoOp},
		{Name: "other owner and mode, files stay as they are",
			Files: files{"/etc/passwd": accounts["/etc/passwd"], "/opt/models": dir(hosttest.File{Mode: 0o2700, UID: 7, GID: 8, Xattrs: map[string]string{"user.a": "b"}}),
				"/opt/models/chat": {Content: "x", UID: 7}},
			Spec: &Spec{Path: "/opt/models", Owner: "alice", Mode: "750"}, Want: engine.Update},
		{Name: "an owner that the plan makes", With: []engine.Declared{enginetest.Account("agent0", 998)}, Files: accounts,
			Spec: &Spec{Path: "/opt/models", Owner: "agent0"}, Want: engine.Create},
		{Name: "removed", Files: files{"/opt/models": dir(hosttest.File{Mode: 0o3711, UID: 7, Xattrs: map[string]string{"user.a": "b"}})},
			Spec: &Spec{Path: "/opt/models"}, Absent: true, Want: engine.Remove},
		{Name: "absent already", Spec: &Spec{Path: "/opt/a/models"}, Absent: true, Want: engine.NoOp},
		{Name: "in an image", Offline: true, Files: accounts, Spec: &Spec{Path: "/opt/models", Owner: "alice"}, Want: engine.Create},
		{Name: "below a folder that is a link", Files: files{"/srv": dir(hosttest.File{}), "/opt": {Link: "srv"}},
			Spec: &Spec{Path: "/opt/a/models"}, Want: engine.Create},
	})
}

func TestRefuses(t *testing.T) {
	enginetest.Converges(t, Kind(), cases{
		{Name: "a file", Files: files{"/opt/models": {}}, Spec: &Spec{Path: "/opt/models"}, Err: "/opt/models is a file, not a directory"},
		{Name: "a link to a directory", Files: files{"/srv": dir(hosttest.File{}), "/opt/models": {Link: "/srv"}},
			Spec: &Spec{Path: "/opt/models"}, Err: "is a symlink to /srv, not a directory"},
		{Name: "an implied link that leads nowhere", Files: files{"/opt/models": {Link: "/nowhere"}},
			Spec: &Spec{Path: "/opt/models", Implied: true}, Err: "is a symlink to /nowhere"},
		{Name: "an unknown owner", Files: files{"/opt": dir(hosttest.File{})}, Spec: &Spec{Path: "/opt/models", Owner: "bob"}, Err: "the host has no user bob"},
	})
}

// A directory with files that no plan knows is not removed, and the error says what is in it.
func TestRemovalOfWhatIsInUse(t *testing.T) {
	m := hosttest.New(t, hosttest.Config{Files: files{"/opt/a/4": {}, "/opt/a/2": {}, "/opt/a/3": {}, "/opt/a/1": {}}})
	have, err := resource{}.Read(t.Context(), m.View(), &Spec{Path: "/opt/a"})
	if err != nil {
		t.Fatal(err)
	}
	err = resource{}.Apply(t.Context(), m.Host(), have, nil)
	var inUse *engine.InUseError
	if !errors.As(err, &inUse) || !strings.Contains(err.Error(), "/opt/a is not empty: it has 1, 2, 3 and 1 more") {
		t.Errorf("removing a directory in use: %v", err)
	}
	if m.Changes() != 0 {
		t.Errorf("it was touched: %v", m.Ops())
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		spec Spec
		want string
	}{
		{Spec{Path: "/opt/models", Mode: "2770", Owner: "_agent0-x", Group: "4294967294"}, ""},
		{Spec{}, "path: the path is empty"},
		{Spec{Path: "opt/models"}, `path: "opt/models" is not absolute: write it as /opt/models`},
		{Spec{Path: "/"}, "top of the tree"},
		{Spec{Path: "/opt/models/"}, `write "/opt/models"`},
		{Spec{Path: "/opt/../etc"}, `write "/etc"`},
		{Spec{Path: "/opt/a\nb"}, "control character"},
		{Spec{Path: "/proc/sys"}, "/proc, which the kernel makes"},
		{Spec{Path: "/sys"}, "/sys, which the kernel makes"},
		{Spec{Path: "/dev/shm/x"}, "/dev, which the kernel makes"},
		{Spec{Path: "/device"}, ""},
		{Spec{Path: engine.StateDir + "/x"}, "where the agent keeps its journal"},
		{Spec{Path: engine.StateDir}, "where the agent keeps its journal"},
		{Spec{Path: "/opt/.agent0-converge.0123456789abcdef"}, "temporary files"},
		{Spec{Path: "/" + strings.Repeat("a", 256)}, "255 is the most"},
		{Spec{Path: strings.Repeat("/a", 2048)}, "4095 is the most"},
		{Spec{Path: "/a", Mode: "u=rw"}, `mode: "u=rw" is no octal mode`},
		{Spec{Path: "/a", Mode: "0o644"}, "no octal mode"},
		{Spec{Path: "/a", Mode: "17777"}, "no octal mode"},
		{Spec{Path: "/a", Owner: "a:b"}, `owner: "a:b" is no name of an account`},
		{Spec{Path: "/a", Group: "4294967295"}, "group: 4294967295 is no number of an account"},
		{Spec{Path: "/a", Owner: "-r"}, "is no name of an account"},
	} {
		c.spec.Default()
		err := c.spec.Validate()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.spec, err, c.want)
		}
	}
}
