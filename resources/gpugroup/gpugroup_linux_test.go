package gpugroup

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/enginetest"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

type (
	files = map[string]hosttest.File
	cases = []enginetest.Case[Spec]
)

func system() files {
	return files{
		"/etc/.pwd.lock": {Mode: 0o600},
		"/etc/passwd":    {Content: "root:x:0:0::/root:/bin/sh\nagent0:x:999:999::/:/bin/false\nbob:x:1001:1001::/:/bin/sh\n"},
		"/etc/group":     {Content: "root:x:0:\nvideo:x:44:bob\nrender:x:105:\nvglusers:x:300:\nagent0:x:999:\n"},
		"/etc/gshadow":   {Content: "video:!::bob\nrender:!::\nvglusers:!::\nagent0:!::\n", Mode: 0o640, GID: 42},
	}
}

// dev is a device node: where it is, whose group it is, and its mode.
type dev struct {
	path string
	gid  int
	mode uint32
}

// with puts nodes on the machine. A FIFO is a special file too, and takes no privilege to make.
func with(nodes ...dev) func(*testing.T, *hosttest.Machine) {
	return func(t *testing.T, m *hosttest.Machine) {
		t.Helper()
		for _, n := range nodes {
			full := m.Path(n.path)
			err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o755), unix.Mkfifo(full, 0o600), os.Lchown(full, 0, n.gid), unix.Chmod(full, n.mode))
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

var (
	amd = with(dev{"/dev/dri/card0", 44, 0o660}, dev{"/dev/dri/renderD128", 105, 0o660}, dev{"/dev/kfd", 105, 0o660}, dev{"/dev/fb0", 300, 0o660})
	// Alien nodes belong to a group of another name; what nvidia makes is root's and open to all.
	alien = with(dev{"/dev/dri/renderD128", 300, 0o660}, dev{"/dev/nvidia0", 0, 0o666}, dev{"/dev/nvidiactl", 44, 0o600})
	open  = with(dev{"/dev/nvidia0", 0, 0o666})
	odd   = with(dev{"/dev/dri/renderD128", 777, 0o660}, dev{"/dev/dri/card0", 44, 0o660})
)

func TestConverges(t *testing.T) {
	enginetest.Converges(t, Kind(), cases{
		{Name: "the owners of the nodes", Files: system(), Prepare: amd, Spec: &Spec{Label: "agent0"}, Want: engine.Update},
		{Name: "a group of another name", Files: system(), Prepare: alien, Spec: &Spec{Label: "gpu", User: "agent0"}, Want: engine.Update},
		{Name: "open to all", Files: system(), Prepare: open, Spec: &Spec{User: "agent0"}, Want: engine.NoOp},
		{Name: "a group without a name", Files: system(), Prepare: odd, Spec: &Spec{User: "agent0"}, Want: engine.Update},
		{Name: "no nodes", Files: system(), Spec: &Spec{User: "agent0"}, Want: engine.Update},
		{Name: "as wanted", Files: system(), Spec: &Spec{User: "bob", Groups: []string{"video"}}, Want: engine.NoOp},
		{Name: "said", Files: system(), Prepare: amd, Spec: &Spec{User: "agent0", Groups: []string{"vglusers"}}, Want: engine.Update},
		{Name: "in an image", Offline: true, Files: system(), Prepare: alien, Spec: &Spec{User: "agent0"}, Want: engine.Update},
		{Name: "removed", Files: system(), Spec: &Spec{User: "bob"}, Absent: true, Want: engine.Remove},
		{Name: "removed is in none", Files: system(), Spec: &Spec{User: "agent0"}, Absent: true, Want: engine.NoOp},
		{Name: "of a user that the plan makes", Files: system(), With: []engine.Declared{enginetest.Account("carl", 1000)},
			Spec: &Spec{User: "carl"}, Want: engine.Update},
	})
}

func TestRefuses(t *testing.T) {
	enginetest.Converges(t, Kind(), cases{
		{Name: "nobody", Files: system(), Spec: &Spec{User: "carl"}, Err: "the host has no user carl"},
		{Name: "a group that is not there", Files: system(), Spec: &Spec{User: "agent0", Groups: []string{"gpu"}}, Err: "the host has no group gpu"},
	})
}

// Which groups they are is read off the nodes, and a node whose group has no name is told of.
func TestGroups(t *testing.T) {
	for _, c := range []struct {
		name       string
		prepare    func(*testing.T, *hosttest.Machine)
		want, warn string
	}{
		{"amd", amd, "[render, video]", ""},
		{"alien", alien, "[vglusers]", ""},
		{"odd", odd, "[video]", "/dev/dri/renderD128 (group 777): the group has no name on this host"},
	} {
		m := hosttest.New(t, hosttest.Config{Files: system()})
		c.prepare(t, m)
		want := &Spec{User: "agent0"}
		have, err := resource{}.Read(t.Context(), m.View(), want)
		if err != nil {
			t.Fatal(err)
		}
		fields := resource{}.Diff(have, want)
		if len(fields) != 1 || fields[0].Name != "groups" || fields[0].Want != c.want {
			t.Errorf("%s: %v, want %s", c.name, fields, c.want)
		}
		warn := resource{}.Warn(t.Context(), m.View(), have, want)
		if (warn == nil) != (c.warn == "") || warn != nil && !strings.Contains(warn.Error(), c.warn) {
			t.Errorf("%s: warns %v, want %q", c.name, warn, c.warn)
		}
	}
}

// When the GPU is gone by then, the way back still leads out of the groups that were its.
func TestUndoWithoutTheNodes(t *testing.T) {
	m := hosttest.New(t, hosttest.Config{Files: system()})
	alien(t, m)
	before := m.Get("/etc/group")
	want := &Spec{User: "agent0"}
	have, err := resource{}.Read(t.Context(), m.View(), want)
	if err != nil {
		t.Fatal(err)
	}
	if err := (resource{}).Apply(t.Context(), m.Host(), have, want); err != nil {
		t.Fatal(err)
	}
	m.Delete("/dev/dri")
	now, err := resource{}.Read(t.Context(), m.View(), have)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Join(now.Groups, " ") != "vglusers" {
		t.Errorf("now in %v", now.Groups)
	}
	if err := (resource{}).Undo(t.Context(), m.Host(), now, have); err != nil || m.Get("/etc/group") != before {
		t.Errorf("%v, group is %q", err, m.Get("/etc/group"))
	}
}
