package host_test

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

func TestAppend(t *testing.T) {
	m := hosttest.New(t, hosttest.Config{Files: map[string]hosttest.File{"/link": {Link: "log"}}})
	for _, line := range []string{"one\n", "two\n"} {
		a, err := m.Host().Files.OpenAppend("/log", 0o640)
		check(t, err)
		_, err = a.Write([]byte(line))
		check(t, errors.Join(err, a.Sync(), a.Close()))
	}
	if got := m.Get("/log"); got != "one\ntwo\n" || !strings.HasPrefix(modeOwner(t, m.Path("/log")), "0640") {
		t.Errorf("the log is %q, %s", got, modeOwner(t, m.Path("/log")))
	}
	a, err := m.Host().Files.OpenAppend("/log", 0o640)
	check(t, err)
	m.FailAt(1, syscall.ENOSPC)
	if n, err := a.Write([]byte("lost")); n != 0 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Write = %d, %v", n, err)
	}
	check(t, a.Truncate(4))
	if size, err := a.Size(); size != 4 || err != nil {
		t.Errorf("Size = %d, %v", size, err)
	}
	check(t, a.Close())
	if err := a.Close(); !errors.Is(err, syscall.EBADF) {
		t.Errorf("closed twice: %v", err)
	}
	if _, err := m.Host().Files.OpenAppend("/link", 0o640); !errors.Is(err, syscall.ELOOP) {
		t.Errorf("through a link: %v", err)
	}
}

func TestLock(t *testing.T) {
	m := hosttest.New(t, hosttest.Config{})
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	first, err := m.Host().Files.Lock(ended, "/lock", "pid 123 apply of a long name")
	check(t, err)
	_, err = m.Host().Files.Lock(ended, "/lock", "pid 4 undo")
	held, ok := errors.AsType[*host.LockedError](err)
	if !ok || held.Holder != "pid 123 apply of a long name" || held.Path != "/lock" {
		t.Fatalf("a lock that is held: %v", err)
	}
	waiting := make(chan error)
	go func() {
		second, err := m.Host().Files.Lock(context.Background(), "/lock", "pid 4 undo")
		if err == nil {
			err = second.Close()
		}
		waiting <- err
	}()
	check(t, first.Close())
	check(t, <-waiting)
	if got := m.Get("/lock"); got != "pid 4 undo\n" {
		t.Errorf("the lock names %q", got)
	}
}
