package host_test

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

func TestMountPoints(t *testing.T) {
	inNamespace(t, func(t *testing.T) {
		inBothRootsHere(t, func(t *testing.T, f *host.Files, dir, real string) {
			check(t, os.WriteFile(real+"/file", []byte("below"), 0o644))
			check(t, os.WriteFile(real+"/other", []byte("mounted"), 0o644))
			check(t, os.Mkdir(real+"/sub", 0o755))
			mount(t, real+"/other", real+"/file", "", unix.MS_BIND, "")
			mount(t, "tmpfs", real+"/sub", "tmpfs", 0, "")
			for name, want := range map[string]bool{"/file": true, "/sub": true, "/other": false, "": false} {
				if got, err := f.IsMountPoint(dir + name); got != want || err != nil {
					t.Errorf("IsMountPoint(%s) = %v, %v", name, got, err)
				}
			}
			for what, err := range map[string]error{
				"write": f.Write(dir+"/file", []byte("x"), keep(0o644)), "remove file": f.Remove(dir + "/file"),
				"symlink": f.Symlink("x", dir+"/file", host.Attr{UID: -1, GID: -1}), "remove folder": f.Remove(dir + "/sub"),
			} {
				_, busy := errors.AsType[*host.BusyError](err)
				if !busy || !errors.Is(err, syscall.EBUSY) || !strings.Contains(err.Error(), "mount point") {
					t.Errorf("%s: %v", what, err)
				}
			}
			if left := leftovers(t, real); left != nil {
				t.Errorf("left %v", left)
			}
			check(t, f.SetAttr(dir+"/file", keep(0o600))) // this much can be done
		})
	})
}

// inBothRootsHere is inBothRoots without subtests, which would run on other threads.
func inBothRootsHere(t *testing.T, test func(t *testing.T, f *host.Files, dir, real string)) {
	t.Helper()
	dir, root := t.TempDir(), t.TempDir()
	test(t, open(t, host.Options{}).Files, dir, dir)
	test(t, open(t, host.Options{Root: root}).Files, "/", root)
}

func TestReadOnlyFileSystem(t *testing.T) {
	inNamespace(t, func(t *testing.T) {
		inBothRootsHere(t, func(t *testing.T, f *host.Files, dir, real string) {
			check(t, os.Mkdir(real+"/ro", 0o755))
			mount(t, "tmpfs", real+"/ro", "tmpfs", 0, "")
			check(t, os.WriteFile(real+"/ro/file", nil, 0o644))
			check(t, os.Symlink(dir+"/ro", real+"/link"))
			check(t, unix.Mount("", real+"/ro", "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
			for name, want := range map[string]bool{
				"/ro": true, "/ro/file": true, "/ro/none/deeper": true, "/link/none": true, "/link": false, "/none": false,
			} {
				if got, err := f.ReadOnly(dir + name); got != want || err != nil {
					t.Errorf("ReadOnly(%s) = %v, %v", name, got, err)
				}
			}
			for what, err := range map[string]error{
				"write": f.Write(dir+"/ro/file", nil, keep(0o644)), "remove": f.Remove(dir + "/ro/file"),
				"mkdir": f.Mkdir(dir+"/ro/new", keep(0o755)), "attributes": f.SetAttr(dir+"/ro/file", keep(0o600)),
			} {
				if !errors.Is(err, syscall.EROFS) || !strings.Contains(err.Error(), "file system is read-only") {
					t.Errorf("%s: %v", what, err)
				}
			}
		})
	})
}

func TestFullFileSystem(t *testing.T) {
	inNamespace(t, func(t *testing.T) {
		inBothRootsHere(t, func(t *testing.T, f *host.Files, dir, real string) {
			check(t, os.Mkdir(real+"/full", 0o755))
			mount(t, "tmpfs", real+"/full", "tmpfs", 0, "size=64k")
			check(t, f.Write(dir+"/full/x", []byte("old"), keep(0o644)))
			err := f.Write(dir+"/full/x", make([]byte, 1<<20), keep(0o644))
			if !errors.Is(err, syscall.ENOSPC) || leftovers(t, real+"/full") != nil {
				t.Errorf("a full disk: %v, left %v", err, leftovers(t, real+"/full"))
			}
			if b, err := f.ReadFile(dir + "/full/x"); string(b) != "old" {
				t.Errorf("the old file is %q, %v", b, err)
			}
		})
	})
}

func TestImmutable(t *testing.T) {
	needRoot(t)
	inBothRoots(t, func(t *testing.T, f *host.Files, dir, real string) {
		check(t, os.Mkdir(real+"/d", 0o755))
		check(t, os.WriteFile(real+"/file", nil, 0o644))
		check(t, os.WriteFile(real+"/append", nil, 0o644))
		setFlags(t, real+"/file", unix.STATX_ATTR_IMMUTABLE)
		setFlags(t, real+"/d", unix.STATX_ATTR_IMMUTABLE)
		setFlags(t, real+"/append", unix.STATX_ATTR_APPEND)
		for name, want := range map[string]host.Flags{"/file": host.Immutable, "/append": host.AppendOnly, "": 0} {
			if got, err := f.Flags(dir + name); got != want || err != nil {
				t.Errorf("Flags(%s) = %v, %v", name, got, err)
			}
		}
		for what, err := range map[string]error{
			"write": f.Write(dir+"/file", nil, keep(0o644)), "remove": f.Remove(dir + "/file"),
			"attributes": f.SetAttr(dir+"/file", keep(0o600)), "in a folder": f.Write(dir+"/d/x", nil, keep(0o644)),
		} {
			if !errors.Is(err, syscall.EPERM) || !strings.Contains(err.Error(), "chattr -i") {
				t.Errorf("%s: %v", what, err)
			}
		}
		if err := f.Remove(dir + "/append"); !errors.Is(err, syscall.EPERM) || !strings.Contains(err.Error(), "chattr -a") {
			t.Errorf("remove what only grows: %v", err)
		}
	})
}

// setFlags sets what chattr sets, for as long as the test lasts. The numbers of the flags
// are those of statx.
func setFlags(t *testing.T, name string, flags int) {
	t.Helper()
	file, err := os.Open(name)
	check(t, err)
	fd := int(file.Fd())
	before, err := unix.IoctlGetUint32(fd, unix.FS_IOC_GETFLAGS)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.FS_IOC_SETFLAGS, int(before)|flags)
	}
	if err != nil {
		file.Close()
		t.Skipf("needs a file system with attributes: %v", err)
	}
	t.Cleanup(func() {
		unix.IoctlSetPointerInt(fd, unix.FS_IOC_SETFLAGS, int(before))
		file.Close()
	})
}
