package guest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/agent0-converge/agent0-converge/internal/lab/program"
)

const (
	// qemu runs guests.
	qemu = "qemu-system-x86_64"
	// kernelArgs make a kernel that has given up end QEMU, and systemd say what fails.
	kernelArgs = "console=ttyS0 panic=-1 loglevel=4 systemd.show_status=auto"
)

// hardware is what guests and the probe have in common: no device that is not asked for, and an end where hardware
// would boot again.
func hardware(accel string, memory int) []string {
	return []string{
		"-nodefaults", "-no-reboot", "-display", "none", "-monitor", "none", "-machine", "q35",
		"-accel", accel, "-cpu", "max", "-smp", "2", "-m", strconv.Itoa(memory),
	}
}

// boot is one time that a guest is on.
type boot struct {
	guest   *Guest
	payload string // a tar
	stream  io.Writer
}

// args are QEMU's. Its disk forgets about flushes: what was written survives the end of QEMU, if not that of this
// machine. What comes out of a port goes to a file, that of the script's output to QEMU's own.
func (b *boot) args(accel string) []string {
	g := b.guest
	args := append(hardware(accel, g.options.Memory),
		"-kernel", g.image.kernel(), "-initrd", g.image.initrd(), "-append", kernelArgs,
		"-drive", "if=none,id=root,cache=unsafe,format=qcow2,file="+g.disk(), "-device", "virtio-blk-pci,drive=root,serial=root",
		"-drive", "if=none,id=payload,readonly=on,format=raw,file="+b.payload, "-device", "virtio-blk-pci,drive=payload,serial=payload",
		"-device", "virtio-rng-pci", "-device", "virtio-serial-pci",
		"-chardev", "file,id=console,append=on,path="+g.console(), "-serial", "chardev:console")
	for _, port := range [][2]string{{"out", "/dev/stdout"}, {"end", b.end()}} {
		args = append(args, "-chardev", "file,id="+port[0]+",path="+port[1],
			"-device", "virtserialport,chardev="+port[0]+",name=lab."+port[0])
	}
	return args
}

// end is the file that gets when the script began and how it ended.
func (b *boot) end() string { return filepath.Join(b.guest.dir, "end") }

// run runs QEMU to its end, which is that of ctx too.
func (b *boot) run(ctx context.Context, accel string) (*Result, error) {
	if err := os.WriteFile(b.end(), nil, 0o600); err != nil {
		return nil, fmt.Errorf("cannot boot a guest: %w", err)
	}
	var out, said bytes.Buffer
	cmd := exec.CommandContext(ctx, qemu, b.args(accel)...)
	cmd.Stdout, cmd.Stderr = &out, &said
	if b.stream != nil {
		cmd.Stdout = io.MultiWriter(&out, b.stream)
	}
	from := time.Now()
	err := program.RunBound(cmd)
	r := &Result{Output: out.Bytes(), Took: time.Since(from)}
	if ctx.Err() != nil {
		return r, fmt.Errorf("the guest's power was cut: %w", context.Cause(ctx))
	}
	if err != nil {
		return r, fmt.Errorf("cannot run %s: %w: %s", qemu, err, program.Tail(said.Bytes()))
	}
	end, err := os.ReadFile(b.end())
	if err != nil {
		return r, fmt.Errorf("cannot read how the script ended: %w", err)
	}
	return r, r.read(string(end))
}

// saidStart and saidExit are what a guest says of its script: its uptime in seconds, and the exit status.
var (
	saidStart = regexp.MustCompile(`^START (\d+\.\d+)\n`)
	saidExit  = regexp.MustCompile(`\nEXIT (\d+)\n$`)
)

// read takes in what a guest has said.
func (r *Result) read(end string) error {
	start := saidStart.FindStringSubmatch(end)
	if start == nil {
		return errors.New("the guest went off before it began with the script")
	}
	exit := saidExit.FindStringSubmatch(end)
	if exit == nil {
		return errors.New("the guest went off without saying how the script ended")
	}
	boot, err := time.ParseDuration(start[1] + "s")
	if err == nil {
		r.Boot = boot
		r.Code, err = strconv.Atoi(exit[1])
	}
	return err
}
