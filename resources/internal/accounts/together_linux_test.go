package accounts_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
	"github.com/agent0-converge/agent0-converge/resources/gpugroup"
	"github.com/agent0-converge/agent0-converge/resources/group"
	"github.com/agent0-converge/agent0-converge/resources/internal/accounts"
	"github.com/agent0-converge/agent0-converge/resources/user"
)

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: the machines' files have owners")
	}
}

func aGPUGroup(s gpugroup.Spec) engine.Declared {
	return engine.Declared{Addr: engine.Addr("gpu_group." + s.User), Kind: gpugroup.Kind(), Spec: &s}
}

func agent0() engine.Declared {
	return aUser(user.Spec{Name: "agent0", System: true, CreateHome: true, Home: "/srv/agent0", Groups: []string{"sysd"}})
}

// edit changes a file of the machine as an administrator would.
func edit(m *hosttest.Machine, name string, pairs ...string) {
	m.Put(name, hosttest.File{Content: strings.NewReplacer(pairs...).Replace(m.Get(name)), Mode: 0o640})
}

// A user with its group, its home and its GPU groups comes and goes in one plan.
func TestTogether(t *testing.T) {
	needRoot(t)
	m := hosttest.New(t, hosttest.Config{Files: system(), Offline: true})
	before := m.Dump(engine.StateDir)
	apply(t, m, agent0(), aGPUGroup(gpugroup.Spec{User: "agent0"}))
	for name, want := range map[string]string{
		"/etc/passwd":  "agent0:x:999:998::/srv/agent0:/usr/sbin/nologin\n",
		"/etc/shadow":  "agent0:!:::::::\n",
		"/etc/group":   "render:x:999:agent0\nvideo:x:44:alice,msg,agent0\nalice:x:1000:\nagent0:x:998:\n",
		"/etc/gshadow": "agent0:!::\n",
	} {
		if !strings.HasSuffix(m.Get(name), want) {
			t.Errorf("%s is %q", name, m.Get(name))
		}
	}
	if home := m.Snapshot()["/srv/agent0"]; home != "directory 0750 999:998" {
		t.Errorf("the home is a %s", home)
	}
	consistent(t, m)
	undo(t, m)
	if after := m.Dump(engine.StateDir); after != before {
		t.Errorf("undo left the machine different:\n%s", after)
	}
	undo(t, m)
	apply(t, m)
	if after := m.Dump(engine.StateDir); after != before {
		t.Errorf("an empty plan left the machine different:\n%s", after)
	}
}

// What others did meanwhile survives the way back, and what the user left behind does too.
func TestOthersEditsSurvive(t *testing.T) {
	needRoot(t)
	m := hosttest.New(t, hosttest.Config{Files: system(), Offline: true})
	change := aUser(user.Spec{Name: "alice", Shell: "/usr/sbin/nologin", Groups: []string{"render"}})
	apply(t, m, agent0(), change)
	edit(m, "/etc/passwd", "Alice:", "Alice the Second:", "msg:x", "new:x:1500:100::/:/bin/sh\nmsg:x")
	edit(m, "/etc/shadow", "$6$x$y", "$6$new$password")
	edit(m, "/etc/group", "sysd:x:997:agent0", "sysd:x:997:agent0,new", "alice:x", "new:x:1500:alice\nalice:x")
	m.Put("/srv/agent0/work", hosttest.File{Content: "kept"})
	apply(t, m)
	for name, want := range map[string][]string{
		"/etc/passwd":      {"alice:x:1000:1000:Alice the Second:/home/alice:/bin/sh\n", "new:x:1500:"},
		"/etc/shadow":      {"alice:$6$new$password:"},
		"/etc/group":       {"sysd:x:997:new\n", "new:x:1500:alice\n", "render:x:999:\n"},
		"/srv/agent0/work": {"kept"},
	} {
		for _, text := range want {
			if got := m.Get(name); !strings.Contains(got, text) || strings.Contains(got, "agent0") {
				t.Errorf("%s lacks %q: %q", name, text, got)
			}
		}
	}
}

