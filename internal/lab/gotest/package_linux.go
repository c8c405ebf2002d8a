package gotest

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/agent0-converge/agent0-converge/internal/lab/program"
)

// Full is the variable by which the lab asks tests for all that they have, which tests that are taken elsewhere see too.
const Full = "AGENT0_LAB"

// Inside is the variable, set to 1, that says to a test that it is on a system of its own, which it may disturb.
const Inside = "AGENT0_IN_LAB"

// Package is a package with its tests compiled.
type Package struct {
	// Name is its import path.
	Name string
	// Testdata is its folder of that name, which need not exist.
	Testdata string
	// Tests is the program that go test would run, in a folder that has testdata.
	Tests *program.Compiled
}

// Compile compiles the tests of a package, an import path or one that starts with "./".
func Compile(ctx context.Context, pkg string) (*Package, error) {
	out, err := program.Output(ctx, "go", "list", "-f", "{{.ImportPath}}\n{{.Dir}}", pkg)
	if err != nil {
		return nil, fmt.Errorf("cannot find the package %s: %w", pkg, err)
	}
	name, folder, _ := strings.Cut(out, "\n")
	tests, err := program.Compile(ctx, "test", pkg, "-c")
	if err != nil {
		return nil, err
	}
	return &Package{name, path.Join(folder, "testdata"), tests}, nil
}
