package host_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// disk is a file system in a file.
type disk struct{ image, dir, options string }

// newDisk makes one with a program such as mkfs.ext4 and mounts it, for as long as the test in a mount namespace
// lasts.
func newDisk(t *testing.T, size int64, mkfs ...string) *disk {
	t.Helper()
	return newDiskAs(t, size, "defaults", mkfs...)
}

// newDiskAs is newDisk with options of its mount.
func newDiskAs(t *testing.T, size int64, options string, mkfs ...string) *disk {
	t.Helper()
	if _, err := exec.LookPath(mkfs[0]); err != nil {
		t.Skipf("needs %s: %v", mkfs[0], err)
	}
	folder := t.TempDir()
	d := &disk{filepath.Join(folder, "image"), filepath.Join(folder, "mnt"), options}
	check(t, os.WriteFile(d.image, nil, 0o600))
	check(t, os.Truncate(d.image, size))
	check(t, os.Mkdir(d.dir, 0o755))
	program(t, mkfs[0], append(mkfs[1:], d.image)...)
	d.mount(t)
	return d
}

func (d *disk) mount(t *testing.T) {
	t.Helper()
	if out, err := exec.Command("mount", "-o", "loop,"+d.options, d.image, d.dir).CombinedOutput(); err != nil {
		t.Skipf("needs mounts of files (loop devices, and the file system in the kernel): %v: %s", err, out)
	}
	t.Cleanup(func() { exec.Command("umount", d.dir).Run() })
}

func (d *disk) unmount(t *testing.T) {
	t.Helper()
	program(t, "umount", d.dir)
}

// program runs one that must succeed.
func program(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// needProgram skips a test without one.
func needProgram(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("needs the program %s: %v", name, err)
	}
}
