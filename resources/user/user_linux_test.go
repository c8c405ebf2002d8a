package user

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/enginetest"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
	"github.com/agent0-converge/agent0-converge/resources/group"
)

type (
	files = map[string]hosttest.File
	cases = []enginetest.Case[Spec]
)

const loginDefs = "# comment\nUID_MIN 1000\nUID_MAX\t60000\nGID_MIN 1000\nPASS_MIN_DAYS 0\nPASS_MAX_DAYS 99999\nPASS_WARN_AGE 7\n"

// system is a host with a few accounts, and more put in or, where it is empty, taken away.
func system(more files) files {
	out := files{
		"/etc/.pwd.lock":    {Mode: 0o600},
		"/etc/login.defs":   {Content: loginDefs},
		"/usr/sbin/nologin": {Mode: 0o755},
		"/bin/sh":           {Mode: 0o755},
		"/etc/passwd":       {Content: "root:x:0:0:root:/root:/bin/sh\n# by hand\ndaemon:x:999:999::/:/sbin/nologin\nalice:x:1000:1000:Alice A:/home/alice:/bin/sh\nbob:x:1001:100::/home/bob:/bin/sh\n+::::::\n"},
		"/etc/shadow":       {Content: "root:*:1::::::\ndaemon:!:1::::::\nalice:$6$canary:19000:0:99999:7:::\nbob:!$6$canary:19000:0:99999:7:::\n", Mode: 0o640, GID: 42, Xattrs: map[string]string{"user.a": "b"}},
		"/etc/group":        {Content: "root:x:0:\nvideo:x:44:alice\nrender:x:105:\naudio:x:29:pulse,alice,bob\nusers:x:100:\nalice:x:1000:\n+:::\n"},
		"/etc/gshadow":      {Content: "root:*::\nvideo:!:alice:alice\nrender:!::\naudio:!::pulse,alice,bob\nusers:*::\nalice:!::\n", Mode: 0o640, GID: 42},
	}
	maps.Copy(out, more)
	maps.DeleteFunc(out, func(name string, f hosttest.File) bool { return f.Content == gone })
	return out
}

// gone is the content of a file that is not there.
const gone = "(not there)"

func id(n int) *int { return &n }

func yes(b bool) *bool { return &b }

// nameService plays a name service that knows the user ldap and nobody else.
func nameService(_ context.Context, _ *hosttest.Machine, argv []string, _ []byte) (host.Output, error) {
	if argv[1] == "passwd" && (argv[2] == "ldap" || argv[2] == "5000") {
		return host.Output{Stdout: []byte("ldap:*:5000:5000:From LDAP:/home/ldap:/bin/sh\n")}, nil
	}
	return host.Output{Exit: 2}, nil
}

var nss = map[string]hosttest.Program{"getent": nameService}

