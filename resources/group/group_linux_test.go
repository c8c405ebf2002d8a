package group

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/enginetest"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

type (
	files = map[string]hosttest.File
	cases = []enginetest.Case[Spec]
)

// system is a host with a few accounts. The lines of group that are no group must stay as they are.
func system(more files) files {
	out := files{
		"/etc/.pwd.lock": {Mode: 0o600},
		"/etc/passwd":    {Content: "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\nbob:x:1001:1001::/home/bob:/bin/sh\n"},
		"/etc/group":     {Content: "root:x:0:\n# by hand\n\naudio:x:29:pulse,bob\nalice:x:1000:\nbob:x:1001:\nbroken\n+nis:::\n", Xattrs: map[string]string{"user.a": "b"}},
		"/etc/gshadow":   {Content: "root:*::\naudio:!:alice:pulse,bob\nalice:!::\nbob:!::\n", Mode: 0o640, GID: 42},
	}
	for name, f := range more {
		out[name] = f
	}
	return out
}

func without(name string) files {
	f := system(nil)
	delete(f, name)
	return f
}

func id(n int) *int { return &n }

// nameService plays a name service that knows the group ldap and nobody else.
func nameService(_ context.Context, _ *hosttest.Machine, argv []string, _ []byte) (host.Output, error) {
	if argv[1] == "group" && (argv[2] == "ldap" || argv[2] == "5000") {
		return host.Output{Stdout: []byte("ldap:*:5000:bob\n")}, nil
	}
	return host.Output{Exit: 2}, nil
}

var nss = map[string]hosttest.Program{"getent": nameService}

func TestConverges(t *testing.T) {
	enginetest.Converges(t, Kind(), cases{
		{Name: "new", Files: system(nil), Spec: &Spec{Label: "models"}, Want: engine.Create},
		{Name: "new for a service", Files: system(nil), Spec: &Spec{Name: "models", System: true}, Want: engine.Create},
		{Name: "new with number and members", Files: system(nil), Spec: &Spec{Name: "models", GID: id(777), Members: []string{"bob", "alice"}}, Want: engine.Create},
		{Name: "as wanted", Files: system(nil), Spec: &Spec{Name: "audio", GID: id(29), Members: []string{"bob"}}, Want: engine.NoOp},
		{Name: "a member is missing", Files: system(nil), Spec: &Spec{Name: "audio", Members: []string{"alice", "bob"}}, Want: engine.Update},
		{Name: "exact", Files: system(nil), Spec: &Spec{Name: "audio", Members: []string{"alice"}, Exact: true}, Want: engine.Update},
		{Name: "exactly nobody", Files: system(nil), Spec: &Spec{Name: "audio", Members: []string{}, Exact: true}, Want: engine.Update},
		{Name: "another number", Files: system(nil), Spec: &Spec{Name: "alice", GID: id(500)}, Want: engine.Update},
		{Name: "removed", Files: system(nil), Spec: &Spec{Name: "audio"}, Absent: true, Want: engine.Remove},
		{Name: "removed is there no more", Files: system(nil), Spec: &Spec{Name: "video"}, Absent: true, Want: engine.NoOp},
		{Name: "what is left of one is removed", Spec: &Spec{Name: "left"}, Absent: true, Want: engine.Remove,
			Files: system(files{"/etc/gshadow": {Content: "left:!::\n", Mode: 0o600}})},
		{Name: "a password of a group comes back", Spec: &Spec{Name: "audio"}, Absent: true, Want: engine.Remove,
			Files: system(files{"/etc/gshadow": {Content: "audio:$6$canary:alice:bob\n", Mode: 0o600}})},
		{Name: "no gshadow", Files: without("/etc/gshadow"), Spec: &Spec{Name: "models", Members: []string{"bob"}}, Want: engine.Create},
		{Name: "no newline at the end", Files: system(files{"/etc/group": {Content: "root:x:0:"}}), Spec: &Spec{Name: "models"}, Want: engine.Create},
		{Name: "an empty file", Files: system(files{"/etc/group": {}}), Spec: &Spec{Name: "models"}, Want: engine.Create},
		{Name: "in an image", Offline: true, Files: system(nil), Spec: &Spec{Name: "models", Members: []string{"bob"}}, Want: engine.Create},
		{Name: "with a name service", Programs: nss, Files: system(nil), Spec: &Spec{Name: "models"}, Want: engine.Create},
		{Name: "of the name service, as wanted", Programs: nss, Files: system(nil), Spec: &Spec{Name: "ldap", GID: id(5000), Members: []string{"bob"}}, Want: engine.NoOp},
		{Name: "a member that the plan makes", Files: system(nil), With: []engine.Declared{enginetest.Account("carl", 1002)},
			Spec: &Spec{Name: "audio", Members: []string{"carl"}}, Want: engine.Update},
	})
}

