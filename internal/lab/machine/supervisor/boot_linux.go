package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/internal/lab/machine/control"
)

// boot is the machine from power on to power off.
type boot struct {
	init    *os.Process
	console *console
	ended   <-chan string // gets one of control's words when init has ended, and with it all its processes
}

// start makes the control groups and starts PID 1. It returns when that has become systemd.
func (s *supervisor) start() (*boot, error) {
	if err := s.group.Make(); err != nil {
		return nil, err
	}
	c, err := openConsole(filepath.Join(s.setup.Dir, control.Console))
	if err != nil {
		return nil, err
	}
	init, err := s.startInit(c)
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	ended := make(chan string, 1)
	go func() {
		state, err := init.Wait()
		if err != nil {
			ended <- err.Error()
			return
		}
		ended <- howEnded(state)
	}()
	return &boot{init: init, console: c, ended: ended}, nil
}

// startInit starts this program again, in namespaces of its own, as the machine's PID 1.
func (s *supervisor) startInit(c *console) (*os.Process, error) {
	params, err := json.Marshal(control.Init{
		Root: s.merged(), Group: s.name, Unified: s.setup.Unified, Console: c.tty.Name(),
	})
	if err != nil {
		return nil, err
	}
	failure, report, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("cannot make a pipe: %w", err)
	}
	defer failure.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, errors.Join(err, report.Close())
	}
	defer null.Close()
	p, err := os.StartProcess("/proc/self/exe", []string{os.Args[0], "init", s.name, string(params)}, &os.ProcAttr{
		Env:   []string{},
		Files: []*os.File{null, c.tty, c.tty, report},
		Sys: &syscall.SysProcAttr{
			Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
			Pdeathsig:  unix.SIGKILL,
			Setsid:     true,
		},
	})
	if closeErr := report.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, fmt.Errorf("cannot start PID 1: %w", err)
	}
	why, err := io.ReadAll(failure) // ends when PID 1 becomes another program
	if err == nil && len(why) == 0 {
		return p, nil
	}
	_, waitErr := p.Wait()
	return nil, errors.Join(errors.New(string(why)), err, waitErr)
}

// howEnded reads reboot(2), PID namespaces: the kernel says by a signal what PID 1 asked for.
func howEnded(state *os.ProcessState) string {
	ws := state.Sys().(syscall.WaitStatus)
	switch {
	case ws.Signaled() && ws.Signal() == unix.SIGHUP:
		return control.Rebooted
	case ws.Signaled() && ws.Signal() == unix.SIGINT:
		return control.PoweredOff
	case ws.Signaled() && ws.Signal() == unix.SIGKILL:
		return control.Killed
	}
	return state.String()
}
