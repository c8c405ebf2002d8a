package host_test

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// inBothRoots runs a test on a folder of the running system and on one that is a root. dir
// is the folder as the files see it, real as the test sees it.
func inBothRoots(t *testing.T, test func(t *testing.T, f *host.Files, dir, real string)) {
	t.Helper()
	t.Run("system", func(t *testing.T) {
		dir := t.TempDir()
		test(t, open(t, host.Options{}).Files, dir, dir)
	})
	t.Run("rooted", func(t *testing.T) {
		root := t.TempDir()
		check(t, os.Mkdir(filepath.Join(root, "in"), 0o755))
		test(t, open(t, host.Options{Root: root}).Files, "/in", filepath.Join(root, "in"))
	})
}

func open(t testing.TB, o host.Options) *host.Host {
	t.Helper()
	if o.Facts == nil {
		o.Facts = &host.Facts{}
	}
	h, err := host.Open(o)
	check(t, err)
	t.Cleanup(func() { check(t, h.Close()) })
	return h
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
}

// inNamespace runs a test on a thread with mounts and a root folder of its own. The
// thread is never unlocked, so that it ends with the test and is not used again.
func inNamespace(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	needRoot(t)
	t.Run("namespace", func(t *testing.T) {
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
			t.Skipf("needs a mount namespace: %v", err)
		}
		check(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
		test(t)
	})
}

func mount(t *testing.T, source, target, fstype string, flags uintptr, data string) {
	t.Helper()
	check(t, unix.Mount(source, target, fstype, flags, data))
	t.Cleanup(func() { unix.Unmount(target, unix.MNT_DETACH) })
}

// leftovers lists the temporary files below a folder.
func leftovers(t *testing.T, real string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(real, ".agent0-converge.*"))
	check(t, err)
	return found
}

// modeOwner describes what a file looks like to the kernel.
func modeOwner(t *testing.T, name string) string {
	t.Helper()
	var st unix.Stat_t
	check(t, unix.Lstat(name, &st))
	return fmt.Sprintf("%04o %d:%d", st.Mode&0o7777, st.Uid, st.Gid)
}

// trace names operations with TEMP for the temporary and without the folder.
func trace(ops []host.Op) string {
	var lines []string
	for _, op := range ops {
		base := path.Base(op.Path)
		if strings.HasPrefix(base, ".agent0-converge.") {
			base = "TEMP"
		}
		lines = append(lines, op.Name+" "+base)
	}
	return strings.Join(lines, ", ")
}

// openFDs counts the descriptors of this process.
func openFDs(t *testing.T) int {
	t.Helper()
	names, err := os.ReadDir("/proc/self/fd")
	check(t, err)
	return len(names)
}
