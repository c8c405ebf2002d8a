package host_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

func TestFactsOfAnImage(t *testing.T) {
	elf := "\x7fELF" + strings.Repeat("\x00", 14) + "\xb7\x00" // e_machine of arm64
	m := hosttest.New(t, hosttest.Config{Files: map[string]hosttest.File{
		"/usr/lib/os-release": {Content: "# c\nID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME='Debian GNU/Linux 12'\n"},
		"/etc/os-release":     {Link: "/usr/lib/os-release"},
		"/usr/bin/dash":       {Content: elf, Mode: 0o755}, "/bin": {Link: "usr/bin"}, "/usr/bin/sh": {Link: "dash"},
		"/usr/sbin/init":      {Link: "../lib/systemd/systemd"},
		"/etc/selinux/config": {Content: "SELINUX=Enforcing\n"}, "/etc/ufw/ufw.conf": {Content: "ENABLED=yes\n"},
	}})
	h, err := host.Open(host.Options{Root: m.Path("/")})
	check(t, err)
	defer h.Close()
	want := host.Facts{
		OS: "linux", Arch: "arm64", Distro: host.Distro{ID: "debian", Version: "12", Name: "Debian GNU/Linux 12"},
		Init: "systemd", SELinux: "enforcing", Firewall: "ufw",
		Unknown: []string{"kernel", "hostname", "virtualization", "cpus", "memory", "gpus"},
	}
	if diff := cmp.Diff(want, h.Facts); diff != "" {
		t.Error(diff)
	}
}

