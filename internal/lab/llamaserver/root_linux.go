package llamaserver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/agent0-converge/agent0-converge/internal/lab/debian"
)

// suite is Debian's that has the package: no released one does.
const suite = "sid"

// binary is the program, and models where the folder of models is, both in the root.
const (
	binary = "/usr/bin/llama-server"
	models = "/models"
)

// Root is an unpacked llama-server whose root has /proc and a folder of models, in a mount namespace that a process holds.
type Root struct {
	dir    string // as others see it
	holder *exec.Cmd
	hold   io.Closer
}

// Open gets llama-server, unless it is in the cache, and shows it a folder of models. It needs root.
func Open(ctx context.Context, folder string) (*Root, error) {
	if why := debian.Missing(); why != "" {
		return nil, fmt.Errorf("llama-server needs %s", why)
	}
	s, err := debian.Wanted(ctx, "llama-server-"+suite, "1", []string{"llama.cpp-tools"})
	if err != nil {
		return nil, err
	}
	dir, err := s.Once(ctx, func(ctx context.Context, part string) error {
		if err := s.Unpack(ctx, suite, part); err != nil {
			return err
		}
		for _, d := range []string{"proc", "tmp", models} {
			if err := os.MkdirAll(filepath.Join(part, d), 0o755); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return hold(dir, folder)
}

// hold starts what holds the mounts, which ends when its input does: when this process has.
func hold(dir, folder string) (*Root, error) {
	const mounts = `mount --bind /proc "$0/proc" && mount --bind "$1" "$0$2" && echo mounted && exec cat`
	cmd := exec.Command("unshare", "--mount", "sh", "-c", mounts, dir, folder, models)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot mount what llama-server needs: %w", err)
	}
	r := &Root{dir: fmt.Sprintf("/proc/%d/root%s", cmd.Process.Pid, dir), holder: cmd, hold: in}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "mounted\n" {
		err = errors.Join(err, r.Close())
		return nil, fmt.Errorf("cannot mount what llama-server needs: %w: %s", err, said.String())
	}
	return r, nil
}

// Close gives the mounts up.
func (r *Root) Close() error { return errors.Join(r.hold.Close(), r.holder.Wait()) }

// Version is what llama-server says of itself.
func (r *Root) Version(ctx context.Context) (string, error) {
	out, err := r.command(ctx, "--version").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("llama-server cannot be run: %w: %s", err, out)
	}
	return strings.Join(strings.Fields(string(out)), " "), nil
}

// command is llama-server in its root, with nothing of this process's environment: much of it would be options.
func (r *Root) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env, cmd.Dir = []string{"PATH=/usr/bin", "HOME=/", "LC_ALL=C.UTF-8"}, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: r.dir}
	return cmd
}
