package sysctl

import (
	"errors"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// onTheKernel runs a test on this machine's kernel, in a network of its own and with a /etc/sysctl.d
// of its own.
func onTheKernel(t *testing.T, test func(t *testing.T, h *host.Host)) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("needs %s", dir)
	}
	t.Run("namespace", func(t *testing.T) {
		runtime.LockOSThread() // and never unlocked, so that the thread ends with the test
		if err := unix.Unshare(unix.CLONE_NEWNET | unix.CLONE_NEWNS); err != nil {
			t.Skipf("needs namespaces: %v", err)
		}
		must(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
		must(t, unix.Mount("none", dir, "tmpfs", 0, "mode=755"))
		h, err := host.Open(host.Options{Facts: &host.Facts{OS: "linux", Init: "systemd"}})
		must(t, err)
		test(t, h)
		must(t, h.Close())
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Both states arrive, read back as they are wanted, and go back to what they were.
func TestKernelTakesAndGivesBack(t *testing.T) {
	onTheKernel(t, func(t *testing.T, h *host.Host) {
		for _, want := range []*Spec{
			{Name: "net.ipv4.ip_default_ttl", Value: "77"},
			{Name: "net/ipv4/tcp_rmem", Value: "4096 50000 600000"},
			{Name: "net.ipv4.ip_local_port_range", Value: "40000 50000"},
			{Name: "net.ipv4.conf.lo.rp_filter", Value: "2"},
			{Name: "net.core.somaxconn", Value: "999"},
		} {
			want.Default()
			must(t, want.Validate())
			before := converge(t, h, want)
			if before.Raw != nil || before.Runtime == nil {
				t.Fatalf("%s was %+v", want.Name, before)
			}
			now, err := resource{}.Read(t.Context(), h.View(), want)
			must(t, err)
			must(t, resource{}.Apply(t.Context(), h, now, before))
			after, err := resource{}.Read(t.Context(), h.View(), before)
			must(t, err)
			if after.Raw != nil || *after.Runtime != *before.Runtime {
				t.Errorf("%s was %q and is %q again, file %v", want.Name, *before.Runtime, *after.Runtime, after.Raw)
			}
		}
	})
}

// converge takes the kernel to want and returns what was there before.
func converge(t *testing.T, h *host.Host, want *Spec) *Spec {
	t.Helper()
	before, err := resource{}.Read(t.Context(), h.View(), want)
	must(t, err)
	must(t, resource{}.Check(t.Context(), h.View(), before, want))
	must(t, resource{}.Apply(t.Context(), h, before, want))
	have, err := resource{}.Read(t.Context(), h.View(), want)
	must(t, err)
	if diff := (resource{}).Diff(have, want); len(diff) > 0 {
		t.Errorf("%s: %+v", want.Name, diff)
	}
	return before
}

// A value that the kernel refuses is an error in words, and does not wait for the next boot.
func TestKernelRefuses(t *testing.T) {
	onTheKernel(t, func(t *testing.T, h *host.Host) {
		want := &Spec{Name: "net.ipv4.ip_default_ttl", Value: "4711"}
		want.Default()
		have, err := resource{}.Read(t.Context(), h.View(), want)
		must(t, err)
		err = resource{}.Apply(t.Context(), h, have, want)
		says(t, "apply", err, "cannot set /proc/sys/net/ipv4/ip_default_ttl: the kernel does not take this value")
		if _, err := h.Files.Stat(want.file()); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the file is there: %v", err)
		}
		none := &Spec{Name: "net.ipv4.no_such_key", Value: "1"}
		none.Default()
		says(t, "check", resource{}.Check(t.Context(), h.View(), nil, none), "the kernel has no net.ipv4.no_such_key")
		fixed := &Spec{Name: "net.ipv4.tcp_available_congestion_control", Value: "x"}
		fixed.Default()
		have, err = resource{}.Read(t.Context(), h.View(), fixed)
		must(t, err)
		says(t, "check", resource{}.Check(t.Context(), h.View(), have, fixed), "the kernel lets it be read only")
	})
}

// In a container /proc/sys is read-only, and the plan says so before it changes anything.
func TestReadOnlyKernel(t *testing.T) {
	onTheKernel(t, func(t *testing.T, h *host.Host) {
		must(t, unix.Mount("/proc/sys", "/proc/sys", "", unix.MS_BIND, ""))
		must(t, unix.Mount("", "/proc/sys", "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""))
		want := &Spec{Name: "net.ipv4.ip_default_ttl", Value: "77"}
		want.Default()
		have, err := resource{}.Read(t.Context(), h.View(), want)
		must(t, err)
		says(t, "check", resource{}.Check(t.Context(), h.View(), have, want), "/proc/sys is read-only here, as it is in a container")
		err = resource{}.Apply(t.Context(), h, have, want)
		if err == nil || !strings.Contains(err.Error(), "the file system is read-only") {
			t.Errorf("apply: %v", err)
		}
	})
}