func TestConverges(t *testing.T) {
	staff := engine.Declared{Addr: "group.staff", Kind: group.Kind(), Spec: &group.Spec{Name: "staff", GID: id(50)}}
	enginetest.Converges(t, Kind(), cases{
		{Name: "new", Files: system(nil), Spec: &Spec{Label: "agent0", System: true, Groups: []string{"video", "render"}}, Want: engine.Create},
		{Name: "new with a home", Files: system(nil), Spec: &Spec{Name: "carl", CreateHome: true, Shell: "/bin/sh", Comment: "Carl"}, Want: engine.Create},
		{Name: "new in a group of the plan", Files: system(nil), With: []engine.Declared{staff},
			Spec: &Spec{Name: "carl", UID: id(1500), Group: "staff", Groups: []string{"users"}}, Want: engine.Create},
		{Name: "as wanted", Files: system(nil), Want: engine.NoOp,
			Spec: &Spec{Name: "alice", UID: id(1000), Group: "alice", Groups: []string{"video"}, Home: "/home/alice", Shell: "/bin/sh", Comment: "Alice A", Locked: yes(false)}},
		{Name: "with another primary group than its own", Files: system(nil), Spec: &Spec{Name: "bob", Shell: "/bin/sh"}, Want: engine.NoOp},
		{Name: "other attributes", Files: system(nil), Spec: &Spec{Name: "bob", Home: "/srv/bob", Shell: "/usr/sbin/nologin", Comment: "Bob"}, Want: engine.Update},
		{Name: "another number and group", Files: system(nil), Spec: &Spec{Name: "bob", UID: id(1500), Group: "1000"}, Want: engine.Update},
		{Name: "a group is missing", Files: system(nil), Spec: &Spec{Name: "alice", Groups: []string{"render", "video"}}, Want: engine.Update},
		{Name: "exact", Files: system(nil), Spec: &Spec{Name: "alice", Groups: []string{"render"}, Exact: true}, Want: engine.Update},
		{Name: "exactly none", Files: system(nil), Spec: &Spec{Name: "alice", Groups: []string{}, Exact: true}, Want: engine.Update},
		{Name: "to be locked", Files: system(nil), Spec: &Spec{Name: "alice", Locked: yes(true)}, Want: engine.Update},
		{Name: "to be unlocked", Files: system(nil), Spec: &Spec{Name: "bob", Locked: yes(false)}, Want: engine.Update},
		{Name: "locked already", Files: system(nil), Spec: &Spec{Name: "daemon", Locked: yes(true)}, Want: engine.NoOp},
		{Name: "removed", Files: system(nil), Spec: &Spec{Name: "alice"}, Absent: true, Want: engine.Remove},
		{Name: "removed is there no more", Files: system(nil), Spec: &Spec{Name: "carl"}, Absent: true, Want: engine.NoOp},
		{Name: "what is left of one is removed", Spec: &Spec{Name: "pulse"}, Absent: true, Want: engine.Remove, Files: system(nil)},
		{Name: "no shadow files", Files: system(files{"/etc/shadow": {Content: gone}, "/etc/gshadow": {Content: gone}}),
			Spec: &Spec{Name: "agent0", System: true, Groups: []string{"video"}}, Want: engine.Create},
		{Name: "a password in passwd", Files: system(files{"/etc/shadow": {Content: gone}, "/etc/passwd": {Content: "alice:$1$canary:1000:1000:::\n"}}),
			Spec: &Spec{Name: "alice", Locked: yes(true)}, Want: engine.Update},
		{Name: "an empty comment comes back", Files: system(nil), Spec: &Spec{Name: "bob", Comment: "Bob"}, Want: engine.Update},
		{Name: "in an image", Offline: true, Files: system(nil), Spec: &Spec{Name: "agent0", System: true, CreateHome: true, Home: "/var/lib/agent0"}, Want: engine.Create},
		{Name: "with a name service", Programs: nss, Files: system(nil), Spec: &Spec{Name: "carl"}, Want: engine.Create},
		{Name: "of the name service, as wanted", Programs: nss, Files: system(nil), Spec: &Spec{Name: "ldap", UID: id(5000), Comment: "From LDAP"}, Want: engine.NoOp},
		{Name: "of the name service, into a group of this host", Programs: nss, Files: system(nil), Spec: &Spec{Name: "ldap", Groups: []string{"video"}}, Want: engine.Update},
	})
}

