package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/internal/lab/machine/cgroup"
	"github.com/agent0-converge/agent0-converge/internal/lab/machine/control"
)

// enter runs a program inside a machine and reports how it ended.
func enter(params string) error {
	unix.CloseOnExec(channel)
	result := control.Result{}
	code, err := runInside(params)
	if err != nil {
		result.Error = err.Error()
	}
	result.Code = code
	return json.NewEncoder(os.NewFile(channel, "result")).Encode(result)
}

func runInside(params string) (code int, err error) {
	var p control.Enter
	if err := json.Unmarshal([]byte(params), &p); err != nil {
		return 0, fmt.Errorf("cannot understand what to run: %w", err)
	}
	layout, err := cgroup.Read()
	if err != nil {
		return 0, err
	}
	if p.Unified {
		layout = layout.Unified()
	}
	if err := layout.Group(p.Groups[0]).Within(p.Groups[1]).Join(); err != nil {
		return 0, err
	}
	if err := joinNamespaces(p.PID); err != nil {
		return 0, err
	}
	if err := dropCapabilities(); err != nil {
		return 0, err
	}
	return runProgram(p)
}

// joinNamespaces takes this thread into the machine; what it starts is there altogether.
func joinNamespaces(pid int) error {
	names := []string{"cgroup", "ipc", "uts", "net", "pid", "mnt"} // mnt last: /proc is another one after it
	files := map[string]*os.File{}
	for _, n := range names {
		f, err := os.Open(fmt.Sprintf("/proc/%d/ns/%s", pid, n))
		if err != nil {
			return fmt.Errorf("cannot enter the machine (is it running?): %w", err)
		}
		defer f.Close()
		files[n] = f
	}
	// A thread that shares its root folder with others cannot have another root.
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return fmt.Errorf("cannot have a root folder of its own: %w", err)
	}
	for _, n := range names {
		if err := unix.Setns(int(files[n].Fd()), 0); err != nil {
			return fmt.Errorf("cannot enter the machine's %s namespace: %w", n, err)
		}
	}
	return nil
}

// runProgram starts the program from this thread and waits for it.
func runProgram(p control.Enter) (code int, err error) {
	os.Clearenv()
	for _, e := range p.Env {
		name, value, _ := strings.Cut(e, "=")
		if err := os.Setenv(name, value); err != nil {
			return 0, fmt.Errorf("cannot set %s: %w", e, err)
		}
	}
	cmd := exec.Command(p.Argv[0], p.Argv[1:]...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = p.Dir, os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Run()
	var exit *exec.ExitError
	if err == nil || errors.As(err, &exit) {
		ws := cmd.ProcessState.Sys().(syscall.WaitStatus)
		if ws.Signaled() {
			return 128 + int(ws.Signal()), nil
		}
		return ws.ExitStatus(), nil
	}
	return 0, fmt.Errorf("cannot run %s in the machine: %w", p.Argv[0], err)
}
