package program

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// Compiled is a compiled program that has no name in any folder, so that nobody need remove it.
type Compiled struct{ file *os.File }

// Path runs the program, in this process and in what it starts.
func (p *Compiled) Path() string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), p.file.Fd()) }

// Content is the program's file.
func (p *Compiled) Content() ([]byte, error) {
	info, err := p.file.Stat()
	if err != nil {
		return nil, fmt.Errorf("cannot read a program: %w", err)
	}
	b, err := io.ReadAll(io.NewSectionReader(p.file, 0, info.Size()))
	if err != nil {
		return nil, fmt.Errorf("cannot read a program: %w", err)
	}
	return b, nil
}

// Close forgets the program. What runs of it goes on.
func (p *Compiled) Close() error { return p.file.Close() }

// Compile builds a package, statically since a root may have another libc. how is the command of go, with flags.
func Compile(ctx context.Context, how, pkg string, flags ...string) (*Compiled, error) {
	dir, err := os.MkdirTemp("", "agent0-lab-build-")
	if err != nil {
		return nil, fmt.Errorf("cannot build %s: %w", pkg, err)
	}
	p, err := compileIn(ctx, dir, how, pkg, flags)
	return p, errors.Join(err, os.RemoveAll(dir))
}

func compileIn(ctx context.Context, dir, how, pkg string, flags []string) (*Compiled, error) {
	out := filepath.Join(dir, "program")
	args := append([]string{how, "-buildvcs=false", "-o", out}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, pkg)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("cannot build %s: %w\n%s", pkg, err, Tail(log.Bytes()))
	}
	f, err := os.Open(out)
	if err != nil {
		return nil, fmt.Errorf("cannot build %s: %w\n%s", pkg, err, Tail(log.Bytes()))
	}
	return &Compiled{file: f}, nil
}
