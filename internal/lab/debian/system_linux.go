package debian

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/internal/lab/program"
)

// System is one system to build, and where it is kept.
type System struct {
	cache, dir string
	source     source
	packages   []string
}

// Wanted works out what a system is made of, and from that its name. kind is what the name begins with; recipe is all
// that decides what is made of the packages: what was made by another is not used.
func Wanted(ctx context.Context, kind, recipe string, packages []string) (*System, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("cannot find a place for Debian systems: %w", err)
	}
	cache = filepath.Join(cache, "agent0-converge", "lab")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return nil, fmt.Errorf("cannot make a place for Debian systems: %w", err)
	}
	return wanted(ctx, cache, kind, recipe, packages)
}

func wanted(ctx context.Context, cache, kind, recipe string, packages []string) (*System, error) {
	s, err := aptSource(ctx)
	if err != nil {
		return nil, err
	}
	all := slices.Clone(packages)
	slices.Sort(all)
	all = slices.Compact(all)
	id := strings.Join([]string{recipe, s.suite, s.mirror, strings.Join(all, ",")}, "\n")
	name := fmt.Sprintf("%s-%s-%.8x", kind, s.suite, sha256.Sum256([]byte(id)))
	return &System{cache: cache, dir: filepath.Join(cache, name), source: *s, packages: all}, nil
}

// Once returns the folder of the system. Unless it is there, or another process has made it meanwhile, build makes it,
// in a folder beside it that does not exist yet and that is moved to its place at the end: a system is whole or not
// there. Nobody may change what is in it.
func (s *System) Once(ctx context.Context, build func(ctx context.Context, part string) error) (dir string, err error) {
	if _, err := os.Stat(s.dir); err == nil {
		return s.dir, nil
	}
	// One lock for all: they share the cache of packages, and one build keeps a machine busy.
	unlock, err := lock(ctx, filepath.Join(s.cache, "roots.lock"))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if _, err := os.Stat(s.dir); !errors.Is(err, fs.ErrNotExist) {
		return s.dir, err
	}
	part := s.dir + ".part"
	if err := os.RemoveAll(part); err != nil { // of a build that was killed
		return "", fmt.Errorf("cannot remove an unfinished Debian system: %w", err)
	}
	if err := build(ctx, part); err != nil {
		return "", errors.Join(err, os.RemoveAll(part))
	}
	if err := os.Rename(part, s.dir); err != nil {
		return "", fmt.Errorf("cannot put the Debian system in its place: %w", err)
	}
	return s.dir, nil
}

// Bootstrap makes a root folder at target, which must not exist, with the packages installed. Only a build that Once
// has called may do so.
func (s *System) Bootstrap(ctx context.Context, target string) error {
	if err := Install(ctx, map[string]string{"debootstrap": "debootstrap"}); err != nil {
		return err
	}
	debs := filepath.Join(s.cache, "debs")
	if err := os.MkdirAll(debs, 0o755); err != nil {
		return fmt.Errorf("cannot make a place for packages: %w", err)
	}
	log, err := os.Create(filepath.Join(s.cache, "debootstrap.log"))
	if err != nil {
		return fmt.Errorf("cannot keep a log of debootstrap: %w", err)
	}
	defer log.Close()
	args := []string{"--variant=minbase", "--cache-dir=" + debs, "--include=" + strings.Join(s.packages, ",")}
	if s.source.keyring != "" {
		args = append(args, "--keyring="+s.source.keyring)
	}
	cmd := exec.CommandContext(ctx, "debootstrap", append(args, s.source.suite, target, s.source.mirror)...)
	cmd.Stdout, cmd.Stderr = log, log
	// A kernel's own initrd, made by its package's scripts, takes long and is not booted from.
	cmd.Env = append(os.Environ(), "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive", "INITRD=No")
	if s.source.proxy != "" {
		cmd.Env = append(cmd.Env, "http_proxy="+s.source.proxy, "https_proxy="+s.source.proxy)
	}
	if err := program.RunContained(cmd); err != nil {
		return fmt.Errorf("cannot build a Debian root (%s from %s; is there a network?): %w\n%s",
			s.source.suite, s.source.mirror, err, program.TailOf(log.Name()))
	}
	return nil
}
