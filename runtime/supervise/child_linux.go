package supervise

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Child starts an engine as a child, which ends when this process does. Of the environment it gets env alone. args are handed
// to it, with "-fd 3": its connection.
func Child(binary string, env []string, args ...string) Place {
	return Place{Start: func(ctx context.Context) (*Process, error) {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return nil, err
		}
		ours, theirs := os.NewFile(uintptr(fds[0]), "engine"), os.NewFile(uintptr(fds[1]), "front")
		defer ours.Close()
		defer theirs.Close()
		c, err := net.FileConn(ours)
		if err != nil {
			return nil, err
		}
		cmd := exec.Command(binary, append(args, "--fd", "3")...)
		cmd.Env, cmd.Stderr, cmd.ExtraFiles = env, os.Stderr, []*os.File{theirs}
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C is the front's to handle: it drains first
		if err := cmd.Start(); err != nil {
			c.Close()
			return nil, fmt.Errorf("cannot start %s: %w", binary, err)
		}
		wait := sync.OnceValue(func() string {
			cmd.Wait() // how it ended is in ProcessState
			return cmd.ProcessState.String()
		})
		return &Process{Conn: c, Kill: func() { cmd.Process.Kill() }, Wait: wait}, nil
	}}
}
