package main

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// canaries is a plan whose checker tells all that a child of the program gets to see: its arguments,
// its environment, its files, and the arguments of the program.
const canaries = `
plan { name = "canary" }
variable "token" {
  type      = string
  sensitive = true
}
file "token" {
  path     = "/etc/token"
  content  = "token ${var.token}\n"
  validate = ["sh", "-c", "{ env; tr '\\0' ' ' < /proc/self/cmdline; tr '\\0' ' ' < /proc/$PPID/cmdline; ls -l /proc/self/fd; } >> /work/seen; echo \"$0 holds:\"; cat \"$0\"", "%s"]
}
env_file "app" {
  path   = "/etc/app.env"
  values = { TOKEN = var.token, SPLIT = "a ${var.token} b" }
}
file "part" {
  path      = "/etc/part"
  content   = sha256(var.token)
}
output "token" {
  value     = var.token
  sensitive = true
}
`

// cage is a running system in a folder, and all that the program printed while it worked there.
type cage struct {
	dir     string
	secrets []string
	printed bytes.Buffer
}

func newCage(t *testing.T) *cage {
	t.Helper()
	if os.Getuid() != 0 || exec.Command("unshare", "-m", "true").Run() != nil {
		t.Skip("needs root and a mount namespace of its own")
	}
	c := &cage{dir: t.TempDir()}
	for _, err := range []error{
		os.MkdirAll(filepath.Join(c.dir, "machine"), 0o755), os.Mkdir(filepath.Join(c.dir, "work"), 0o755),
		os.WriteFile(filepath.Join(c.dir, "work/plan.hcl"), []byte(canaries), 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		c.secrets = append(c.secrets, "canary-"+rand.Text())
	}
	return c
}

func (c *cage) command(args ...string) *exec.Cmd {
	cmd := exec.Command("unshare", append([]string{"-m", "sh", "-c", liveRoot, "sh", filepath.Join(c.dir, "machine")}, args...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "WORK=" + filepath.Join(c.dir, "work")}
	return cmd
}

// run runs the program with one of the secrets, and wants an exit status.
func (c *cage) run(t *testing.T, status, secret int, args ...string) {
	t.Helper()
	cmd := c.command(args...)
	cmd.Env = append(cmd.Env, "AGENT0_VAR_token="+c.secrets[secret])
	out, err := cmd.CombinedOutput()
	c.printed.Write(out)
	if got := cmd.ProcessState.ExitCode(); got != status {
		t.Fatalf("%s: %v, exit status %d, not %d\n%s", strings.Join(args, " "), err, got, status, out)
	}
}

func (c *cage) write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestCanary leads secrets through every command and looks for them everywhere but where they belong.
func TestCanary(t *testing.T) {
	c := newCage(t)
	c.run(t, 0, 0, "plan", "plan.hcl")
	c.run(t, 0, 0, "plan", "--out", "saved.json", "plan.hcl")
	c.run(t, 0, 0, "apply", "saved.json")
	c.run(t, 0, 1, "plan", "--json", "plan.hcl")
	c.run(t, 0, 1, "plan", "--out", "saved2.json", "plan.hcl")
	c.run(t, 0, 1, "apply", "--json", "plan.hcl")
	c.run(t, 0, 2, "apply", "plan.hcl")
	c.write(t, "machine/etc/token", "by hand "+c.secrets[2])
	c.write(t, "machine/etc/app.env", "OTHER="+c.secrets[2]+"\n")
	c.run(t, 2, 2, "drift", "plan.hcl")
	c.run(t, 2, 2, "drift", "--json", "plan.hcl")
	c.run(t, 2, 0, "apply", "--last")
	c.run(t, 2, 1, "apply", "--last", "--json")
	c.run(t, 1, 2, "undo")
	c.run(t, 0, 2, "undo", "--force")
	c.run(t, 0, 2, "undo")
	for id := range 5 {
		c.run(t, 0, 0, "show", fmt.Sprint(id+1))
		c.run(t, 0, 0, "show", "--json", fmt.Sprint(id+1))
	}
	c.run(t, 0, 0, "history", "--json")
	c.run(t, 0, 0, "show", "saved.json")
	c.run(t, 0, 0, "show", "--json", "saved2.json")
	c.run(t, 0, 0, "validate", "plan.hcl")

	for i, secret := range c.secrets {
		if bytes.Contains(c.printed.Bytes(), []byte(secret)) {
			t.Errorf("secret %d was printed:\n%s", i, c.printed.String())
		}
		for _, dir := range []string{"work", "machine/var", "machine/run", "machine/tmp"} {
			found, err := findSecret(filepath.Join(c.dir, dir), secret)
			if err != nil {
				t.Fatal(err)
			}
			if len(found) > 0 {
				t.Errorf("secret %d is in %s", i, strings.Join(found, ", "))
			}
		}
	}
	c.notVacuous(t)
}

// notVacuous proves that the secrets were where they belong, and that the checker looked.
func (c *cage) notVacuous(t *testing.T) {
	t.Helper()
	seen, err := os.ReadFile(filepath.Join(c.dir, "work/seen"))
	if err != nil || !bytes.Contains(seen, []byte("LC_ALL=C")) || !bytes.Contains(seen, []byte("/agent0-converge apply")) {
		t.Errorf("the checker saw too little: %v\n%s", err, seen)
	}
	token, err := os.ReadFile(filepath.Join(c.dir, "machine/etc/token"))
	if want := "by hand " + c.secrets[2]; err != nil || string(token) != want {
		t.Errorf("%q, %v; not %q", token, err, want)
	}
	vaults, err := filepath.Glob(filepath.Join(c.dir, "machine/var/lib/agent0-converge/vault/*/*"))
	if err != nil || !slices.ContainsFunc(vaults, func(name string) bool {
		b, err := os.ReadFile(name)
		return err == nil && bytes.Contains(b, []byte(c.secrets[2]))
	}) {
		t.Errorf("the vault does not hold what was there before: %v %v", vaults, err)
	}
}

// TestNoCore: what the program holds in memory does not end up in a file when it crashes.
func TestNoCore(t *testing.T) {
	unlimited := []string{"sh", "-c", `ulimit -c unlimited && exec "$@"`, "sh"}
	crash := exec.Command(unlimited[0], append(unlimited[1:], "sh", "-c", "kill -ABRT $$")...)
	crash.Dir = t.TempDir()
	if err := crash.Run(); err == nil || !crash.ProcessState.Sys().(syscall.WaitStatus).CoreDump() {
		t.Skip("this system writes no core files")
	}
	s := stall(t, func(cmd *exec.Cmd) {
		sh, err := exec.LookPath("sh")
		if err != nil {
			t.Fatal(err)
		}
		cmd.Path, cmd.Args = sh, append(slices.Clone(unlimited), cmd.Args...)
		cmd.Env = append(os.Environ(), "GOTRACEBACK=crash")
	})
	s.signal(t, syscall.SIGABRT)
	s.ended(t)
	ended := s.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ended.Signaled() || ended.Signal() != syscall.SIGABRT {
		t.Fatalf("it ended otherwise: %v", s.cmd.ProcessState)
	}
	cores, err := filepath.Glob(filepath.Join(s.dir, "core*"))
	if err != nil || ended.CoreDump() || len(cores) > 0 {
		t.Errorf("a core was written: %v %v", cores, err)
	}
	s.goesOn(t)
}

// TestOthersCannotLookIn: a process that cannot be dumped belongs to root in /proc, so that no other
// process of its user reads its memory or environment.
func TestOthersCannotLookIn(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("runs the program as another user")
	}
	s := stall(t, func(cmd *exec.Cmd) {
		bin, err := exec.LookPath("agent0-converge")
		if err != nil {
			t.Fatal(err)
		}
		for _, dir := range []string{cmd.Dir, filepath.Dir(cmd.Dir), filepath.Dir(bin), filepath.Dir(filepath.Dir(bin))} {
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chown(filepath.Join(cmd.Dir, "root"), nobody, nobody); err != nil {
			t.Fatal(err)
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	})
	info, err := os.Stat(fmt.Sprintf("/proc/%d/environ", s.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	if uid := info.Sys().(*syscall.Stat_t).Uid; uid != 0 {
		t.Errorf("its environment belongs to %d, not to root", uid)
	}
}
