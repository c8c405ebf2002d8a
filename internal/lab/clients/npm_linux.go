package clients

import (
	"context"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

//go:embed testdata/package.json testdata/package-lock.json
var packages embed.FS

// ErrNoNPM says what this machine lacks.
var ErrNoNPM = errors.New("the JavaScript clients need npm (apt-get install npm)")

// Modules is a folder with the packages of testdata/package-lock.json, in node_modules, and the node that they are made
// for. They are installed once, into the user's cache.
type Modules struct {
	// Dir is the folder, Node the program.
	Dir, Node string
}

// Install finds the packages, or has npm fetch them from the registry that it is configured with.
func Install(ctx context.Context) (Modules, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return Modules{}, err
	}
	lock, err := packages.ReadFile("testdata/package-lock.json")
	if err != nil {
		return Modules{}, err
	}
	dir := filepath.Join(cache, "agent0-converge", "lab", fmt.Sprintf("npm-%x", sha256.Sum256(lock))[:20])
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		err = install(ctx, dir)
		if err != nil {
			return Modules{}, err
		}
	}
	node, err := nodeIn(dir)
	return Modules{Dir: dir, Node: node}, err
}

// install installs into a folder beside dir, which takes its name when it is complete: several tests may do this at once.
func install(ctx context.Context, dir string) error {
	if _, err := exec.LookPath("npm"); err != nil {
		return ErrNoNPM
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	made, err := os.MkdirTemp(filepath.Dir(dir), ".npm-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(made)
	for _, name := range []string{"package.json", "package-lock.json"} {
		b, err := packages.ReadFile("testdata/" + name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(made, name), b, 0o644); err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = made
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot install the JavaScript clients: %w\n%s", err, out)
	}
	if err := os.Rename(made, dir); err != nil {
		if _, there := os.Stat(dir); there != nil {
			return err
		}
	}
	return nil
}

// nodeIn is the node among the packages: that of a distribution may be older than the clients want.
func nodeIn(dir string) (string, error) {
	found, err := filepath.Glob(filepath.Join(dir, "node_modules", "node-linux-*", "bin", "node"))
	if err != nil || len(found) != 1 {
		return "", fmt.Errorf("there is no node for this machine among the packages in %s (%v)", dir, found)
	}
	return found[0], nil
}