// TestFactsOfARunningSystem gathers from a tree that has what the kernel would show.
func TestFactsOfARunningSystem(t *testing.T) {
	pci := "/sys/bus/pci/devices/"
	m := hosttest.New(t, hosttest.Config{Files: map[string]hosttest.File{
		"/proc/meminfo": {Content: "MemTotal:       16384 kB\nMemFree: 1 kB\n"}, "/sys/devices/system/cpu/online": {Content: "0-3,8\n"},
		"/proc/cpuinfo":           {Content: "processor: 0\nflags\t\t: fpu hypervisor lm\n"},
		"/sys/fs/selinux/enforce": {Content: "0"}, "/run/systemd/system": {Dir: true},
		"/run/systemd/units/invocation:firewalld.service": {Link: "0123"},
		pci + "0000:01:00.0/class":                        {Content: "0x030200\n"}, pci + "0000:01:00.0/vendor": {Content: "0x10de\n"},
		"/proc/driver/nvidia/gpus/0000:01:00.0/information": {Content: "Model: \t NVIDIA H100\nIRQ: 1\n"},
		pci + "0000:02:00.0/class":                          {Content: "0x030000"}, pci + "0000:02:00.0/vendor": {Content: "0x1002"},
		pci + "0000:02:00.0/device": {Content: "0x744c"}, pci + "0000:02:00.0/mem_info_vram_total": {Content: "25753026560"},
		pci + "0000:03:00.0/class": {Content: "0x030000"}, pci + "0000:03:00.0/vendor": {Content: "0x1234"},
		pci + "0000:04:00.0/class": {Content: "0x020000"}, pci + "0000:04:00.0/vendor": {Content: "0x8086"},
	}})
	h, err := host.Open(host.Options{Root: m.Path("/"), Programs: map[string]host.ProgramFunc{}})
	check(t, err)
	defer h.Close()
	got := h.Facts
	if got.Kernel == "" || got.Hostname == "" || got.Arch == "" {
		t.Errorf("no kernel, host name or architecture: %+v", got)
	}
	got.Kernel, got.Hostname, got.Arch = "", "", ""
	want := host.Facts{
		OS: "linux", Init: "systemd", Virtualization: "vm-other", SELinux: "permissive", Firewall: "firewalld",
		CPUs: 5, Memory: 16 << 20,
		GPUs: []host.GPU{{Vendor: "nvidia", Name: "NVIDIA H100"}, {Vendor: "amd", Name: "1002:744c", Memory: 25753026560}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// one returns the facts of a running system with a single file.
func one(t *testing.T, name, content string) host.Facts {
	t.Helper()
	m := hosttest.New(t, hosttest.Config{Files: map[string]hosttest.File{name: {Content: content}}})
	h, err := host.Open(host.Options{Root: m.Path("/"), Programs: map[string]host.ProgramFunc{}})
	check(t, err)
	check(t, h.Close())
	return h.Facts
}

func TestSingleFacts(t *testing.T) {
	for file, want := range map[[2]string]string{
		{"/nothing", ""}: "none",
		{"/run/systemd/container", "systemd-nspawn\n"}:       "systemd-nspawn",
		{"/.dockerenv", ""}:                                  "docker",
		{"/run/.containerenv", ""}:                           "podman",
		{"/sys/class/dmi/id/sys_vendor", "QEMU\n"}:           "qemu",
		{"/sys/class/dmi/id/product_name", "VMware7,1\n"}:    "vmware",
		{"/proc/cpuinfo", "flags\t: fpu lm\n"}:               "none",
		{"/proc/cpuinfo", "flags\t: fpu\nflags: hypervisor"}: "none", // only the first processor is read
	} {
		if got := one(t, file[0], file[1]).Virtualization; got != want {
			t.Errorf("%v: virtualization is %q, want %q", file, got, want)
		}
	}
	for file, want := range map[[2]string]string{
		{"/nothing", ""}: "none", {"/usr/sbin/nft", ""}: "nftables", {"/etc/ufw/ufw.conf", "ENABLED=no\n"}: "none",
		{"/etc/ufw/ufw.conf", "# ufw\nENABLED=yes\nLOGLEVEL=low\n"}:           "ufw",
		{"/etc/systemd/system/multi-user.target.wants/firewalld.service", ""}: "firewalld",
	} {
		if got := one(t, file[0], file[1]).Firewall; got != want {
			t.Errorf("%v: the firewall is %q, want %q", file, got, want)
		}
	}
	for enforce, want := range map[string]string{"1": "enforcing", "0": "permissive", "": "disabled"} {
		if got := one(t, "/sys/fs/selinux/enforce", enforce).SELinux; got != want {
			t.Errorf("SELinux %q is %q", enforce, got)
		}
	}
	for online, want := range map[string]int{"0": 1, "0-127": 128, "0-1,4-5,7\n": 5} {
		if got := one(t, "/sys/devices/system/cpu/online", online).CPUs; got != want {
			t.Errorf("CPUs %q are %d", online, got)
		}
	}
	for _, broken := range []string{"3-1", "x", "0-"} {
		if got := one(t, "/sys/devices/system/cpu/online", broken).CPUs; got < 1 {
			t.Errorf("CPUs %q are %d", broken, got)
		}
	}
}

func TestFactsOfThisMachine(t *testing.T) {
	h, err := host.Open(host.Options{})
	check(t, err)
	defer h.Close()
	f := h.Facts
	if f.CPUs < 1 || f.Memory < 1<<20 || f.Kernel == "" || f.Virtualization == "" || len(f.Unknown) > 0 {
		t.Errorf("%+v", f)
	}
}

func TestLoadFacts(t *testing.T) {
	all := host.Facts{OS: "linux", CPUs: 2, GPUs: []host.GPU{{Vendor: "amd", Name: "x", Memory: 1}}}
	text, err := json.Marshal(all)
	check(t, err)
	got, err := host.LoadFacts(strings.NewReader(string(text)))
	if diff := cmp.Diff(all, got); diff != "" || err != nil {
		t.Errorf("round trip: %v\n%s", err, diff)
	}
	got, err = host.LoadFacts(strings.NewReader(`{"cpus": 8, "memory": 1024}`))
	check(t, err)
	if !got.Known("cpus") || got.Known("gpus") || got.Known("speed") {
		t.Errorf("unknown are %v", got.Unknown)
	}
	image := host.Facts{OS: "linux", Memory: 1, Unknown: []string{"cpus", "gpus"}}
	filled := image.Fill(got)
	if diff := cmp.Diff(host.Facts{OS: "linux", CPUs: 8, Memory: 1, Unknown: []string{"gpus"}}, filled); diff != "" {
		t.Error(diff)
	}
	for text, want := range map[string]string{
		`{"speed": 1}`: `"speed"`, `{} {}`: "more than one", `{"cpus": "x"}`: "cpus", ``: "EOF",
		`{"unknown": ["speed"]}`: `"speed"`, `{"gpus": [{"brand": 1}]}`: `"brand"`,
	} {
		if _, err := host.LoadFacts(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("LoadFacts(%s): %v", text, err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	for b.Loop() {
		h, err := host.Open(host.Options{})
		if err != nil {
			b.Fatal(err)
		}
		h.Close()
	}
}