func TestRefuses(t *testing.T) {
	running := files{"/proc/77/status": {Content: "Name:\td\nState:\tS (sleeping)\nUid:\t0 0 0 0\nGid:\t0 0 0 0\nGroups:\t29 44\n"},
		"/proc/77/cgroup": {Content: "0::/system.slice/player.service\n"}}
	enginetest.Converges(t, Kind(), cases{
		{Name: "a taken number", Files: system(nil), Spec: &Spec{Name: "models", GID: id(29)}, Err: "the number 29 is that of the group audio"},
		{Name: "a number taken by the name service", Programs: nss, Files: system(nil), Spec: &Spec{Name: "models", GID: id(5000)}, Err: "that of the group ldap"},
		{Name: "of the name service", Programs: nss, Files: system(nil), Spec: &Spec{Name: "ldap", Members: []string{"alice"}}, Err: "kept by the name service"},
		{Name: "of the name service, removed", Programs: nss, Files: system(nil), Spec: &Spec{Name: "ldap"}, Absent: true, Err: "kept by the name service"},
		{Name: "an unknown member", Files: system(nil), Spec: &Spec{Name: "audio", Members: []string{"carl"}}, Err: "the host has no user carl"},
		{Name: "a number in use", Files: system(running), Spec: &Spec{Name: "audio", GID: id(30)}, Err: "process 77 (d) of player.service runs with the group audio"},
		{Name: "two of a name", Files: system(files{"/etc/group": {Content: "audio:x:1:\naudio:x:2:\n"}}), Spec: &Spec{Name: "audio", GID: id(3)}, Err: "has 2 lines for audio"},
		{Name: "a broken line", Files: system(files{"/etc/group": {Content: "audio:x\n"}}), Spec: &Spec{Name: "audio"}, Err: "has 2 fields and not 4"},
		{Name: "no accounts", Files: without("/etc/group"), Spec: &Spec{Name: "audio"}, Err: "not the root of a system that has accounts"},
		{Name: "accounts elsewhere", Files: system(files{"/etc/group": {Link: "/nix/group"}}), Spec: &Spec{Name: "audio"}, Err: "/etc/group is a symlink"},
	})
}

// A group that is somebody's primary one stays, and so does a user's own that others joined.
func TestInUse(t *testing.T) {
	m := hosttest.New(t, hosttest.Config{Files: system(nil)})
	for _, c := range []struct {
		spec *Spec
		want string
	}{
		{&Spec{Name: "alice", absent: true}, "primary group of alice"},
		{&Spec{Name: "audio", UserOf: "audio", absent: true}, "has members: pulse, bob"},
	} {
		have, err := resource{}.Read(t.Context(), m.View(), c.spec)
		if err != nil {
			t.Fatal(err)
		}
		before := m.Dump()
		err = resource{}.Apply(t.Context(), m.Host(), have, nil)
		var inUse *engine.InUseError
		if !errors.As(err, &inUse) || !strings.Contains(inUse.Detail, c.want) {
			t.Errorf("%s: %v, want %q", c.spec.Name, err, c.want)
		}
		if m.Dump() != before {
			t.Errorf("%s: a removal that is refused changed the machine", c.spec.Name)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		spec Spec
		want string
	}{
		{Spec{Label: "ok"}, ""},
		{Spec{Label: "systemd-network"}, ""},
		{Spec{Label: "a:b"}, "name: "},
		{Spec{Label: "1st"}, "name: "},
		{Spec{Label: strings.Repeat("a", 32)}, "name: "},
		{Spec{Label: "a", GID: id(65535)}, "gid: 65535 is no number"},
		{Spec{Label: "a", GID: id(-1)}, "gid: -1 is no number"},
		{Spec{Label: "a", Members: []string{"b,c"}}, "members: "},
		{Spec{Label: "a", Exact: true}, "exact: it needs members"},
		{Spec{Label: "root", absent: true}, "name: no system is without"},
	} {
		c.spec.Default()
		err := c.spec.Validate()
		var at *engine.AttributeError
		if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || !errors.As(err, &at)) {
			t.Errorf("%+v: %v, want %q", c.spec, err, c.want)
		}
	}
}
