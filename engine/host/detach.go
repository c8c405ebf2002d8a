package host

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// Ready is the line by which a program that was detached says that it has all that it needs.
const Ready = "ready"

// detachDeadline is how long a detached program may take until it says so.
const detachDeadline = 20 * time.Second

// Detach starts a program that outlives this process: in a session of its own, in the root folder, without a terminal.
// It returns once the program has written the line Ready to its standard output, which is then closed. The program is
// a child of this process until it detaches itself further (DetachSelf).
func (p *Programs) Detach(ctx context.Context, argv ...string) error {
	if len(argv) == 0 {
		return errors.New("cannot run a program: it has no name")
	}
	if p.offline {
		return &OfflineError{argv[0]}
	}
	start, started := time.Now(), false
	var said string
	err := p.gate.do("detach", argv[0], func() (err error) {
		started = true
		said, err = p.detach(ctx, argv)
		return err
	})
	if err != nil {
		err = fmt.Errorf("cannot detach %s: %w", argv[0], err)
	}
	if started && p.ran != nil {
		c := Call{Argv: argv, Took: time.Since(start), Output: said}
		if err != nil {
			c.Exit = 1
		}
		p.ran(c)
	}
	return err
}

// detach returns what the program said on its way.
func (p *Programs) detach(ctx context.Context, argv []string) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, detachDeadline, fmt.Errorf("it was not ready within %s", detachDeadline))
	defer cancel()
	if p.fakes != nil {
		out, err := p.run(ctx, nil, argv)
		return out.text(), err
	}
	file, err := lookPath(argv[0])
	if err != nil {
		return "", err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return "", fmt.Errorf("cannot make a pipe: %w", err)
	}
	defer r.Close()
	cmd := exec.Command(file, argv[1:]...)
	cmd.Args[0] = argv[0]
	cmd.Dir, cmd.Env = systemRoot, environment()
	cmd.Stdout, cmd.Stderr = w, w
	session(cmd)
	err = errors.Join(cmd.Start(), w.Close())
	if err != nil {
		return "", err
	}
	go func() { _ = cmd.Wait() }() // how it ends matters to nobody: it has said that it is ready, or has not
	said, err := untilReady(ctx, r)
	if err != nil {
		err = errors.Join(err, cmd.Process.Kill())
	}
	return said, err
}

// untilReady reads lines up to Ready. What else there is says why the program is not.
func untilReady(ctx context.Context, r *os.File) (said string, err error) {
	if deadline, ok := ctx.Deadline(); ok {
		if err := r.SetReadDeadline(deadline); err != nil {
			return "", fmt.Errorf("cannot bound the wait for it: %w", err)
		}
	}
	stop := context.AfterFunc(ctx, func() { _ = r.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	lines := bufio.NewScanner(io.LimitReader(r, maxErrorOutput))
	for lines.Scan() {
		if lines.Text() == Ready {
			return said, nil
		}
		said += lines.Text() + "\n"
	}
	if err := context.Cause(ctx); err != nil {
		return said, err
	}
	if said == "" {
		return said, errors.New("it ended before it was ready, and said nothing")
	}
	return said, fmt.Errorf("it ended before it was ready: %s", said)
}

// DetachSelf is for a program that Detach has started, before it is ready: it starts the same program again, with the
// arguments argv, so that it is no longer a child of whoever detached it, and hands on what that waits for. The
// caller ends next.
func DetachSelf(argv ...string) error {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = systemRoot, environment()
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	session(cmd)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("cannot detach %s: %w", argv[0], err)
	}
	return nil
}
