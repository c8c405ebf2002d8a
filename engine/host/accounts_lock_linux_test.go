package host_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

const lockAs = "HOSTTEST_HOLD_LOCK"

// TestHoldsLock is the child of TestLockAccounts: it locks as lckpwdf(3) does, by a lock of the
// process, until its standard input ends.
func TestHoldsLock(t *testing.T) {
	name := os.Getenv(lockAs)
	if name == "" {
		t.Skip("is run by TestLockAccounts")
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o600)
	check(t, err)
	check(t, unix.FcntlFlock(f.Fd(), unix.F_SETLKW, &unix.Flock_t{Type: unix.F_WRLCK}))
	fmt.Println("locked")
	_, _ = os.Stdin.Read(make([]byte, 1)) // it ends
}

// holdLock starts the child and returns how to end it.
func holdLock(t *testing.T, name string) (pid int, release func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestHoldsLock$")
	cmd.Env = append(os.Environ(), lockAs+"="+name)
	in, err := cmd.StdinPipe()
	check(t, err)
	out, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	var said bytes.Buffer
	for !strings.Contains(said.String(), "locked\n") {
		buf := make([]byte, 256)
		n, err := out.Read(buf)
		said.Write(buf[:n])
		if err != nil {
			t.Fatalf("the child does not lock: %v %q", err, said.String())
		}
	}
	return cmd.Process.Pid, func() {
		in.Close()
		check(t, cmd.Wait())
	}
}

// Whoever locks as the C library does keeps us out, and we keep them out.
func TestLockAccounts(t *testing.T) {
	m := hosttest.New(t, hosttest.Config{Files: map[string]hosttest.File{"/etc/passwd": {}}})
	files, name := m.Host().Files, m.Path("/etc/.pwd.lock")
	ended, cancel := context.WithCancel(t.Context())
	cancel()

	pid, release := holdLock(t, name)
	_, err := files.LockAccounts(ended)
	locked, ok := errors.AsType[*host.LockedError](err)
	if !ok || locked.Path != "/etc/.pwd.lock" || locked.Holder != fmt.Sprintf("process %d", pid) {
		t.Errorf("while process %d holds the lock: %v", pid, err)
	}
	got := make(chan error, 1)
	go func() {
		lock, err := files.LockAccounts(t.Context())
		if err == nil {
			err = lock.Close()
		}
		got <- err
	}()
	release()
	check(t, <-got)

	lock, err := files.LockAccounts(t.Context())
	check(t, err)
	other, err := os.OpenFile(name, os.O_WRONLY, 0)
	check(t, err)
	defer other.Close()
	if err := unix.FcntlFlock(other.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}); err != unix.EAGAIN {
		t.Errorf("our lock does not keep others out: %v", err)
	}
	other.Close() // which would end a lock of the process
	if _, err := files.LockAccounts(ended); !errors.As(err, &locked) {
		t.Errorf("the lock is not exclusive within the process: %v", err)
	}
	check(t, lock.Close())
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the lock file is %v, %v", info, err)
	}
}

// The lock files of shadow's tools count while their process lives.
func TestLockOfATool(t *testing.T) {
	m := hosttest.New(t, hosttest.Config{Files: map[string]hosttest.File{"/etc/passwd": {}}})
	files := m.Host().Files
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	m.Put("/etc/group.lock", hosttest.File{Content: fmt.Sprintf("%d\x00", os.Getpid())})
	_, err := files.LockAccounts(ended)
	if locked, ok := errors.AsType[*host.LockedError](err); !ok || locked.Path != "/etc/group.lock" {
		t.Errorf("while a tool holds its lock: %v", err)
	}
	for name, content := range map[string]string{"of nobody": "garbage", "of a process that ended": fmt.Sprint(deadPID(t))} {
		m.Put("/etc/group.lock", hosttest.File{Content: content})
		lock, err := files.LockAccounts(ended)
		if err != nil {
			t.Errorf("a lock file %s: %v", name, err)
			continue
		}
		check(t, lock.Close())
	}
	m.Put("/etc/group.lock", hosttest.File{Content: fmt.Sprint(os.Getpid())})
	got := make(chan error, 1)
	go func() {
		lock, err := files.LockAccounts(t.Context())
		if err == nil {
			err = lock.Close()
		}
		got <- err
	}()
	m.Delete("/etc/group.lock")
	select {
	case err := <-got:
		check(t, err)
	case <-time.After(time.Minute):
		t.Error("the lock is not taken once the tool has let go")
	}
}

// deadPID is the number of a process that ended and was waited for.
func deadPID(t *testing.T) int {
	t.Helper()
	cmd := exec.Command("true")
	check(t, cmd.Run())
	if err := syscall.Kill(cmd.Process.Pid, 0); err != syscall.ESRCH {
		t.Skipf("needs a number that no process has: %v", err)
	}
	return cmd.Process.Pid
}
