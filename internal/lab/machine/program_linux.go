package machine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

// The programs of this module that machines need, by import path.
const (
	supervisorPackage = "github.com/agent0-converge/agent0-converge/internal/lab/machine/supervisor"
	agentPackage      = "github.com/agent0-converge/agent0-converge/cmd/agent0-converge"
)

// program is a compiled program that has no name in any folder, so that nobody need remove it.
type program struct{ file *os.File }

// path runs the program, in this process and in what it starts.
func (p *program) path() string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), p.file.Fd()) }

// supervisorProgram and agentProgram are built once in a process. Later callers get the first one's error.
var (
	supervisorProgram = sync.OnceValues(func() (*program, error) { return compile(context.Background(), "build", supervisorPackage) })
	agentProgram      = sync.OnceValues(func() (*program, error) { return compile(context.Background(), "build", agentPackage) })
)

// compile builds a package, statically since a root may have another libc. how is the command of go, with flags.
func compile(ctx context.Context, how, pkg string, flags ...string) (*program, error) {
	dir, err := os.MkdirTemp("", "agent0-lab-build-")
	if err != nil {
		return nil, fmt.Errorf("cannot build %s: %w", pkg, err)
	}
	p, err := compileIn(ctx, dir, how, pkg, flags)
	return p, errors.Join(err, os.RemoveAll(dir))
}

func compileIn(ctx context.Context, dir, how, pkg string, flags []string) (*program, error) {
	out := filepath.Join(dir, "program")
	args := append([]string{how, "-buildvcs=false", "-o", out}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, pkg)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("cannot build %s: %w\n%s", pkg, err, tail(log.Bytes()))
	}
	f, err := os.Open(out)
	if err != nil {
		return nil, fmt.Errorf("cannot build %s: %w\n%s", pkg, err, tail(log.Bytes()))
	}
	return &program{file: f}, nil
}
