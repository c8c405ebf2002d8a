package guest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/agent0-converge/agent0-converge/internal/lab/program"
)

// probeLimit is how long a kernel may take by KVM to get to its initrd. Where KVM works that is a second.
const probeLimit = 8 * time.Second

// accelerator is by what QEMU runs a guest: its option, its name, and why it is this one.
type accelerator struct{ option, name, why string }

// chosen is worked out once in a process, with the first image that comes: they have the same kernel.
type chosen struct {
	once, told sync.Once
	accelerator
}

// process is what this process has found out about its machine.
var process chosen

// acceleratorFor probes whether KVM boots the image's kernel: that there is a /dev/kvm does not say so.
func acceleratorFor(ctx context.Context, i image) accelerator {
	process.once.Do(func() {
		process.accelerator = accelerator{"kvm", "KVM", "it boots a kernel here"}
		if err := probe(context.WithoutCancel(ctx), i); err != nil {
			process.accelerator = accelerator{"tcg,thread=multi", "TCG", "KVM does not boot a kernel here: " + err.Error()}
		}
	})
	return process.accelerator
}

// probe boots the image's kernel and initrd by KVM as far as the initrd.
func probe(ctx context.Context, i image) error {
	if _, err := os.Stat("/dev/kvm"); errors.Is(err, fs.ErrNotExist) {
		return errors.New("there is no /dev/kvm")
	}
	ctx, cancel := context.WithTimeoutCause(ctx, probeLimit, fmt.Errorf("a kernel does not get to its initrd in %v", probeLimit))
	defer cancel()
	var console bytes.Buffer
	cmd := exec.CommandContext(ctx, qemu, append(hardware("kvm", 256),
		"-kernel", i.kernel(), "-initrd", i.initrd(), "-append", kernelArgs+" lab.probe", "-serial", "stdio")...)
	cmd.Stdout, cmd.Stderr = &console, &console
	err := program.RunBound(cmd)
	if strings.Contains(console.String(), "lab: probed") {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if err == nil {
		err = errors.New("its kernel ends before its initrd")
	}
	if last := lastLine(console.String()); last != "" {
		return fmt.Errorf("%w: %s", err, last)
	}
	return err
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

// patience is how many times longer than on an idle machine things may take now: as often as the processors are
// wanted, by /proc/loadavg, and up to eight.
func patience(loadavg string, processors int) float64 {
	first, _, _ := strings.Cut(loadavg, " ")
	load, err := strconv.ParseFloat(first, 64)
	if err != nil {
		return 1
	}
	return min(8, max(1, (load+float64(processors))/float64(processors)))
}
