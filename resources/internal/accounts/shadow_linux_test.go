package accounts_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
	"github.com/agent0-converge/agent0-converge/resources/group"
	"github.com/agent0-converge/agent0-converge/resources/internal/accounts"
	"github.com/agent0-converge/agent0-converge/resources/user"
)

// system is an image with a few accounts, on which the tools of shadow can work too.
func system() map[string]hosttest.File {
	return map[string]hosttest.File{
		"/etc/login.defs":   {Content: "UID_MIN 1000\nUID_MAX 60000\nGID_MIN 1000\nGID_MAX 60000\nPASS_MIN_DAYS 0\nPASS_MAX_DAYS 99999\nPASS_WARN_AGE 7\nUSERGROUPS_ENAB yes\n"},
		"/etc/passwd":       {Content: "root:x:0:0:root:/root:/bin/sh\nmsg:x:101:101::/:/bin/sh\nsysd:x:997:997::/:/bin/sh\nalice:x:1000:1000:Alice:/home/alice:/bin/sh\nheld:x:500:1000::/srv:/bin/sh\n"},
		"/etc/shadow":       {Content: "root:*:1::::::\nmsg:!:1::::::\nsysd:!:1::::::\nalice:$6$x$y:1:0:99999:7:::\nheld:!$6$x$z:1:0:99999:7:::\n", Mode: 0o640},
		"/etc/group":        {Content: "root:x:0:\nmsg:x:101:\nsysd:x:997:\nrender:x:999:\nvideo:x:44:alice,msg\nalice:x:1000:\n"},
		"/etc/gshadow":      {Content: "root:*::\nmsg:!::\nsysd:!::\nrender:!::\nvideo:!::alice,msg\nalice:!::\n", Mode: 0o640},
		"/bin/sh":           {Content: "#!\n", Mode: 0o755},
		"/usr/sbin/nologin": {Content: "#!\n", Mode: 0o755},
		"/root":             {Dir: true}, "/home/alice": {Dir: true}, "/home/carl": {Dir: true}, "/srv": {Dir: true}, "/var/lib": {Dir: true},
		"/etc/.pwd.lock": {Mode: 0o600},
	}
}

var accountFiles = []string{accounts.Passwd, accounts.Shadow, accounts.Group, accounts.Gshadow}

// lastChange is the day of the last change of a password, which ours leaves open.
var lastChange = regexp.MustCompile(`(?m)^([^:\n]+:!?):\d*:`)

// state is what the files say. The day of the last change is that of no password where there is none.
func state(m *hosttest.Machine) map[string]string {
	out := map[string]string{}
	for _, name := range accountFiles {
		out[name] = m.Get(name)
	}
	out[accounts.Shadow] = lastChange.ReplaceAllString(out[accounts.Shadow], "$1:DAY:")
	return out
}

func id(n int) *int { return &n }

func yes(b bool) *bool { return &b }

func aUser(s user.Spec) engine.Declared {
	return engine.Declared{Addr: engine.Addr("user." + s.Name), Kind: user.Kind(), Spec: &s}
}

func aGroup(s group.Spec) engine.Declared {
	return engine.Declared{Addr: engine.Addr("group." + s.Name), Kind: group.Kind(), Spec: &s}
}

func absent(d engine.Declared) engine.Declared {
	d.Absent = true
	return d
}

// tool runs one of shadow's tools on the machine's files.
func tool(t *testing.T, m *hosttest.Machine, argv ...string) {
	t.Helper()
	path, err := exec.LookPath(argv[0])
	if err != nil {
		t.Skipf("needs %s", argv[0])
	}
	args := slices.Concat([]string{"--prefix", m.Path("/")}, argv[1:])
	if out, err := exec.Command(path, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v: %s", argv[0], args, err, out)
	}
}

