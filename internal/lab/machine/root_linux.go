package machine

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// recipe is the version of what Root does beyond installing packages; a root of another recipe is not used.
const recipe = "2"

// basePackages are in every root. systemd-sysv is /sbin/init, reboot and poweroff; dbus is what systemctl
// and the agent talk to systemd by; procps, kmod, logrotate and nftables are what kinds of resources run.
// Everything else is asked for by the test that needs it.
func basePackages() []string {
	return []string{"dbus", "kmod", "logrotate", "nftables", "procps", "systemd", "systemd-sysv"}
}

// Root returns the folder of a Debian root that has systemd and the further packages, for New to boot from.
// It is built by debootstrap from the sources that this machine's apt has, and kept in the user's
// cache folder: only the first call for a set of packages takes minutes and needs the network. Nobody may
// change what is in it. Processes that want the same root at once build it once.
func Root(ctx context.Context, packages ...string) (dir string, err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("cannot find a place for roots: %w", err)
	}
	cache = filepath.Join(cache, "agent0-converge", "lab")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", fmt.Errorf("cannot make a place for roots: %w", err)
	}
	r, err := wantedRoot(ctx, cache, packages)
	if err != nil {
		return "", err
	}
	return r.once(ctx, r.build)
}

// once builds the root unless it is there, or another process has built it meanwhile.
func (r *root) once(ctx context.Context, build func(context.Context) error) (dir string, err error) {
	if _, err := os.Stat(r.dir); err == nil {
		return r.dir, nil
	}
	// One lock for all roots: they share the cache of packages, and one build keeps a machine busy.
	unlock, err := lock(ctx, filepath.Join(r.cache, "roots.lock"))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if _, err := os.Stat(r.dir); !errors.Is(err, fs.ErrNotExist) {
		return r.dir, err
	}
	return r.dir, build(ctx)
}

// root is one root to build.
type root struct {
	cache, dir     string
	suite, mirror  string
	packages       []string
	keyring, proxy string // "" for none
}

// wantedRoot works out what the root is made of, and from that its name.
func wantedRoot(ctx context.Context, cache string, packages []string) (*root, error) {
	s, err := aptSource(ctx)
	if err != nil {
		return nil, err
	}
	all := append(basePackages(), packages...)
	slices.Sort(all)
	all = slices.Compact(all)
	id := strings.Join([]string{recipe, s.suite, s.mirror, strings.Join(all, ",")}, "\n")
	name := fmt.Sprintf("root-%s-%.8x", s.suite, sha256.Sum256([]byte(id)))
	return &root{
		cache: cache, dir: filepath.Join(cache, name), packages: all,
		suite: s.suite, mirror: s.mirror, keyring: s.keyring, proxy: s.proxy,
	}, nil
}

// build makes the root beside its place and then moves it there, so that a root is whole or not there.
// The caller holds the lock.
func (r *root) build(ctx context.Context) error {
	part := r.dir + ".part"
	if err := os.RemoveAll(part); err != nil { // of a build that was killed
		return fmt.Errorf("cannot remove an unfinished root: %w", err)
	}
	if err := needDebootstrap(ctx); err != nil {
		return err
	}
	if err := r.debootstrap(ctx, part); err != nil {
		return errors.Join(err, os.RemoveAll(part))
	}
	if err := r.finish(part); err != nil {
		return errors.Join(err, os.RemoveAll(part))
	}
	if err := os.Rename(part, r.dir); err != nil {
		return fmt.Errorf("cannot put the root in its place: %w", err)
	}
	return nil
}

func (r *root) debootstrap(ctx context.Context, target string) error {
	debs := filepath.Join(r.cache, "debs")
	if err := os.MkdirAll(debs, 0o755); err != nil {
		return fmt.Errorf("cannot make a place for packages: %w", err)
	}
	log, err := os.Create(filepath.Join(r.cache, "debootstrap.log"))
	if err != nil {
		return fmt.Errorf("cannot keep a log of debootstrap: %w", err)
	}
	defer log.Close()
	args := []string{"--variant=minbase", "--cache-dir=" + debs, "--include=" + strings.Join(r.packages, ",")}
	if r.keyring != "" {
		args = append(args, "--keyring="+r.keyring)
	}
	cmd := exec.CommandContext(ctx, "debootstrap", append(args, r.suite, target, r.mirror)...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(os.Environ(), "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive")
	if r.proxy != "" {
		cmd.Env = append(cmd.Env, "http_proxy="+r.proxy, "https_proxy="+r.proxy)
	}
	if err := runContained(cmd); err != nil {
		return fmt.Errorf("cannot build a Debian root (%s from %s; is there a network?): %w\n%s",
			r.suite, r.mirror, err, tailOf(log.Name()))
	}
	return nil
}

// runContained runs cmd such that its mounts and all its processes go when it ends, and it ends when this
// process does: debootstrap mounts /proc in its target.
func runContained(cmd *exec.Cmd) error {
	// The kernel takes the death of the thread that started a process for that of its parent.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWPID, Unshareflags: unix.CLONE_NEWNS, Pdeathsig: unix.SIGKILL,
	}
	return cmd.Run()
}

// finish makes a booted machine quiet, and no image of the one that built it. The units want hardware, or the
// network at a random time.
func (r *root) finish(target string) error {
	for _, unit := range []string{
		"apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_all.timer", "e2scrub_reap.service",
		"fstrim.timer", "console-getty.service",
	} {
		link := filepath.Join(target, "etc/systemd/system", unit)
		if err := os.Symlink("/dev/null", link); err != nil {
			return fmt.Errorf("cannot mask %s: %w", unit, err)
		}
	}
	for name, content := range map[string]string{
		"etc/hostname": "lab\n", "etc/hosts": "127.0.0.1 localhost\n127.0.1.1 lab\n::1 localhost\n", "etc/resolv.conf": "",
	} {
		if err := os.WriteFile(filepath.Join(target, name), []byte(content), 0o644); err != nil {
			return fmt.Errorf("cannot write the root's %s: %w", name, err)
		}
	}
	return os.Chmod(target, 0o755)
}