func TestRefuses(t *testing.T) {
	running := files{"/proc/77/status": {Content: "Name:\td\nState:\tS (sleeping)\nUid:\t1000 1000 1000 1000\n"},
		"/proc/77/cgroup": {Content: "0::/system.slice/d.service\n"}}
	enginetest.Converges(t, Kind(), cases{
		{Name: "a taken number", Files: system(nil), Spec: &Spec{Name: "carl", Group: "users", UID: id(1000)}, Err: "the number 1000 is that of the user alice"},
		{Name: "a number taken by the name service", Programs: nss, Files: system(nil), Spec: &Spec{Name: "carl", Group: "users", UID: id(5000)}, Err: "that of the user ldap"},
		{Name: "of the name service", Programs: nss, Files: system(nil), Spec: &Spec{Name: "ldap", Shell: "/bin/sh", Home: "/x"}, Err: "kept by the name service"},
		{Name: "of the name service, removed", Programs: nss, Files: system(nil), Spec: &Spec{Name: "ldap"}, Absent: true, Err: "kept by the name service"},
		{Name: "an unknown group", Files: system(nil), Spec: &Spec{Name: "alice", Groups: []string{"gpu"}}, Err: "the host has no group gpu"},
		{Name: "an unknown primary group", Files: system(nil), Spec: &Spec{Name: "carl", Group: "staff"}, Err: "the host has no group staff"},
		{Name: "a number in use", Files: system(running), Spec: &Spec{Name: "alice", UID: id(1500)}, Err: "process 77 (d) of d.service runs as alice"},
		{Name: "unlocked without a password", Files: system(nil), Spec: &Spec{Name: "daemon", Locked: yes(false)}, Err: "daemon has no password"},
		{Name: "a new one unlocked", Files: system(nil), Spec: &Spec{Name: "carl", Group: "users", Locked: yes(false)}, Err: "carl has no password"},
		{Name: "the password of an old one", Files: system(files{"/etc/shadow": {Content: "carl:$6$canary:1::::::\n"}}), Spec: &Spec{Name: "carl", Group: "users"}, Err: "/etc/shadow has a password for carl"},
		{Name: "two of a name", Files: system(files{"/etc/passwd": {Content: "bob:x:1:1:::\nbob:x:2:2:::\n"}}), Spec: &Spec{Name: "bob", Comment: "x"}, Err: "has 2 lines for bob"},
		{Name: "a broken line", Files: system(files{"/etc/passwd": {Content: "bob:x:1:1\n"}}), Spec: &Spec{Name: "bob"}, Err: "has 4 fields and not 7"},
	})
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		spec Spec
		want string
	}{
		{Spec{Label: "ok"}, ""},
		{Spec{Label: "Debian-exim", Groups: []string{"b", "a", "b"}, Group: "100"}, ""},
		{Spec{Label: "a b"}, "name: "},
		{Spec{Label: "root:0"}, "name: "},
		{Spec{Label: "first.last"}, "name: "},
		{Spec{Label: "-rf"}, "name: "},
		{Spec{Label: "a", UID: id(1<<32 - 1)}, "uid: 4294967295 is no number"},
		{Spec{Label: "a", Group: "b:c"}, "group: "},
		{Spec{Label: "a", Groups: []string{"b,c"}}, "groups: "},
		{Spec{Label: "a", Home: "home"}, "home: \"home\" is not an absolute path"},
		{Spec{Label: "a", Home: "/srv/../x"}, "home: "},
		{Spec{Label: "a", Shell: "/bin/sh:x"}, "shell: colons"},
		{Spec{Label: "a", Comment: "x\nroot::0:0:::"}, "comment: colons and control characters"},
		{Spec{Label: "a", Exact: true}, "exact: it needs groups"},
		{Spec{Label: "a", Home: "/", CreateHome: true}, "create_home: "},
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

// What will work and is probably not meant is told.
func TestWarns(t *testing.T) {
	m := hosttest.New(t, hosttest.Config{Files: system(nil)})
	for _, c := range []struct {
		spec Spec
		want string
	}{
		{Spec{Name: "bob", UID: id(1500)}, "files of bob keep the number 1001"},
		{Spec{Name: "bob", Group: "alice"}, "files of bob keep the group users"},
		{Spec{Name: "bob", Shell: "/bin/fish"}, "the shell /bin/fish is not there: nobody can log in as bob"},
		{Spec{Name: "pulse"}, "pulse is not there and is named already: audio"},
		{Spec{Name: "bob", Shell: "/usr/sbin/nologin"}, ""},
		{Spec{Name: "carl", Shell: "/bin/sh"}, ""},
	} {
		have, err := resource{}.Read(t.Context(), m.View(), &c.spec)
		if err != nil {
			t.Fatal(err)
		}
		err = resource{}.Warn(t.Context(), m.View(), have, &c.spec)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.spec.Name, err, c.want)
		}
	}
}