// A password that was set after the user was made is there again when its removal is undone.
func TestPasswordComesBack(t *testing.T) {
	needRoot(t)
	m := hosttest.New(t, hosttest.Config{Files: system(), Offline: true})
	apply(t, m, agent0())
	edit(m, "/etc/shadow", "agent0:!", "agent0:$6$canary")
	edit(m, "/etc/group", "video:x:44:alice", "video:x:44:agent0,alice")
	before := m.Dump(engine.StateDir)
	apply(t, m)
	if strings.Contains(m.Get("/etc/shadow")+m.Get("/etc/group"), "agent0") {
		t.Error("the user is still there")
	}
	undo(t, m)
	if after := m.Dump(engine.StateDir); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	err := filepath.WalkDir(m.Path(engine.StateDir), func(name string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "vault" {
			return filepath.SkipDir // where undo finds it, for root alone
		}
		if err != nil || d.IsDir() {
			return err
		}
		if b, err := os.ReadFile(name); err != nil || strings.Contains(string(b), "canary") {
			t.Errorf("%s has the password (%v)", name, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// Two blocks that say a membership, or one that leaves no room for the other's, are a mistake.
func TestMembershipsClash(t *testing.T) {
	for name, plan := range map[string][]engine.Declared{
		"both manage member:video:alice":  {aUser(user.Spec{Name: "alice", Groups: []string{"video"}}), aGroup(group.Spec{Name: "video", Members: []string{"alice"}})},
		"both manage member:render:alice": {aUser(user.Spec{Name: "alice", Groups: []string{"render"}}), aGPUGroup(gpugroup.Spec{User: "alice"})},
		"user.alice is exact and has no room for member:video:alice of group.video": {
			aUser(user.Spec{Name: "alice", Groups: []string{}, Exact: true}), aGroup(group.Spec{Name: "video", Members: []string{"alice"}})},
		"group.video is exact and has no room for member:video:alice of gpu_group.alice": {
			aGroup(group.Spec{Name: "video", Members: []string{"msg"}, Exact: true}), aGPUGroup(gpugroup.Spec{User: "alice"})},
	} {
		for i := range plan {
			plan[i] = ready(plan[i])
		}
		if err := engine.Check(plan); !strings.Contains(err.Error(), name) {
			t.Errorf("the plan has the mistakes %v, want %q", err, name)
		}
	}
	fine := []engine.Declared{
		ready(aUser(user.Spec{Name: "alice", Groups: []string{"sysd"}})), ready(aGPUGroup(gpugroup.Spec{User: "alice"})),
		ready(aGroup(group.Spec{Name: "video", Members: []string{"msg"}})), ready(aGroup(group.Spec{Name: "audio", Members: []string{}, Exact: true})),
	}
	if mistakes := engine.Check(fine); len(mistakes) > 0 {
		t.Error(mistakes)
	}
}

// A user as whom something runs stays; a zombie runs no more.
func TestRunningUser(t *testing.T) {
	needRoot(t)
	m := hosttest.New(t, hosttest.Config{Files: system()})
	apply(t, m, aUser(user.Spec{Name: "agent0", System: true}))
	status := "Name:\tagent0d\nState:\tS (sleeping)\nUid:\t999 999 999 999\nGid:\t998 998 998 998\n"
	m.Put("/proc/42/status", hosttest.File{Content: status})
	m.Put("/proc/42/cgroup", hosttest.File{Content: "0::/system.slice/agent0.service/worker\n"})
	for _, r := range apply(t, m).Results {
		if r.Addr == "user.agent0" && (r.Status != engine.Kept || r.Why != "process 42 (agent0d) of agent0.service runs as agent0") {
			t.Errorf("%s: %s", r.Status, r.Why)
		}
	}
	if !strings.Contains(m.Get("/etc/passwd"), "agent0:") || !strings.Contains(m.Get("/etc/group"), "agent0:") {
		t.Error("the user or its group is gone")
	}
	_, err := converge(m, absent(aUser(user.Spec{Name: "agent0"})))
	var inUse *engine.InUseError
	if !errors.As(err, &inUse) {
		t.Errorf("a plan that removes the user: %v", err)
	}
	m.Put("/proc/42/status", hosttest.File{Content: strings.Replace(status, "S (sleeping)", "Z (zombie)", 1)})
	apply(t, m, absent(aUser(user.Spec{Name: "agent0"})))
	if strings.Contains(m.Get("/etc/passwd"), "agent0:") {
		t.Error("the user is still there")
	}
}

// Daemons that remember accounts are told, where they run.
func TestCaches(t *testing.T) {
	needRoot(t)
	fine := func(context.Context, *hosttest.Machine, []string, []byte) (host.Output, error) {
		return host.Output{}, nil
	}
	files := system()
	files["/run/nscd/socket"], files["/var/lib/sss/pipes/nss"] = hosttest.File{}, hosttest.File{}
	m := hosttest.New(t, hosttest.Config{Files: files, Programs: map[string]hosttest.Program{"nscd": fine, "sss_cache": fine}})
	apply(t, m, aGroup(group.Spec{Name: "models"}))
	var said []string
	for _, c := range m.Calls() {
		said = append(said, strings.Join(c.Argv, " "))
	}
	if got := strings.Join(said, ", "); got != "nscd -i passwd, nscd -i group, sss_cache -U -G" {
		t.Errorf("ran %s", got)
	}
	bare := hosttest.New(t, hosttest.Config{Files: system()})
	apply(t, bare, aGroup(group.Spec{Name: "models"}))
	if calls := bare.Calls(); len(calls) > 0 {
		t.Errorf("ran %v", calls)
	}
}

const editAs = "ACCOUNTS_EDIT_ROOT"

// TestEdits is the child of TestWaitsForOthers: a tool that reads the group file under the lock of the
// C library, and writes it once its standard input ends.
func TestEdits(t *testing.T) {
	root := os.Getenv(editAs)
	if root == "" {
		t.Skip("is run by TestWaitsForOthers")
	}
	lock, err := os.OpenFile(root+"/etc/.pwd.lock", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.FcntlFlock(lock.Fd(), unix.F_SETLKW, &unix.Flock_t{Type: unix.F_WRLCK}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(root + "/etc/group")
	if err != nil {
		t.Fatal(err)
	}
	os.Stdout.WriteString("locked\n")
	_, _ = os.Stdin.Read(make([]byte, 1))
	if err := os.WriteFile(root+"/etc/group", append(b, "theirs:x:1234:\n"...), 0o644); err != nil {
		t.Fatal(err)
	}
}

// What another process is about to write under the lock is not lost, and neither is ours.
func TestWaitsForOthers(t *testing.T) {
	needRoot(t)
	m := hosttest.New(t, hosttest.Config{Files: system()})
	cmd := exec.Command(os.Args[0], "-test.run=^TestEdits$")
	cmd.Env = append(os.Environ(), editAs+"="+m.Path("/"))
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if n, err := out.Read(make([]byte, len("locked\n"))); err != nil || n == 0 {
		t.Fatalf("the child does not lock: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	err = accounts.Change(ended, m.Host(), accounts.GroupOrder, func(*accounts.DB) error { return errors.New("not locked") })
	var locked *host.LockedError
	if !errors.As(err, &locked) {
		t.Errorf("while the child holds the lock: %v", err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := converge(m, aGroup(group.Spec{Name: "ours"}))
		done <- err
	}()
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := m.Get("/etc/group"); !strings.Contains(got, "theirs:x:1234:\n") || !strings.Contains(got, "ours:x:") {
		t.Errorf("an edit was lost: %q", got)
	}
}
