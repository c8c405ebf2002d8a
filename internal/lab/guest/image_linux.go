package guest

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/agent0-converge/agent0-converge/internal/lab/debian"
	"github.com/agent0-converge/agent0-converge/internal/lab/program"
)

// diskSize is that of a guest's disk. What is not written takes no space.
const diskSize = "4G"

// recipe is the version of what building an image does beyond its scripts.
const recipe = "1"

// The scripts of a guest.
var (
	//go:embed files/init.sh
	initScript []byte
	//go:embed files/lab-run
	runScript []byte
	//go:embed files/lab.service
	runUnit []byte
)

// basePackages are in every image: what a machine in namespaces has, and what a kernel of its own needs. busybox-static
// is what the initrd has; e2fsprogs and fsverity are what tests run.
func basePackages() []string {
	return []string{
		"busybox-static", "dbus", "e2fsprogs", "fsverity", "kmod", "linux-image-cloud-amd64", "logrotate",
		"mount", "nftables", "procps", "systemd", "systemd-sysv", "udev",
	}
}

// image is what guests boot from: a disk that nobody writes to, a kernel and an initrd.
type image string

func (i image) disk() string   { return filepath.Join(string(i), "disk.img") }
func (i image) kernel() string { return filepath.Join(string(i), "vmlinuz") }
func (i image) initrd() string { return filepath.Join(string(i), "initrd.gz") }

// imageOf returns the image with the further packages, which is built once.
func imageOf(ctx context.Context, packages []string) (image, error) {
	all := strings.Join([]string{recipe, diskSize, string(initScript), string(runScript), string(runUnit)}, "\n")
	s, err := debian.Wanted(ctx, "guest", all, append(basePackages(), packages...))
	if err != nil {
		return "", err
	}
	dir, err := s.Once(ctx, func(ctx context.Context, part string) (err error) {
		root := filepath.Join(part, "root")
		if err := os.MkdirAll(part, 0o755); err != nil {
			return fmt.Errorf("cannot make a place for an image: %w", err)
		}
		if err := s.Bootstrap(ctx, root); err != nil {
			return err
		}
		return image(part).build(ctx, root)
	})
	return image(dir), err
}

// build makes the image of a root, which it removes.
func (i image) build(ctx context.Context, root string) error {
	if err := finish(root); err != nil {
		return err
	}
	kernels, err := filepath.Glob(filepath.Join(root, "boot/vmlinuz-*"))
	if err != nil || len(kernels) != 1 {
		return fmt.Errorf("cannot find the guest's kernel: there are %d: %w", len(kernels), err)
	}
	if err := os.Rename(kernels[0], i.kernel()); err != nil {
		return fmt.Errorf("cannot take the guest's kernel: %w", err)
	}
	release := strings.TrimPrefix(filepath.Base(kernels[0]), "vmlinuz-")
	if err := makeInitrd(ctx, root, release, i.initrd()); err != nil {
		return fmt.Errorf("cannot make the guest's initrd: %w", err)
	}
	// fs-verity wants blocks of a page.
	_, err = program.Output(ctx, "mke2fs", "-q", "-t", "ext4", "-O", "verity", "-b", "4096", "-d", root, i.disk(), diskSize)
	if err != nil {
		return fmt.Errorf("cannot make the guest's disk: %w", err)
	}
	return os.RemoveAll(root)
}

// finish puts into a root what makes a guest of it.
func finish(root string) error {
	if err := debian.Quiet(root, "getty@tty1.service", "serial-getty@ttyS0.service", "dpkg-db-backup.timer"); err != nil {
		return err
	}
	const unit = "etc/systemd/system/lab.service"
	for name, content := range map[string][]byte{
		// An empty one is filled at each boot: guests of one image are not the same machine.
		"etc/machine-id": nil,
		"etc/fstab":      []byte("/dev/disk/by-id/virtio-root / ext4 rw,noatime 0 0\n"),
		unit:             runUnit, "usr/local/sbin/lab-run": runScript,
	} {
		if err := os.WriteFile(filepath.Join(root, name), content, 0o644); err != nil {
			return fmt.Errorf("cannot write the guest's %s: %w", name, err)
		}
	}
	wants := filepath.Join(root, "etc/systemd/system/multi-user.target.wants")
	return errors.Join(
		os.Chmod(filepath.Join(root, "usr/local/sbin/lab-run"), 0o755),
		os.MkdirAll(wants, 0o755), os.Symlink("/"+unit, filepath.Join(wants, "lab.service")),
	)
}
