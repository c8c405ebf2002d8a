package serving

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// restartAfter is how long a failed engine is waited with, as its unit has it.
const restartAfter = 100 * time.Millisecond

// Kept is a socket with an engine as systemd keeps one: a connection starts it; one that fails is started again, and one that
// ends with status 0 is not, until the next connection.
type Kept struct {
	Path string
	file *os.File
	stop context.CancelFunc
	done chan struct{}
	log  log

	mu     sync.Mutex
	pid    int
	starts int
	clean  int
}

// Keep keeps engines at a socket, with the configuration that the server's file has when one starts.
func (s *Server) Keep(path string) (*Kept, error) {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	k := &Kept{Path: path, done: make(chan struct{})}
	if k.file, err = l.File(); err != nil {
		return nil, err
	}
	if err := l.Close(); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	k.stop = stop
	go func() {
		defer close(k.done)
		k.keep(ctx, s)
	}()
	return k, nil
}

func (k *Kept) keep(ctx context.Context, s *Server) {
	for again := false; ctx.Err() == nil; {
		if !again && !k.asked() {
			continue
		}
		again = !k.run(ctx, s)
		if again {
			select {
			case <-ctx.Done():
			case <-time.After(restartAfter):
			}
		}
	}
}

// asked waits a moment for a connection, and reports whether there is one. The engine accepts it.
func (k *Kept) asked() bool {
	fds := []unix.PollFd{{Fd: int32(k.file.Fd()), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 50)
	return err == nil && n > 0
}

// run runs one engine, and reports whether it ended with status 0.
func (k *Kept) run(ctx context.Context, s *Server) bool {
	cmd := exec.CommandContext(ctx, "sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, s.programs.Agent, "engine", "--config", s.file)
	cmd.Env = append(os.Environ(), "LISTEN_FDS=1")
	cmd.ExtraFiles = []*os.File{k.file}
	cmd.Stdout, cmd.Stderr = &k.log, &k.log
	if err := cmd.Start(); err != nil {
		k.log.Write([]byte(err.Error()))
		return false
	}
	k.mu.Lock()
	k.pid = cmd.Process.Pid
	k.starts++
	k.mu.Unlock()
	err := cmd.Wait()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.pid = 0
	if err == nil {
		k.clean++
	}
	return err == nil
}

// State is how many engines were started, how many ended with status 0, and the process of the one that there is, or 0.
func (k *Kept) State() (starts, clean, pid int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.starts, k.clean, k.pid
}

// Log is what the engines have said.
func (k *Kept) Log() string { return k.log.String() }

// Close kills the engine and closes the socket.
func (k *Kept) Close() error {
	k.stop()
	<-k.done
	return errors.Join(k.file.Close(), os.Remove(k.Path))
}
