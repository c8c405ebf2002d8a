package scenarios

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/internal/lab/machine"
	"github.com/agent0-converge/agent0-converge/internal/lab/trace"
)

// The plans between which a run is killed: the second changes, adds and drops something of every
// kind that a running system has.
const killBefore = `
plan { name = "kill" }

group "ops" {}

user "a0" {
  system  = true
  groups  = ["adm"]
  exact   = true
  comment = "is there"
}

env_file "a0" {
  path   = "/etc/a0/env"
  group  = user.a0.name
  values = { AGENT0_COLOUR = "blue" }
}

unit "a0" {
  service = {
    ExecStart       = "/usr/local/bin/probe serve 127.0.0.1:8000"
    EnvironmentFile = env_file.a0.path
    User            = user.a0.name
  }
  install = { WantedBy = "multi-user.target" }
  enabled = true
  state   = "running"
}

unit "old" {
  service = { ExecStart = "/bin/sleep infinity" }
  install = { WantedBy = "multi-user.target" }
  enabled = true
  state   = "running"
}
`

const killAfter = `
plan { name = "kill" }

user "a0" {
  system  = true
  groups  = ["adm", "games"]
  exact   = true
  comment = "serves"
}

user "more" {
  system = true
}

env_file "a0" {
  path   = "/etc/a0/env"
  group  = user.a0.name
  values = { AGENT0_COLOUR = "red", MORE = "1" }
}

unit "a0" {
  service = {
    ExecStart       = "/usr/local/bin/probe serve 127.0.0.1:8000"
    EnvironmentFile = env_file.a0.path
    User            = user.a0.name
    Nice            = 3
  }
  install = { WantedBy = "basic.target" }
  enabled = true
  state   = "running"

  dropin "50-limits" {
    service = { MemoryMax = "64M" }
  }
}

unit "new" {
  name  = "new.timer"
  timer = { OnCalendar = "yearly", Unit = "logrotate.service" }
  state = "running"
}

logrotate "a0" {
  paths = ["/var/log/a0.log"]
  every = "daily"
}

sysctl "backlog" {
  name  = "net.core.somaxconn"
  value = "1024"
}
`

// killSample is how many of the kills every change tries; the lab tries all.
const killSample = 24

// TestKill kills an apply before and after each of its changes of the machine, what it tells systemd
// among them. The next apply must arrive, with the process that runs having what is on the disk.
func TestKill(t *testing.T) {
	h := booted(t)
	machine.GoTest(t, h.Machine, "./", "^TestKillInside$")
}

func TestKillInside(t *testing.T) {
	if os.Getenv(machine.InLab) == "" {
		t.Skip("needs to be inside a machine of the lab: TestKill takes it there")
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"before.hcl": killBefore, "after.hcl": killAfter} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	before, after := filepath.Join(dir, "before.hcl"), filepath.Join(dir, "after.hcl")
	sweep := trace.Sweep{
		Dir: t.TempDir(),
		Prepare: func(string) (*exec.Cmd, error) {
			if err := tell(agent, "apply", "--allow-prune", before); err != nil {
				return nil, err
			}
			return exec.Command(agent, "apply", "--allow-prune", after), nil
		},
		Check: func(string, trace.Kill) error { return arrives(after) },
		Options: trace.Options{
			Under: []string{"/etc", "/run/agent0-converge", "/var/lib/agent0-converge", "/proc/sys"}, Extra: tellsSystemd,
		},
		Retry: 5, Seed: 1,
	}
	if os.Getenv("AGENT0_LAB") == "" {
		sweep.Sample = killSample
	}
	report, err := sweep.Run(context.Background())
	t.Log(report)
	if err != nil {
		t.Error(err)
	}
	told := 0
	for _, p := range report.Points {
		if p.Op == trace.OpOther {
			told++
		}
	}
	t.Logf("%d of the points tell systemd something", told)
	if told < 4 || report.Fired != len(report.Kills) {
		t.Errorf("%d points tell systemd something, %d of %d kills fired", told, report.Fired, len(report.Kills))
	}
}

// tellsSystemd reports a message to systemd that changes something.
func tellsSystemd(s trace.Syscall) bool {
	if s.Nr != unix.SYS_WRITE {
		return false
	}
	if name, err := s.FD(int(int32(s.Args[0]))); err != nil || !strings.HasPrefix(name, "socket:") {
		return false
	}
	message, err := s.Memory(s.Args[1], int(min(s.Args[2], 512)))
	if err != nil {
		return false
	}
	for _, member := range []string{"StartUnit", "StopUnit", "RestartUnit", "ReloadUnit", "ResetFailedUnit", "Reload"} {
		if bytes.Contains(message, []byte("\x00"+member+"\x00")) {
			return true
		}
	}
	return false
}

// arrives is what must hold after any crash, once the plan is applied again.
func arrives(plan string) error {
	for _, argv := range [][]string{
		{agent, "apply", "--allow-prune", plan}, {agent, "plan", "--detailed-exitcode", plan}, {agent, "history"}, {agent, "show"},
		{"systemctl", "is-active", "--quiet", "a0.service", "new.timer"}, {"pwck", "-qr"}, {"grpck", "-r"},
	} {
		if err := tell(argv...); err != nil {
			return err
		}
	}
	out, err := exec.Command(probe, "get", "http://127.0.0.1:8000/env/AGENT0_COLOUR").CombinedOutput()
	if err != nil || string(out) != "red" {
		return fmt.Errorf("the server runs with %q, %w", out, err)
	}
	nice, err := exec.Command("systemctl", "show", "--value", "-p", "Nice,MemoryMax,NeedDaemonReload", "a0.service").Output()
	if want := "no"; err != nil || !strings.Contains(string(nice), "3\n") || !strings.Contains(string(nice), fmt.Sprint(64<<20)) || !strings.Contains(string(nice), want) {
		return errors.Join(err, fmt.Errorf("systemd has Nice, MemoryMax and NeedDaemonReload as %q", nice))
	}
	return filepath.WalkDir("/etc", func(name string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(filepath.Base(name), ".agent0-converge.") {
			err = fmt.Errorf("a temporary file was left: %s", name)
		}
		return err
	})
}

func tell(argv ...string) error {
	if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), err, out)
	}
	return nil
}
