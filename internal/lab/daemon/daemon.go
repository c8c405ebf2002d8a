// Package daemon runs servers of other people's for tests and benchmarks: as children, at addresses of this machine that
// nobody else listens at.
package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"sync"
	"time"
)

// patience is how long a server may take until it listens, on a machine that has other work.
const patience = time.Minute

// Daemon is a server that runs.
type Daemon struct {
	cmd  *exec.Cmd
	said bytes.Buffer  // to be read once it has ended
	done chan struct{} // closed then
	once sync.Once
}

// Start runs a command and returns once something listens at the address. If it ends before, what it said is in the error.
func Start(cmd *exec.Cmd, address string) (*Daemon, error) {
	d := &Daemon{cmd: cmd, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &d.said, &d.said
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", cmd.Path, err)
	}
	go func() {
		defer close(d.done)
		cmd.Wait() // how it ended is in ProcessState
	}()
	for until := time.Now().Add(patience); time.Now().Before(until); {
		if c, err := net.Dial("tcp", address); err == nil {
			return d, c.Close()
		}
		select {
		case <-d.done:
			return nil, fmt.Errorf("%s ended: %v: %s", cmd.Path, cmd.ProcessState, &d.said)
		case <-time.After(10 * time.Millisecond):
		}
	}
	err := d.Close()
	return nil, errors.Join(fmt.Errorf("%s does not listen at %s: %s", cmd.Path, address, &d.said), err)
}

// Close kills the server and waits for its end. That it has ended already is no error.
func (d *Daemon) Close() (err error) {
	d.once.Do(func() {
		select {
		case <-d.done:
		default:
			err = d.cmd.Process.Kill()
			<-d.done
		}
	})
	return err
}

// FreeAddress is an address of this machine, with an IP address of it, that nobody listens at.
func FreeAddress(ip string) (string, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(ip, "0"))
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
