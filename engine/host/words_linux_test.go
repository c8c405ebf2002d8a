package host

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMountinfo covers what kernels before 5.8 need, which no test machine has.
func TestMountinfo(t *testing.T) {
	table := "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n" +
		"30 22 8:1 /x /etc/resolv.conf rw - ext4 /dev/sda1 rw\n31 22 0:5 / /mnt/a\\040b\\134c rw - tmpfs none rw\n"
	for path, want := range map[string]bool{
		"/": true, "/etc/resolv.conf": true, `/mnt/a b\c`: true, "/etc": false, "/x": false, "ext4": false,
	} {
		if got := mountedAt(table, path); got != want {
			t.Errorf("mountedAt(%s) = %v", path, got)
		}
	}
	mounted, err := running().inMountinfo("/proc")
	if !mounted || err != nil {
		t.Errorf("/proc: %v, %v", mounted, err)
	}
}

func TestOldKernelIsNamed(t *testing.T) {
	for errno, want := range map[error]string{
		unix.ENOSYS: "kernel older than 5.6", unix.EXDEV: "out of the root", unix.EAGAIN: "renamed faster", unix.ENOENT: "no such file",
	} {
		err := named("read", "/x", openat2Error(errno))
		if !errors.Is(err, errno) || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "cannot read /x: ") {
			t.Errorf("%v is %v", errno, err)
		}
	}
}

func TestErrorsNameTheFirstPath(t *testing.T) {
	inner := &fs.PathError{Op: "cannot read", Path: "/source", Err: unix.EIO}
	if err := named("write", "/x", inner); err != error(inner) {
		t.Errorf("wrapped as %v", err)
	}
}

// TestInterruptedCalls: after the kernel's own EINTR only what may be repeated is.
func TestInterruptedCalls(t *testing.T) {
	for name, want := range map[string]int{"fsync": 2, "write": 2, "fchmod": 2, "rename": 1, "unlink": 1, "exec": 1} {
		made := 0
		err := gate{}.do(name, "/x", func() error {
			if made++; made == 1 {
				return unix.EINTR
			}
			return nil
		})
		if made != want || (err == nil) != (want == 2) {
			t.Errorf("%s was made %d times: %v", name, made, err)
		}
	}
}

// TestStrangersTemporary puts a folder of someone else where ours was.
func TestStrangersTemporary(t *testing.T) {
	dir := t.TempDir()
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := isOurs(fd, Dir); err != nil {
		t.Errorf("our own: %v", err)
	}
	if err := isOurs(fd, Symlink); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("a folder for a link: %v", err)
	}
	if err := unix.Fchown(fd, 1234, -1); err != nil {
		t.Skip("needs root to give a folder away")
	}
	if err := isOurs(fd, Dir); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("a stranger's: %v", err)
	}
}
