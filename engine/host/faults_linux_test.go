package host_test

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

// changes are the methods under fault, each on a machine of its own.
func changes() map[string]func(*host.Files) error {
	all := host.Attr{Mode: 0o4750, UID: -1, GID: -1, Xattrs: map[string][]byte{"user.k": []byte("v")}}
	link := host.Attr{UID: 3, GID: -1, Xattrs: map[string][]byte{"trusted.k": []byte("v")}}
	return map[string]func(*host.Files) error{
		"write new":   func(f *host.Files) error { return f.Write("/d/new", []byte("new"), all) },
		"write old":   func(f *host.Files) error { return f.Write("/d/old", []byte("new"), all) },
		"write again": func(f *host.Files) error { return f.Write("/d/torn", []byte("new"), all) },
		"mkdir":       func(f *host.Files) error { return ifAbsent(f, "/d/sub", f.Mkdir, all) },
		"mkdir all":   func(f *host.Files) error { return f.MkdirAll("/d/x/y/z", 0o700) },
		"symlink":     func(f *host.Files) error { return f.Symlink("/x", "/d/old", link) },
		"remove":      func(f *host.Files) error { return f.Remove("/d/old") },
		"remove dir":  func(f *host.Files) error { return f.Remove("/d/empty") },
		"remove torn": func(f *host.Files) error { return f.Remove("/d/torn") },
		"clean":       func(f *host.Files) error { return f.Clean("/d/torn") },
		"sync":        func(f *host.Files) error { return f.Sync("/d/old") },
		"attributes":  func(f *host.Files) error { return f.SetAttr("/d/old", all) },
		"lock":        func(f *host.Files) error { return lockOnce(f) },
	}
}

// ifAbsent is how a kind makes a folder: it has read whether it is there.
func ifAbsent(f *host.Files, name string, mkdir func(string, host.Attr) error, a host.Attr) error {
	if _, err := f.Lstat(name); err == nil {
		return nil
	}
	return mkdir(name, a)
}

func lockOnce(f *host.Files) error {
	lock, err := f.Lock(context.Background(), "/d/lock", "pid 1 apply")
	if err != nil {
		return err
	}
	return lock.Close()
}

func newFaulty(t *testing.T) *hosttest.Machine {
	return hosttest.New(t, hosttest.Config{Files: map[string]hosttest.File{
		"/d/old":                        {Content: "old", Mode: 0o640, Xattrs: map[string]string{"user.old": "x"}},
		"/d/empty":                      {Dir: true},
		"/d/torn":                       {Content: "old"},
		"/d/" + host.TempName("torn"):   {Content: "ha"},
		"/d/" + host.TempName("unlike"): {Content: "another's"},
	}})
}

// TestEveryFaultIsSurvived fails each change of each method with each error, and stops
// the machine there. The fault is reported, leaves the old state or the new one and, but
// for a dead machine, no temporary; doing it again arrives where no fault would have.
func TestEveryFaultIsSurvived(t *testing.T) {
	needRoot(t)
	before := newFaulty(t).Dump()
	faults := map[string]func(*hosttest.Machine, int){
		"stop": func(m *hosttest.Machine, n int) { m.StopAt(n) },
	}
	for _, errno := range []syscall.Errno{syscall.EIO, syscall.ENOSPC, syscall.EROFS, syscall.EINTR, syscall.EDQUOT, syscall.EPERM} {
		faults[errno.Error()] = func(m *hosttest.Machine, n int) { m.FailAt(n, errno) }
	}
	fds := openFDs(t)
	for what, do := range changes() {
		m := newFaulty(t)
		check(t, do(m.Host().Files))
		after, count := m.Dump(), m.Changes()
		for name, fault := range faults {
			for n := 1; n <= count; n++ {
				m := newFaulty(t)
				fault(m, n)
				err := do(m.Host().Files)
				if !m.Fired() || (err == nil) != (name == syscall.EINTR.Error()) {
					t.Errorf("%s, %s at %d of %d: fired %v, %v", what, name, n, count, m.Fired(), err)
				}
				if err != nil {
					checkBetween(t, m, what, before, after, name == "stop")
				}
				m.Reset()
				err = do(m.Host().Files)
				if diff := cmp.Diff(after, m.Dump()); diff != "" || err != nil {
					t.Errorf("%s again after %s at %d: %v\n%s", what, name, n, err, diff)
				}
				check(t, m.Host().Close()) // not at the end: there are a thousand of them
			}
		}
	}
	// Each method had a machine that lives until the end, with its root open.
	if got := openFDs(t); got > fds+len(changes()) {
		t.Errorf("%d descriptors before, %d after", fds, got)
	}
}

// checkBetween compares what is there after a fault with the states before and after.
// Attributes of what exists and parents that are made on the way change in steps.
func checkBetween(t *testing.T, m *hosttest.Machine, what, before, after string, died bool) {
	t.Helper()
	if what == "attributes" || what == "mkdir all" || what == "lock" {
		return
	}
	temp := func(dump string) string {
		var lines []string
		for line := range strings.Lines(dump) {
			if !strings.Contains(line, ".agent0-converge.") {
				lines = append(lines, line)
			}
		}
		return strings.Join(lines, "")
	}
	got := m.Dump()
	if temp(got) != temp(before) && temp(got) != temp(after) {
		t.Errorf("%s was seen half done:\n%s", what, got)
	}
	torn := strings.Contains(what, "torn") || what == "write again" || what == "clean" // had one from the start
	if n := strings.Count(got, ".agent0-converge."); !died && !torn && n != 2 {
		t.Errorf("%s left a temporary:\n%s", what, got)
	}
}

func TestWatcherCannotBeInterruptedForEver(t *testing.T) {
	asked := 0
	h := open(t, host.Options{Root: t.TempDir(), Watch: func(host.Op) error { asked++; return syscall.EINTR }})
	err := h.Files.Write("/x", nil, keep(0o600))
	if !errors.Is(err, syscall.EINTR) || asked > 100 {
		t.Errorf("asked %d times: %v", asked, err)
	}
}
