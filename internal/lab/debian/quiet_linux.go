package debian

import (
	"fmt"
	"os"
	"path/filepath"
)

// Quiet makes a booted system of a root quiet, and no image of the machine that built it: it is called lab, and starts
// neither these units nor those that want hardware, or the network at a random time.
func Quiet(root string, units ...string) error {
	for _, unit := range append(units, "apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_all.timer", "e2scrub_reap.service", "fstrim.timer") {
		link := filepath.Join(root, "etc/systemd/system", unit)
		if err := os.Symlink("/dev/null", link); err != nil {
			return fmt.Errorf("cannot mask %s: %w", unit, err)
		}
	}
	for name, content := range map[string]string{
		"etc/hostname": "lab\n", "etc/hosts": "127.0.0.1 localhost\n127.0.1.1 lab\n::1 localhost\n", "etc/resolv.conf": "",
	} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(content), 0o644); err != nil {
			return fmt.Errorf("cannot write the root's %s: %w", name, err)
		}
	}
	return os.Chmod(root, 0o755)
}
