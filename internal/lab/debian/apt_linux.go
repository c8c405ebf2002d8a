package debian

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/agent0-converge/agent0-converge/internal/lab/program"
)

// source is where this machine's apt gets its distribution from.
type source struct {
	suite, mirror  string
	keyring, proxy string // "" for none
}

// aptSource asks apt, which knows its files of every format.
func aptSource(ctx context.Context) (*source, error) {
	suite, err := suiteOf("/etc/os-release")
	if err != nil {
		return nil, err
	}
	mirror, err := mirrorOf(ctx, suite)
	if err != nil {
		return nil, err
	}
	if mirror == "" { // apt knows code names only once it has the lists
		if _, err := program.Output(ctx, "apt-get", "update", "-qq"); err != nil {
			return nil, fmt.Errorf("cannot find where apt gets %s from: %w", suite, err)
		}
		if mirror, err = mirrorOf(ctx, suite); err != nil {
			return nil, err
		}
	}
	if mirror == "" {
		return nil, fmt.Errorf("cannot find where apt gets %s from: it has no source for it: add one", suite)
	}
	s := &source{suite: suite, mirror: mirror}
	if ring := "/usr/share/keyrings/debian-archive-keyring.gpg"; exists(ring) {
		s.keyring = ring
	}
	out, err := program.Output(ctx, "apt-config", "shell", "proxy", "Acquire::http::Proxy")
	if err != nil {
		return nil, fmt.Errorf("cannot find apt's proxy: %w", err)
	}
	if value, ok := strings.CutPrefix(out, "proxy="); ok {
		s.proxy = strings.Trim(value, "'")
	}
	return s, nil
}

// mirrorOf is the first source that apt has for a suite; "" if there is none.
func mirrorOf(ctx context.Context, suite string) (string, error) {
	out, err := program.Output(ctx, "apt-get", "indextargets", "--format", "$(REPO_URI)", "Codename: "+suite, "Component: main")
	if err != nil {
		return "", fmt.Errorf("cannot find where apt gets %s from: %w", suite, err)
	}
	mirror, _, _ := strings.Cut(out, "\n")
	return mirror, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// suiteOf is the code name of the Debian, or derivative, that this machine runs.
func suiteOf(osRelease string) (string, error) {
	b, err := os.ReadFile(osRelease)
	if err != nil {
		return "", fmt.Errorf("cannot tell which Debian this is: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "VERSION_CODENAME="); ok {
			return strings.Trim(value, `"'`), nil
		}
	}
	return "", fmt.Errorf("cannot tell which Debian this is: %s has no VERSION_CODENAME", osRelease)
}

// Missing says what this process lacks to build systems; "" for nothing.
func Missing() string {
	if os.Geteuid() != 0 {
		return "root, to build a Debian system"
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return "the program apt-get"
	}
	return ""
}

// Install installs those packages by apt whose program, the key, this machine does not have.
func Install(ctx context.Context, packages map[string]string) error {
	var missing []string
	for name, pkg := range packages {
		if _, err := exec.LookPath(name); err != nil {
			missing = append(missing, pkg)
		}
	}
	if missing == nil {
		return nil
	}
	install := append([]string{"install", "-y", "-qq", "--no-install-recommends"}, missing...)
	for _, args := range [][]string{{"update", "-qq"}, install} {
		if _, err := program.Output(ctx, "apt-get", args...); err != nil {
			return fmt.Errorf("cannot install %s: %w", strings.Join(missing, " "), err)
		}
	}
	return nil
}