// What is written is what shadow's own tools write, but for the day of a password that there is not.
func TestAsTheTools(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: the tools ask for it")
	}
	for _, c := range []struct {
		name  string
		ours  []engine.Declared
		tools [][]string
	}{
		{"a system account",
			[]engine.Declared{aUser(user.Spec{Name: "carl", System: true})},
			[][]string{{"useradd", "-r", "-d", "/nonexistent", "-s", "/usr/sbin/nologin", "carl"}}},
		{"two system accounts, whose numbers part",
			[]engine.Declared{aUser(user.Spec{Name: "carl", System: true, Home: "/srv", Shell: "/bin/sh"}), aUser(user.Spec{Name: "dora", System: true, Home: "/srv", Shell: "/bin/sh"})},
			[][]string{{"useradd", "-r", "-d", "/srv", "-s", "/bin/sh", "carl"}, {"useradd", "-r", "-d", "/srv", "-s", "/bin/sh", "dora"}}},
		{"a person",
			[]engine.Declared{aUser(user.Spec{Name: "carl", Comment: "Carl C", Shell: "/bin/sh"})},
			[][]string{{"useradd", "-c", "Carl C", "-s", "/bin/sh", "carl"}}},
		{"numbers and groups",
			[]engine.Declared{aUser(user.Spec{Name: "carl", UID: id(2000), Shell: "/bin/sh", Groups: []string{"video", "render"}}), aUser(user.Spec{Name: "dora", Shell: "/bin/sh"})},
			[][]string{{"useradd", "-u", "2000", "-s", "/bin/sh", "-G", "video,render", "carl"}, {"useradd", "-s", "/bin/sh", "dora"}}},
		{"a primary group that there is",
			[]engine.Declared{aUser(user.Spec{Name: "carl", Group: "video", Shell: "/bin/sh"})},
			[][]string{{"useradd", "-g", "video", "-N", "-s", "/bin/sh", "carl"}}},
		{"groups",
			[]engine.Declared{aGroup(group.Spec{Name: "one"}), aGroup(group.Spec{Name: "two", System: true}), aGroup(group.Spec{Name: "three", GID: id(555)})},
			[][]string{{"groupadd", "one"}, {"groupadd", "-r", "two"}, {"groupadd", "-g", "555", "three"}}},
		{"attributes",
			[]engine.Declared{aUser(user.Spec{Name: "alice", UID: id(1500), Group: "video", Home: "/srv", Shell: "/usr/sbin/nologin", Comment: "A"})},
			[][]string{{"usermod", "-u", "1500", "-g", "video", "-d", "/srv", "-s", "/usr/sbin/nologin", "-c", "A", "alice"}}},
		{"one more group",
			[]engine.Declared{aUser(user.Spec{Name: "alice", Groups: []string{"render"}})},
			[][]string{{"usermod", "-aG", "render", "alice"}}},
		{"exactly these groups",
			[]engine.Declared{aUser(user.Spec{Name: "alice", Groups: []string{"render"}, Exact: true})},
			[][]string{{"usermod", "-G", "render", "alice"}}},
		{"locked",
			[]engine.Declared{aUser(user.Spec{Name: "alice", Locked: yes(true)})},
			[][]string{{"usermod", "-L", "alice"}}},
		{"unlocked",
			[]engine.Declared{aUser(user.Spec{Name: "held", Locked: yes(false)})},
			[][]string{{"usermod", "-U", "held"}}},
		{"another number of a group",
			[]engine.Declared{aGroup(group.Spec{Name: "alice", GID: id(1700)})},
			[][]string{{"groupmod", "-g", "1700", "alice"}}},
		{"no group any more",
			[]engine.Declared{absent(aGroup(group.Spec{Name: "render"}))},
			[][]string{{"groupdel", "render"}}},
		{"no user any more",
			[]engine.Declared{absent(aUser(user.Spec{Name: "msg"})), absent(aGroup(group.Spec{Name: "msg"}))},
			[][]string{{"userdel", "msg"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ours := hosttest.New(t, hosttest.Config{Files: system(), Offline: true})
			apply(t, ours, c.ours...)
			theirs := hosttest.New(t, hosttest.Config{Files: system(), Offline: true})
			for _, argv := range c.tools {
				tool(t, theirs, argv...)
			}
			if d := cmp.Diff(state(theirs), state(ours)); d != "" {
				t.Errorf("not as the tools (-theirs +ours):\n%s", d)
			}
			consistent(t, ours)
		})
	}
}

// consistent asks pwck and grpck, on a root that is ours.
func consistent(t *testing.T, m *hosttest.Machine) {
	t.Helper()
	for _, argv := range [][]string{{"pwck", "-r", "-q"}, {"grpck", "-r"}} {
		path, err := exec.LookPath(argv[0])
		if err != nil {
			t.Skipf("needs %s", argv[0])
		}
		cmd := exec.Command(path, append(argv[1:], "-R", m.Path("/"))...)
		out, err := cmd.CombinedOutput()
		for line := range strings.Lines(string(out)) {
			// What is said of programs and homes is about the tree, which holds no system.
			if !strings.Contains(line, "does not exist") && !strings.Contains(line, "no changes") {
				t.Errorf("%s: %s", argv[0], line)
			}
		}
		if cmd.ProcessState.ExitCode() > 2 { // 2: something is not consistent; above: not done
			t.Errorf("%s: %v: %s", argv[0], err, out)
		}
	}
}

// The same image gives the same accounts.
func TestTheSameImage(t *testing.T) {
	var first map[string]string
	for range 2 {
		m := hosttest.New(t, hosttest.Config{Files: system(), Offline: true})
		var plan []engine.Declared
		for n := range 20 {
			plan = append(plan, aUser(user.Spec{Name: fmt.Sprintf("u%d", n), System: n%2 == 0}))
		}
		apply(t, m, plan...)
		now := map[string]string{}
		for _, name := range accountFiles {
			b, err := os.ReadFile(filepath.Join(m.Path("/"), name))
			if err != nil {
				t.Fatal(err)
			}
			now[name] = string(b)
		}
		if first == nil {
			first = now
		}
		if d := cmp.Diff(first, now); d != "" {
			t.Errorf("two images differ:\n%s", d)
		}
	}
}
