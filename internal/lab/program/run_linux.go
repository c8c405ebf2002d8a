package program

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Output runs a program and returns what it prints, without the last line end.
func Output(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", filepath.Base(name), err, Tail(stderr.Bytes()))
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}

// RunContained runs cmd such that its mounts and all its processes go when it ends, and it ends when this
// process does: debootstrap mounts /proc in its target.
func RunContained(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID, Unshareflags: unix.CLONE_NEWNS}
	return RunBound(cmd)
}

// RunBound runs cmd such that it is killed when this process ends.
func RunBound(cmd *exec.Cmd) error {
	// The kernel takes the death of the thread that started a process for that of its parent.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = unix.SIGKILL
	return cmd.Run()
}
