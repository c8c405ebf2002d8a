package guest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/agent0-converge/agent0-converge/internal/lab/debian"
	"github.com/agent0-converge/agent0-converge/internal/lab/program"
)

// Options say how a guest differs from the usual one.
type Options struct {
	// Packages are what its image has beyond the usual.
	Packages []string
	// Memory is in MiB. 0 is 1024.
	Memory int
	// Limit is how long a guest may be on for a script, on an idle machine: a busy one gets more. 0 is ten minutes.
	Limit time.Duration
	// MaySkip lets a test that GoTest takes into the guest be skipped there. Otherwise it fails: it was to show there
	// what it cannot show elsewhere.
	MaySkip bool
}

// defaultLimit is some twenty times what a boot takes on an idle machine without KVM.
const defaultLimit = 10 * time.Minute

// consoleLines is how much of a console an error carries. What a kernel says when it panics takes some fifty.
const consoleLines = 200

// Guest is a system on a disk of its own, off unless it runs something. What it writes lasts over its boots, until Close.
type Guest struct {
	image   image
	dir     string
	options Options
}

// Result is what came out of a script.
type Result struct {
	// Code is the script's exit status, 128 and the signal if one killed it.
	Code int
	// Output is what it wrote to standard output and error.
	Output []byte
	// Boot is the guest's uptime when the script began, and Took the time from power on to power off.
	Boot, Took time.Duration
}

// New makes a guest, powered off. The first one with these packages takes minutes and needs root and the network.
func New(ctx context.Context, o Options) (*Guest, error) {
	if o.Memory == 0 {
		o.Memory = 1024
	}
	if o.Limit == 0 {
		o.Limit = defaultLimit
	}
	tools := map[string]string{qemu: "qemu-system-x86", "qemu-img": "qemu-utils", "mke2fs": "e2fsprogs"}
	if err := debian.Install(ctx, tools); err != nil {
		return nil, err
	}
	i, err := imageOf(ctx, o.Packages)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "agent0-lab-guest-")
	if err != nil {
		return nil, fmt.Errorf("cannot make a guest: %w", err)
	}
	g := &Guest{image: i, dir: dir, options: o}
	if _, err := program.Output(ctx, "qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", i.disk(), g.disk()); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot make the guest's disk: %w", err), g.Close())
	}
	return g, nil
}

// disk is what the guest has written, over the image's disk.
func (g *Guest) disk() string    { return filepath.Join(g.dir, "disk.qcow2") }
func (g *Guest) console() string { return filepath.Join(g.dir, "console") }

// Run boots the guest, has sh run a script there as root in a folder that has files, of which nil is none, and returns
// when the guest has shut down. If stream is not nil it gets the output while the script runs. err says that the script
// did not end, or that the guest did not, and has the console's end.
//
// When ctx ends the guest's power is cut: what it has not synced is lost, and its next boot has to do with that.
func (g *Guest) Run(ctx context.Context, script string, files fs.FS, stream io.Writer) (*Result, error) {
	payload, err := pack(g.dir, script, files)
	if err != nil {
		return nil, err
	}
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return nil, fmt.Errorf("cannot tell how busy this machine is: %w", err)
	}
	accel := acceleratorFor(ctx, g.image)
	limit := time.Duration(float64(g.options.Limit) * patience(string(load), runtime.NumCPU()))
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("it did not end within %v", limit))
	defer cancel()
	r, err := (&boot{guest: g, payload: payload, stream: stream}).run(ctx, accel.option)
	if err != nil {
		err = fmt.Errorf("cannot run a script in a guest (%s): %w\nthe console's last lines:\n%s", accel.name, err, g.said())
	}
	return r, err
}

// said is the end of the console, or why there is none.
func (g *Guest) said() string {
	b, err := os.ReadFile(g.console())
	if err != nil {
		return err.Error()
	}
	return program.Last(b, consoleLines)
}

// Close removes all there is of the guest.
func (g *Guest) Close() error { return os.RemoveAll(g.dir) }
