package supervise

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// Child starts an engine as a child. Of the environment it gets env alone. args are handed to it, with "--dial" and the path of
// the socket where this process waits for it, in a folder that only this user reaches.
func Child(binary string, env []string, args ...string) Place {
	return Place{Start: func(ctx context.Context) (p *Process, err error) {
		dir, err := os.MkdirTemp("", "agent0-engine-")
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		l, err := net.Listen("unix", filepath.Join(dir, "front"))
		if err != nil {
			return nil, err
		}
		defer l.Close()
		cmd := exec.Command(binary, append(args, "--dial", l.Addr().String())...)
		cmd.Env, cmd.Stderr = env, os.Stderr
		if err := cmd.Start(); err != nil {
			return nil, fmt.Errorf("cannot start %s: %w", binary, err)
		}
		wait := sync.OnceValue(func() string {
			cmd.Wait() // how it ended is in ProcessState
			return cmd.ProcessState.String()
		})
		go func() { // ends with the child
			wait()
			l.Close()
		}()
		stop := context.AfterFunc(ctx, func() { l.Close() })
		defer stop()
		c, err := l.Accept()
		if err != nil {
			cmd.Process.Kill() // if it has not ended
			return nil, fmt.Errorf("%s did not come: %s", binary, wait())
		}
		return &Process{Conn: c, Kill: func() { cmd.Process.Kill() }, Wait: wait}, nil
	}}
}
