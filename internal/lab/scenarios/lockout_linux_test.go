package scenarios

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/agent0-converge/agent0-converge/internal/lab/machine"
	"github.com/agent0-converge/agent0-converge/internal/lab/netns"
)

// TestLockOut: a real sshd, a real session through it, and plans that would cut it.
func TestLockOut(t *testing.T) {
	h := &host{machine.Booted(t, machine.Options{InMemory: true, Packages: []string{"iproute2", "openssh-client", "openssh-server"}}), t}
	if err := h.InstallAgent(); err != nil {
		t.Fatal(err)
	}
	h.run("sh", "-c", `set -e
		mkdir -p /root/.ssh /run/sshd
		ssh-keygen -q -t ed25519 -N "" -f /root/.ssh/id_ed25519
		cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys
		systemctl start ssh.service`)
	machine.GoTest(t, h.Machine, "./", "^TestLockOutInside$")
}

// lockout is the machine that the test inside has to itself, and somewhere else from where one can log in.
type lockout struct {
	t          *testing.T
	here, peer *netns.NS
}

// ssh is a login from elsewhere that runs a command.
func (l lockout) ssh(command string) *exec.Cmd {
	return exec.Command("ssh", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=5",
		"-o", "LogLevel=ERROR", "root@192.0.2.1", command)
}

// session is a login with a command that runs.
type session struct {
	*exec.Cmd
	out *bytes.Buffer
}

func (l lockout) starts(command string) session {
	l.t.Helper()
	s := session{l.ssh(command), &bytes.Buffer{}}
	s.Stdout, s.Stderr = s.out, s.out
	l.peer.Start(s.Cmd)
	return s
}

// says runs a command by a new login, and returns what it printed and its exit status.
func (l lockout) says(command string) (string, int) {
	l.t.Helper()
	s := l.starts(command)
	err := s.Wait()
	if err != nil && s.ProcessState == nil {
		l.t.Fatal(err)
	}
	return s.out.String(), s.ProcessState.ExitCode()
}

// until waits for something, and says what if it does not come.
func (l lockout) until(what string, is func() bool) {
	l.t.Helper()
	for end := time.Now().Add(2 * time.Minute); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			l.t.Fatalf("%s did not come\n%s", what, l.here.Run("nft", "list", "ruleset"))
		}
	}
}

func (l lockout) rules() string { return l.here.Run("nft", "list", "ruleset") }

// plan writes a plan that lets the sources in at the port of sshd, and nobody else.
func (l lockout) plan(sources string) string {
	l.t.Helper()
	name := l.t.TempDir() + "/lockout.hcl"
	text := "plan {\n  name = \"lockout\"\n}\n"
	if sources != "" {
		text += fmt.Sprintf("firewall_port \"ssh\" {\n  port    = 22\n  sources = [%q]\n}\n", sources)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}
	return name
}

const apply = agent + " apply --allow-prune --confirm-timeout "

func TestLockOutInside(t *testing.T) {
	if os.Getenv(machine.InLab) == "" {
		t.Skip("needs to be inside a machine of the lab: TestLockOut takes it there")
	}
	l := lockout{t, netns.Own(t), netns.New(t)}
	netns.Connect(l.here, l.peer)
	l.until("sshd", func() bool { _, status := l.says("true"); return status == 0 })
	before := l.rules()

	// Who would be kept out is not: the change goes back, and says so.
	out, status := l.says(apply + "3s " + l.plan("10.9.0.0/16"))
	for _, text := range []string{"is to be confirmed within", "from a NEW connection: agent0-converge confirm", "went back: it was not confirmed in time"} {
		if !strings.Contains(out, text) {
			t.Errorf("the apply does not say %q:\n%s", text, out)
		}
	}
	if status != 1 || l.rules() != before {
		t.Errorf("exit status %d; the rules are\n%s", status, l.rules())
	}
	if out, _ := l.says(agent + " history"); !strings.Contains(out, "reverted") {
		t.Errorf("the history does not say so:\n%s", out)
	}
	if _, err := os.Stat("/etc/agent0/firewall.nft"); err == nil {
		t.Error("what was not confirmed persists")
	}

	// Also where the run is killed, and nothing is left of it but what takes the change back.
	s := l.starts(apply + "5s " + l.plan("10.9.0.0/16"))
	l.until("the change", func() bool { return l.rules() != before })
	l.here.Run("pkill", "-KILL", "-f", agent+" apply")
	l.until("the way back", func() bool { return l.rules() == before })
	_ = s.Wait() // it was cut short

	// Who is let in anew need not say so.
	if out, status := l.says(apply + "60s " + l.plan("192.0.2.0/24")); status != 0 || !strings.Contains(out, "the change stays") {
		t.Errorf("exit status %d:\n%s", status, out)
	}
	with := l.rules()
	if out, status := l.says(agent + " plan --detailed-exitcode " + l.plan("192.0.2.0/24")); status != 0 {
		t.Errorf("the second plan says\n%s", out)
	}

	// A change that keeps the session and would not let it in again: the session is no proof, and cannot confirm it.
	s = l.starts("(sleep 2; " + agent + " confirm) & " + apply + "8s " + l.plan("10.9.0.0/16") + "; wait")
	l.until("the change", func() bool { return l.rules() != with })
	l.until("the way back", func() bool { return l.rules() == with })
	if err := s.Wait(); err != nil {
		t.Errorf("the session was cut: %v", err)
	}
	for _, text := range []string{"is to be confirmed within", "went back"} {
		if !strings.Contains(s.out.String(), text) {
			t.Errorf("the session does not say %q:\n%s", text, s.out)
		}
	}

	// A block that is dropped, and an undo, are guarded alike; what lets more in is not.
	if out, status := l.says(apply + "60s " + l.plan("")); status != 0 {
		t.Errorf("exit status %d:\n%s", status, out)
	}
	if l.rules() != before {
		t.Errorf("after the drop:\n%s", l.rules())
	}
	if out, status := l.says(agent + " undo --confirm-timeout 60s"); status != 0 || !strings.Contains(out, "the change stays") {
		t.Errorf("exit status %d:\n%s", status, out)
	}
}
