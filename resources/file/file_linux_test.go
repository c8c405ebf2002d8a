package file

import (
	"context"
	"os"
	"strings"
	"syscall"
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

const motd = "/etc/motd"

var accounts = files{
	"/etc/passwd": {Content: "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/:/bin/sh\n"},
	"/etc/group":  {Content: "root:x:0:\nalice:x:1000:\nvideo:x:44:\n"},
}

// with adds files to the accounts.
func with(more files) files {
	out := files{}
	for _, fs := range []files{accounts, more} {
		for name, f := range fs {
			out[name] = f
		}
	}
	return out
}

func text(s string) *engine.Text { return engine.NewText(s) }

func TestContentConverges(t *testing.T) {
	enginetest.Converges(t, Kind(), cases{
		{Name: "nothing there, nor its folders", Spec: &Spec{Path: "/etc/a/b/motd", Content: text("hello\r\n")}, Want: engine.Create},
		{Name: "empty content", Spec: &Spec{Path: motd, Content: text("")}, Want: engine.Create},
		{Name: "only line ends and a byte order mark differ", Files: with(files{motd: {Content: "hello\n"}}),
			Spec: &Spec{Path: motd, Content: text("\xef\xbb\xbfhello\r\n")}, Want: engine.Update},
		{Name: "as wanted", Files: with(files{motd: {Content: "hello", Mode: 0o600, UID: 1000}}),
			Spec: &Spec{Path: motd, Content: text("hello")}, Want: engine.NoOp},
		{Name: "other content, what else it has is kept",
			Files: with(files{motd: {Content: "old", Mode: 0o4755, UID: 1000, GID: 44, Xattrs: map[string]string{"user.a": "b"}}}),
			Spec:  &Spec{Path: motd, Content: text("new")}, Want: engine.Update},
		{Name: "from a source", Sources: map[string]string{"motd.txt": "from a source"},
			Spec: &Spec{Path: motd, Source: "motd.txt"}, Want: engine.Create},
		{Name: "from a template", Sources: map[string]string{"motd.tmpl": "hello ${who}"}, Files: with(files{motd: {Content: "hello all"}}),
			Spec: &Spec{Path: motd, Template: "motd.tmpl", Vars: map[string]any{"who": "you"}}, Want: engine.Update},
		{Name: "through a folder that is a link", Files: with(files{"/srv/real/x": {}, "/opt/link": {Link: "/srv/real"}}),
			Spec: &Spec{Path: "/opt/link/motd", Content: text("hello")}, Want: engine.Create},
		{Name: "in an image", Offline: true, Files: with(files{motd: {Content: "old"}}),
			Spec: &Spec{Path: motd, Content: text("new"), Owner: "alice", Checker: []string{"true", "%s"}}, Want: engine.Update},
		{Name: "a new file in a set-gid folder is root's all the same", Files: with(files{"/srv": {Dir: true, Mode: 0o2775, GID: 44}}),
			Spec: &Spec{Path: "/srv/f", Content: text("x")}, Want: engine.Create},
		{Name: "a hard link that may be broken", Files: with(files{motd: {Content: "old"}}), Prepare: link(motd, "/etc/other"),
			Spec: &Spec{Path: motd, Content: text("new"), BreakHardLinks: true}, Want: engine.Update},
		{Name: "checked first", Files: with(files{motd: {Content: "old"}}), Programs: map[string]hosttest.Program{"visudo": visudo},
			Spec: &Spec{Path: motd, Content: text("new"), Checker: []string{"visudo", "-cf", "%s"}}, Want: engine.Update},
	})
}

func TestAttributesConverge(t *testing.T) {
	enginetest.Converges(t, Kind(), cases{
		{Name: "mode and owner alone", Files: with(files{motd: {Content: "kept", Xattrs: map[string]string{"user.a": "b"}}}),
			Spec: &Spec{Path: motd, Mode: "4750", Owner: "alice", Group: "video"}, Want: engine.Update},
		{Name: "the owner by number", Files: with(files{motd: {Content: "kept"}}),
			Spec: &Spec{Path: motd, Owner: "1000", Group: "4711"}, Want: engine.Update},
		{Name: "the owner by number, as wanted", Files: with(files{motd: {Content: "kept", UID: 1000, GID: 44}}),
			Spec: &Spec{Path: motd, Owner: "1000", Group: "video", Mode: "644"}, Want: engine.NoOp},
		{Name: "attributes of a file that has other names too", Files: with(files{motd: {Content: "kept"}}), Prepare: link(motd, "/etc/other"),
			Spec: &Spec{Path: motd, Mode: "0600"}, Want: engine.Update},
		{Name: "owner and content of a new file", Files: with(nil),
			Spec: &Spec{Path: motd, Owner: "alice", Group: "video", Mode: "0640", Content: text("x")}, Want: engine.Create},
		{Name: "an owner that the plan makes", With: []engine.Declared{enginetest.Account("agent0", 998)}, Files: with(files{motd: {Content: "old"}}),
			Spec: &Spec{Path: motd, Owner: "agent0", Group: "agent0", Content: text("x")}, Want: engine.Update},
	})
}

func TestRemovalAndSecretsConverge(t *testing.T) {
	secret := func() *Spec { return &Spec{Path: motd, Content: engine.NewSecret("s3cret")} }
	enginetest.Converges(t, Kind(), cases{
		{Name: "removed", Files: with(files{motd: {Content: "old", Mode: 0o2751, UID: 1000, Xattrs: map[string]string{"user.a": "b"}}}),
			Spec: &Spec{Path: motd}, Absent: true, Want: engine.Remove},
		{Name: "removed, private", Files: with(files{motd: {Content: "old", Mode: 0o640, GID: 44}}),
			Spec: &Spec{Path: motd}, Absent: true, Want: engine.Remove},
		{Name: "absent already", Spec: &Spec{Path: "/etc/a/motd"}, Absent: true, Want: engine.NoOp},
		{Name: "absent below a file", Files: files{"/etc/a": {}}, Spec: &Spec{Path: "/etc/a/motd"}, Absent: true, Want: engine.NoOp},
		{Name: "a secret", Spec: secret(), Want: engine.Create},
		{Name: "a secret that differs", Files: with(files{motd: {Content: "old s3cret", Mode: 0o600}}), Spec: secret(), Want: engine.Update},
		{Name: "a secret that others can read", Files: with(files{motd: {Content: "s3cret"}}), Spec: secret(), Want: engine.Update},
		{Name: "a secret in place of a plain text", Files: with(files{motd: {Content: "plain"}}), Sources: map[string]string{"key": "s3cret"},
			Spec: &Spec{Path: motd, Source: "key", Sensitive: true}, Want: engine.Update},
	})
}

func TestRefuses(t *testing.T) {
	x := func(p string) *Spec { return &Spec{Path: p, Content: text("new")} }
	enginetest.Converges(t, Kind(), cases{
		{Name: "nothing there to have attributes", Files: files{"/etc": {Dir: true}}, Spec: &Spec{Path: motd, Mode: "0600"}, Err: "is not there"},
		{Name: "a directory", Files: files{motd: {Dir: true}}, Spec: x(motd), Err: "/etc/motd is a directory, not a file"},
		{Name: "a directory that is to be absent", Files: files{motd: {Dir: true}}, Spec: &Spec{Path: motd}, Absent: true, Err: "is a directory"},
		{Name: "a link", Files: files{motd: {Link: "../run/motd"}}, Spec: x(motd), Err: "is a symlink to ../run/motd"},
		{Name: "a fifo", Prepare: fifo, Spec: x(motd), Err: "is a special file"},
		{Name: "hard links", Files: files{motd: {Content: "old"}}, Prepare: link(motd, "/etc/other"), Spec: x(motd), Err: "break_hard_links = true"},
		{Name: "too large", Prepare: large, Spec: x(motd), Err: "use the model kind"},
		{Name: "too large to be removed", Prepare: large, Spec: &Spec{Path: motd}, Absent: true, Err: "use the model kind"},
		{Name: "an unknown owner", Files: accounts, Spec: &Spec{Path: motd, Owner: "bob", Content: text("x")}, Err: "the host has no user bob"},
		{Name: "an unknown group", Files: accounts, Spec: &Spec{Path: motd, Group: "staff", Content: text("x")}, Err: "the host has no group staff"},
		{Name: "a folder that leads to the kernel", Files: files{"/proc/x": {}, "/etc/p": {Link: "/proc"}}, Spec: x("/etc/p/motd"), Err: "which the kernel makes"},
	})
}

func link(from, to string) func(*testing.T, *hosttest.Machine) {
	return func(t *testing.T, m *hosttest.Machine) {
		if err := os.Link(m.Path(from), m.Path(to)); err != nil {
			t.Fatal(err)
		}
	}
}

func fifo(t *testing.T, m *hosttest.Machine) {
	m.Put("/etc/x", hosttest.File{})
	if err := syscall.Mkfifo(m.Path(motd), 0o600); err != nil {
		t.Fatal(err)
	}
}

// large makes a file that takes no room.
func large(t *testing.T, m *hosttest.Machine) {
	m.Put(motd, hosttest.File{})
	if err := os.Truncate(m.Path(motd), engine.MaxText+1); err != nil {
		t.Fatal(err)
	}
}

// visudo finds fault with what begins with "bad".
func visudo(_ context.Context, m *hosttest.Machine, argv []string, _ []byte) (host.Output, error) {
	if strings.HasPrefix(m.Get(argv[len(argv)-1]), "bad") {
		return host.Output{Stderr: []byte("syntax error near bad"), Exit: 1}, nil
	}
	return host.Output{}, nil
}
