package main

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/internal/lab/machine/cgroup"
)

const plain = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC

// mountAll mounts what a systemd in a container expects to find,
// https://systemd.io/CONTAINER_INTERFACE.
func mountAll(root, console string, groups *cgroup.Layout) error {
	at := func(p string) string { return filepath.Join(root, p) }
	for _, m := range []struct {
		fstype, dir string
		flags       uintptr
		options     string
	}{
		{"proc", "proc", plain, ""},
		// Read-only: devices, modules and power are the host's. systemd leaves udev alone then.
		{"sysfs", "sys", plain | unix.MS_RDONLY, ""},
		{"tmpfs", "dev", unix.MS_NOSUID, "mode=755"},
		{"devpts", "dev/pts", unix.MS_NOSUID | unix.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620,gid=5"},
		{"tmpfs", "dev/shm", unix.MS_NOSUID | unix.MS_NODEV, "mode=1777"},
		{"tmpfs", "run", unix.MS_NOSUID | unix.MS_NODEV, "mode=755"},
	} {
		if err := os.MkdirAll(at(m.dir), 0o755); err != nil {
			return fmt.Errorf("cannot make a mount point: %w", err)
		}
		if err := unix.Mount(m.fstype, at(m.dir), m.fstype, m.flags, m.options); err != nil {
			return fmt.Errorf("cannot mount %s at /%s: %w", m.fstype, m.dir, err)
		}
	}
	if err := fillDev(at("dev"), console); err != nil {
		return err
	}
	if err := protect(at("proc")); err != nil {
		return err
	}
	if err := newBootID(at("proc/sys/kernel/random/boot_id"), at("run/boot_id")); err != nil {
		return err
	}
	return groups.Mount(at("sys/fs/cgroup"))
}

// fillDev makes the devices that every program may expect. They are the host's, bound, since a group's
// device rules may forbid making them.
func fillDev(dev, console string) error {
	for from, name := range map[string]string{
		"/dev/null": "null", "/dev/zero": "zero", "/dev/full": "full", "/dev/random": "random",
		"/dev/urandom": "urandom", "/dev/tty": "tty", console: "console",
	} {
		to := filepath.Join(dev, name)
		if err := os.WriteFile(to, nil, 0o600); err != nil {
			return fmt.Errorf("cannot make a device: %w", err)
		}
		if err := unix.Mount(from, to, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("cannot bind %s: %w", from, err)
		}
	}
	for name, to := range map[string]string{
		"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "/proc/self/fd/0",
		"stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2",
	} {
		if err := os.Symlink(to, filepath.Join(dev, name)); err != nil {
			return fmt.Errorf("cannot make a device: %w", err)
		}
	}
	return nil
}

// protect keeps the machine from changing settings of the kernel that it shares with the host. Those of
// its own network stay its own.
func protect(proc string) error {
	for _, m := range []struct {
		name  string
		flags uintptr
	}{
		{"sys", unix.MS_RDONLY}, {"sys/net", 0}, {"sysrq-trigger", unix.MS_RDONLY},
	} {
		path := filepath.Join(proc, m.name)
		if _, err := os.Stat(path); os.IsNotExist(err) {
			continue // a kernel without it
		}
		if err := unix.Mount(path, path, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("cannot protect /proc/%s: %w", m.name, err)
		}
		if err := unix.Mount("", path, "", unix.MS_BIND|unix.MS_REMOUNT|plain|m.flags, ""); err != nil {
			return fmt.Errorf("cannot protect /proc/%s: %w", m.name, err)
		}
	}
	return nil
}

// newBootID gives this boot an id, random(4), that is not the host's: programs tell boots apart by it. The file
// is needed for no longer than the mount takes.
func newBootID(path, file string) error {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		return err
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80 // a random UUID, RFC 9562
	id := fmt.Sprintf("%x-%x-%x-%x-%x\n", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
	if err := os.WriteFile(file, []byte(id), 0o444); err != nil {
		return fmt.Errorf("cannot make a boot id: %w", err)
	}
	if err := unix.Mount(file, path, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("cannot make a boot id: %w", err)
	}
	return os.Remove(file)
}
