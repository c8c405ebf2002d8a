package guest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/agent0-converge/agent0-converge/internal/lab/program"
)

// A script runs as root on a booted system with its own kernel, its files beside it, and its exit status comes out.
// What it leaves running does not keep the guest from its end.
func TestRun(t *testing.T) {
	script := `
uname -r; cat /proc/1/comm; id -u; cat sub/file; ./program
cat /sys/fs/ext4/features/verity
stat -f -c %T /sys/fs/cgroup; grep -qw memory /sys/fs/cgroup/cgroup.controllers && echo memory
systemctl is-system-running
echo error >&2
tail -f /dev/null &
exit 7`
	rc, out := Run(t, Options{}, script, fstest.MapFS{
		"sub/file": {Data: []byte("content\n"), Mode: 0o644}, "program": {Data: []byte("#!/bin/sh\necho ran\n"), Mode: 0o755},
	})
	kernel, rest, _ := strings.Cut(out, "\n")
	const want = "systemd\n0\ncontent\nran\nsupported\ncgroup2fs\nmemory\nrunning\nerror\n"
	if rc != 7 || !strings.HasSuffix(kernel, "-cloud-amd64") || rest != want {
		t.Errorf("exit status %d, kernel %s\n%s", rc, kernel, rest)
	}
}

// What was synced is there after a power cut and a second cold boot, which has to mend the file system. A script that a
// signal kills has not succeeded, though systemd has it that SIGTERM is a success.
func TestPowerCut(t *testing.T) {
	g := Off(t, Options{Memory: 512})
	ctx, cut := context.WithCancelCause(t.Context())
	defer cut(nil)
	power := errors.New("enough is on the disk")
	r, err := g.Run(ctx, `
cat /proc/sys/kernel/random/boot_id
echo kept >/root/file; sync; echo synced
exec tail -f /dev/null`, nil, &lines{each: func(line string) {
		t.Log(line)
		if line == "synced" {
			cut(power)
		}
	}})
	if !errors.Is(err, power) {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(r.Output), "\n")
	r = g.MustRun(t, `
cat /proc/sys/kernel/random/boot_id /root/file
dmesg | grep -o 'EXT4-fs (.*): recovery complete' | cut -d: -f2
awk '/^MemTotal/ { print ($2 < 524288 && $2 > 262144) }' /proc/meminfo
kill -TERM $$`, nil)
	second, rest, _ := strings.Cut(string(r.Output), "\n")
	if len(first) != 36 || len(second) != 36 || first == second {
		t.Errorf("boot ids %q and %q", first, second)
	}
	if r.Code != 128+15 || rest != "kept\n recovery complete\n1\nTerminated\n" {
		t.Errorf("exit status %d\n%s", r.Code, rest)
	}
}

// A guest that goes off in the middle of its script has failed, and its console says how that came.
func TestGuestWithoutAnswer(t *testing.T) {
	g := Off(t, Options{})
	r, err := g.Run(t.Context(), "echo before; echo c >/proc/sysrq-trigger; echo after", nil, nil)
	if err == nil {
		t.Fatalf("a panic, and the exit status %d", r.Code)
	}
	t.Log(err)
	for _, want := range []string{"without saying how the script ended", "sysrq triggered crash"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q", want)
		}
	}
	if string(r.Output) != "before\n" {
		t.Errorf("before the panic it printed %q", r.Output)
	}
}

// A guest that cannot boot has failed too, and one that takes too long.
func TestGuestThatDoesNotBoot(t *testing.T) {
	g := Off(t, Options{})
	if _, err := program.Output(t.Context(), "qemu-img", "create", "-q", "-f", "qcow2", g.disk(), "64M"); err != nil {
		t.Fatal(err)
	}
	r, err := g.Run(t.Context(), "true", nil, nil)
	if err == nil || !strings.Contains(err.Error(), "before it began with the script") || !strings.Contains(err.Error(), "lab: cannot boot: cannot mount /dev/vd") {
		t.Errorf("from an empty disk: %+v, %v", r, err)
	}
	g = Off(t, Options{Limit: time.Second})
	if r, err := g.Run(t.Context(), "true", nil, nil); err == nil || !strings.Contains(err.Error(), "did not end within") {
		t.Errorf("within a second: %+v, %v", r, err)
	}
}

// A guest that cannot unpack what it gets says so on its console, and goes off at once.
func TestPayloadThatDoesNotUnpack(t *testing.T) {
	g := Off(t, Options{})
	r, err := g.Run(t.Context(), "true", fstest.MapFS{scriptName + "/in-its-place": {Data: []byte("x"), Mode: 0o644}}, nil)
	if err == nil || !strings.Contains(err.Error(), "before it began with the script") || !strings.Contains(err.Error(), scriptName+": Cannot open") {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestGoTest(t *testing.T) {
	GoTest(t, Options{}, "../machine/testdata/inside", "-test.run=TestPass")
}

// fs-verity, which the kernels that tests usually run on do not have. All of these tests must run here.
func TestVerity(t *testing.T) {
	for _, pkg := range []string{"engine/host", "resources/model"} {
		t.Run(pkg, func(t *testing.T) { GoTest(t, Options{}, "../../../"+pkg, "-test.run=Verity|Sealed") })
	}
}

// Sticks, of whose file systems the kernels that tests usually run on know nothing.
func TestSticks(t *testing.T) {
	o := Options{Packages: []string{"dosfstools", "exfatprogs"}}
	for _, pkg := range []string{"engine/host", "resources/model/bundle"} {
		t.Run(pkg, func(t *testing.T) { GoTest(t, o, "../../../"+pkg, "-test.run=Stick") })
	}
}
