package host_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// A plain file plays one of the kernel's: it keeps its inode, owner and mode.
func TestSetChangesInPlace(t *testing.T) {
	var ops []host.Op
	root := t.TempDir()
	h := open(t, host.Options{Root: root, Watch: func(op host.Op) error { ops = append(ops, op); return nil }})
	name := filepath.Join(root, "key")
	check(t, os.WriteFile(name, []byte("a longer value\n"), 0o600))
	before, err := os.Stat(name)
	check(t, err)
	check(t, h.Files.Set("/key", []byte("1\n")))
	b, err := os.ReadFile(name)
	check(t, err)
	after, err := os.Stat(name)
	if err != nil || string(b) != "1\n" || !os.SameFile(before, after) || before.Mode() != after.Mode() {
		t.Errorf("%q, %v, %v", b, after, err)
	}
	if len(ops) != 1 || ops[0] != (host.Op{Name: "set", Path: "/key"}) {
		t.Errorf("the watcher saw %v", ops)
	}
}

// What is not there is not made, and what is no file is not written to.
func TestSetMakesNothing(t *testing.T) {
	inBothRoots(t, func(t *testing.T, f *host.Files, dir, real string) {
		check(t, os.Symlink("/etc/passwd", filepath.Join(real, "link")))
		if err := f.Set(dir+"/none", []byte("1")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("none: %v", err)
		}
		if err := f.Set(dir+"/link", []byte("1")); !errors.Is(err, syscall.ELOOP) {
			t.Errorf("link: %v", err)
		}
		if _, err := os.Lstat(filepath.Join(real, "none")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("it was made: %v", err)
		}
	})
}

// A watcher that objects is the result, and nothing is changed.
func TestSetPassesTheGate(t *testing.T) {
	root := t.TempDir()
	h := open(t, host.Options{Root: root, Watch: func(host.Op) error { return syscall.EIO }})
	name := filepath.Join(root, "key")
	check(t, os.WriteFile(name, []byte("0"), 0o600))
	err := h.Files.Set("/key", []byte("1"))
	if b, _ := os.ReadFile(name); !errors.Is(err, syscall.EIO) || string(b) != "0" {
		t.Errorf("%v, %q", err, b)
	}
}

// The kernel itself, in a network of this test's own: it takes values and says no in words.
func TestSetOfTheKernel(t *testing.T) {
	needRoot(t)
	t.Run("namespace", func(t *testing.T) {
		runtime.LockOSThread() // and never unlocked, so that the thread ends with the test
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			t.Skipf("needs a network namespace: %v", err)
		}
		f := open(t, host.Options{}).Files
		const dir = "/proc/sys/net/ipv4/"
		check(t, f.Set(dir+"ip_default_ttl", []byte("77\n")))
		if b, err := f.ReadFile(dir + "ip_default_ttl"); string(b) != "77\n" {
			t.Errorf("%q, %v", b, err)
		}
		for _, c := range []struct{ name, value, want string }{
			{"ip_default_ttl", "900\n", "cannot set " + dir + "ip_default_ttl: the kernel does not take this value"},
			{"ip_default_ttl", "many\n", "the kernel does not take this value"},
			{"tcp_available_congestion_control", "x\n", "the kernel does not let this process set it"},
			{"no_such_key", "1\n", "no such file"},
		} {
			if err := f.Set(dir+c.name, []byte(c.value)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s = %q: %v, want %q", c.name, c.value, err, c.want)
			}
		}
	})
}
