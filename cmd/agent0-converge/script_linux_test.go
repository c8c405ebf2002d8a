package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// condition tells scripts what they may do here.
func condition(cond string) (bool, error) {
	switch cond {
	case "root":
		return os.Getuid() == 0, nil
	case "mounts":
		return os.Getuid() == 0 && exec.Command("unshare", "-m", "true").Run() == nil, nil
	}
	return false, fmt.Errorf("unknown condition %q", cond)
}

func platformCommands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"nobody": scriptNobody, "terminal": scriptTerminal, "holdlock": scriptHoldLock, "live": scriptLive, "nosecret": scriptNoSecret,
	}
}

// nobody is a user that owns nothing.
const nobody = 65534

// scriptNobody is "nobody STATUS ARGUMENT...": the program as a user who is not root.
func scriptNobody(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: nobody STATUS ARGUMENT...")
	}
	cmd := command(ts, args[1:])
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	finish(ts, args[0], cmd)
}

func command(ts *testscript.TestScript, args []string) *exec.Cmd {
	cmd := exec.Command("agent0-converge", args...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "SUDO_USER", "WORK", "AGENT0_VAR_token", "NO_COLOR", "TERM"} {
		if value := ts.Getenv(name); value != "" {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	return cmd
}

func finish(ts *testscript.TestScript, status string, cmd *exec.Cmd) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	out := stdout.String()
	if first, rest, ok := strings.Cut(out, "\n"); ok && cmd.Args[0] == "unshare" && !strings.HasPrefix(first, "run ") && strings.Contains(first, " · ") {
		out = "(this machine)\n" + rest
	}
	ended(ts, status, err, out, stderr.String())
}

// liveRoot makes the folder $1 the running system of its arguments, in a mount namespace of its
// own: programs and devices are this machine's, processes those of the process namespace that it is in,
// everything else is in the folder.
const liveRoot = `set -eu
root=$1; shift
mount --make-rprivate /
mkdir -p "$root/proc"
mount -t proc proc "$root/proc"
for d in usr dev; do
	mkdir -p "$root/$d"
	mount --rbind "/$d" "$root/$d"
done
for d in bin sbin lib lib64; do
	[ -L "$root/$d" ] || ln -s "usr/$d" "$root/$d"
done
mkdir -p "$root/run" "$root/tmp" "$root/work"
mount --bind "$WORK" "$root/work"
cp "$(command -v agent0-converge)" "$root/agent0-converge"
exec chroot "$root" /bin/sh -c 'cd /work && exec /agent0-converge "$@"' sh "$@"
`

// scriptLive is "live STATUS DIR ARGUMENT...": the program on a system that runs, whose root is DIR.
// $WORK is /work there. It has processes of its own: those of this machine may run as the same accounts.
func scriptLive(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: live STATUS DIR ARGUMENT...")
	}
	cmd := command(ts, nil)
	sh := append([]string{"-m", "-p", "-f", "--kill-child", "sh", "-c", liveRoot, "sh", ts.MkAbs(args[1])}, args[2:]...)
	live := exec.Command("unshare", sh...)
	live.Env, live.Dir = cmd.Env, cmd.Dir
	finish(ts, args[0], live)
}

// scriptHoldLock is "holdlock FILE WORDS": another run is at work until the script ends.
func scriptHoldLock(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: holdlock FILE WORDS")
	}
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	ts.Check(err)
	ts.Defer(func() { f.Close() })
	ts.Check(unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB))
	_, err = f.WriteString(args[1] + "\n")
	ts.Check(err)
}

// scriptNoSecret is "nosecret TEXT FILE...": the text is in none of the files, nor in what the last
// program printed. A folder stands for all in it but the vault.
func scriptNoSecret(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: nosecret TEXT FILE...")
	}
	for _, stream := range []string{"stdout", "stderr"} {
		if strings.Contains(ts.ReadFile(stream), args[0]) {
			ts.Fatalf("%s shows the secret", stream)
		}
	}
	for _, name := range args[1:] {
		found, err := findSecret(ts.MkAbs(name), args[0])
		ts.Check(err)
		if len(found) > 0 {
			ts.Fatalf("the secret is in %s", strings.Join(found, ", "))
		}
	}
}

// findSecret lists the files below dir that hold secret, without the vault.
func findSecret(dir, secret string) (found []string, err error) {
	err = filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == "vault":
			return filepath.SkipDir
		case strings.Contains(name, secret):
			found = append(found, name)
		case d.Type().IsRegular():
			b, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			if bytes.Contains(b, []byte(secret)) {
				found = append(found, name)
			}
		}
		return nil
	})
	return found, err
}
