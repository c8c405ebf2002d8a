package debian

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/agent0-converge/agent0-converge/internal/lab/program"
)

// Unpack makes a folder at target, which must not exist, with the system's packages of another suite of the same mirror, and
// with all that they depend on: the files alone, as no script of theirs is run. Only a build that Once has called may do so.
func (s *System) Unpack(ctx context.Context, suite, target string) (err error) {
	apt := target + ".apt"
	if err := os.RemoveAll(apt); err != nil { // of a build that was killed
		return fmt.Errorf("cannot remove what apt has left: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(apt)) }()
	if err := s.download(ctx, suite, apt); err != nil {
		return fmt.Errorf("cannot get packages of %s from %s (is there a network?): %w", suite, s.source.mirror, err)
	}
	packages, err := filepath.Glob(filepath.Join(apt, "var/cache/apt/archives/*.deb"))
	if err != nil {
		return err
	}
	if len(packages) == 0 {
		return fmt.Errorf("apt has downloaded nothing for %s", strings.Join(s.packages, ", "))
	}
	if err := merged(target); err != nil {
		return err
	}
	for _, p := range packages {
		if _, err := program.Output(ctx, "dpkg-deb", "-x", p, target); err != nil {
			return fmt.Errorf("cannot unpack %s: %w", filepath.Base(p), err)
		}
	}
	return nil
}

// download has an apt with folders of its own, in dir, download the packages: this machine's is not changed, and nothing of
// what the machine has installed is taken as given.
func (s *System) download(ctx context.Context, suite, dir string) error {
	for _, d := range []string{"etc/apt/apt.conf.d", "etc/apt/preferences.d", "var/lib/apt/lists/partial", "var/cache/apt/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return err
		}
	}
	signed := ""
	if s.source.keyring != "" {
		signed = "[signed-by=" + s.source.keyring + "] "
	}
	for name, text := range map[string]string{"etc/apt/sources.list": fmt.Sprintf("deb %s%s %s main\n", signed, s.source.mirror, suite), "status": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	own := []string{
		"-qq", "-o", "Dir=" + dir, "-o", "Dir::State::status=" + filepath.Join(dir, "status"),
		"-o", "APT::Sandbox::User=root", "-o", "Acquire::Languages=none",
	}
	install := append([]string{"install", "-y", "--download-only", "--no-install-recommends"}, s.packages...)
	for _, args := range [][]string{{"update"}, install} {
		if _, err := program.Output(ctx, "apt-get", append(own, args...)...); err != nil {
			return err
		}
	}
	return nil
}

// merged makes a root whose /bin, /lib and so on are in /usr, as packages expect.
func merged(root string) error {
	for _, name := range []string{"bin", "sbin", "lib", "lib64"} {
		if err := os.MkdirAll(filepath.Join(root, "usr", name), 0o755); err != nil {
			return err
		}
		if err := os.Symlink("usr/"+name, filepath.Join(root, name)); err != nil {
			return err
		}
	}
	return nil
}
