package machine

import (
	"context"

	"github.com/agent0-converge/agent0-converge/internal/lab/debian"
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
// It is built from the sources that this machine's apt has, and kept in the user's cache folder: only the
// first call for a set of packages takes minutes and needs the network. Nobody may
// change what is in it. Processes that want the same root at once build it once.
func Root(ctx context.Context, packages ...string) (dir string, err error) {
	s, err := debian.Wanted(ctx, "root", recipe, append(basePackages(), packages...))
	if err != nil {
		return "", err
	}
	return s.Once(ctx, func(ctx context.Context, part string) error {
		if err := s.Bootstrap(ctx, part); err != nil {
			return err
		}
		return debian.Quiet(part, "console-getty.service")
	})
}
