package sysctl

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/enginetest"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

type (
	files = map[string]hosttest.File
	cases = []enginetest.Case[Spec]
)

const (
	swappiness = "/proc/sys/vm/swappiness"
	rmem       = "/proc/sys/net/ipv4/tcp_rmem"
	mine       = "/etc/sysctl.d/60-agent0-vm.swappiness.conf"
)

func text(s string) hosttest.File { return hosttest.File{Content: s} }

// kernel is a host with some parameters.
func kernel(more files) files {
	out := files{dir: {Dir: true}, swappiness: text("60\n"), rmem: text("4096\t131072\t6291456\n")}
	for name, f := range more {
		out[name] = f
	}
	return out
}

func swap10() *Spec { return &Spec{Name: "vm/swappiness", Value: " 10"} }

const wanted = header + "vm.swappiness = 10\n"

func TestConverges(t *testing.T) {
	no := false
	now := swap10()
	now.Persist = &no
	optional := &Spec{Name: "net.netfilter.nf_conntrack_max", Value: "65536", Optional: true}
	enginetest.Converges(t, Kind(), cases{
		{Name: "neither", Files: kernel(nil), Spec: swap10(), Want: engine.Update},
		{Name: "nor the folder", Files: files{swappiness: text("60\n")}, Spec: swap10(), Want: engine.Update},
		{Name: "as wanted", Files: kernel(files{swappiness: text("10\n"), mine: text(wanted)}), Spec: swap10(), Want: engine.NoOp},
		{Name: "not at boot", Files: kernel(files{swappiness: text("10\n")}), Spec: swap10(), Want: engine.Update},
		{Name: "not now", Files: kernel(files{mine: text(wanted)}), Spec: swap10(), Want: engine.Update},
		{Name: "another value and somebody else's file", Spec: swap10(), Want: engine.Update,
			Files: kernel(files{mine: {Content: "vm.swappiness=20\n# x", UID: 7, Mode: 0o666, Xattrs: map[string]string{"user.a": "b"}}})},
		{Name: "the same in other words", Files: kernel(files{swappiness: text("10\n"), mine: text("vm/swappiness=10")}), Spec: swap10(), Want: engine.Update},
		{Name: "open to all", Files: kernel(files{swappiness: text("10\n"), mine: {Content: wanted, Mode: 0o666}}), Spec: swap10(), Want: engine.Update},
		{Name: "for now only", Files: kernel(nil), Spec: now, Want: engine.Update},
		{Name: "for now only, and it was for ever", Files: kernel(files{mine: text(wanted)}), Spec: now, Want: engine.Update},
		{Name: "tabs between numbers", Want: engine.NoOp, Spec: &Spec{Name: "net.ipv4.tcp_rmem", Value: "4096  131072 6291456"},
			Files: kernel(files{"/etc/sysctl.d/60-agent0-net.ipv4.tcp_rmem.conf": text(header + "net.ipv4.tcp_rmem = 4096  131072 6291456\n")})},
		{Name: "a dot in a name", Want: engine.Update, Spec: &Spec{Name: "net.ipv4.conf.eth0/100.rp_filter", Value: "1"},
			Files: kernel(files{"/proc/sys/net/ipv4/conf/eth0.100/rp_filter": text("0\n")})},
		{Name: "the file is to go", Files: kernel(files{mine: {Content: "# x", Mode: 0o600}}), Spec: &Spec{Name: "vm.swappiness"}, Absent: true, Want: engine.Remove},
		{Name: "the file is gone", Files: kernel(nil), Spec: &Spec{Name: "vm.swappiness"}, Absent: true, Want: engine.NoOp},
		{Name: "a kernel without it", Files: kernel(nil), Spec: optional, Want: engine.Create},
		{Name: "for now only, in an image", Offline: true, Spec: now, Want: engine.NoOp},
		{Name: "for now only, in an image with a file", Offline: true, Files: files{mine: text(wanted)}, Spec: now, Want: engine.Update},
		{Name: "for now only, and the kernel is without it", Files: kernel(nil), Spec: &Spec{Name: "vm.none", Value: "1", Persist: &no, Optional: true}, Want: engine.NoOp},
		{Name: "in an image", Offline: true, Files: files{mine: text("vm.swappiness=1")}, Spec: swap10(), Want: engine.Update},
		{Name: "in an image without any", Offline: true, Spec: swap10(), Want: engine.Create},
	})
}

func TestRefuses(t *testing.T) {
	later := func(name, content string) files { return kernel(files{name: text(content)}) }
	enginetest.Converges(t, Kind(), cases{
		{Name: "no such parameter", Files: kernel(nil), Spec: &Spec{Name: "vm.swapiness", Value: "1"}, Err: "the kernel has no vm.swapiness: check the name; if it comes with a module"},
		{Name: "a group of parameters", Files: kernel(files{"/proc/sys/net/ipv4/conf/all": {Dir: true}}), Spec: &Spec{Name: "net.ipv4.conf", Value: "1"}, Err: "net.ipv4.conf is a group of parameters"},
		{Name: "read only", Files: kernel(files{"/proc/sys/kernel/osrelease": {Content: "6\n", Mode: 0o444}}), Spec: &Spec{Name: "kernel.osrelease", Value: "1"}, Err: "the kernel lets it be read only"},
		{Name: "a later file", Files: later("/usr/lib/sysctl.d/99-vendor.conf", "# x\n-vm/swappiness = 60\n"), Spec: swap10(),
			Err: "/usr/lib/sysctl.d/99-vendor.conf:2 sets vm.swappiness to 60, and is read after " + mine + " at every boot: remove that line"},
		{Name: "a later file that leaves it alone", Files: later("/etc/sysctl.d/99-x.conf", "-vm.swappiness"), Spec: swap10(), Err: "/etc/sysctl.d/99-x.conf:1 tells the boot to leave vm.swappiness alone"},
		{Name: "a link", Files: kernel(files{mine: {Link: "/x"}}), Spec: swap10(), Err: "is a symlink to /x"},
		{Name: "a later file, all else as wanted", Spec: swap10(), Err: "/etc/sysctl.d/99-x.conf:1 sets vm.swappiness to 5",
			Files: kernel(files{swappiness: text("10\n"), mine: text(wanted), "/etc/sysctl.d/99-x.conf": text("vm.swappiness=5")})},
	})
	enginetest.Converges(t, Kind(), cases{
		{Name: "a later file with the same value", Files: later("/etc/sysctl.d/99-x.conf", "vm.swappiness=10"), Spec: swap10(), Want: engine.Update},
		{Name: "a later pattern", Files: later("/etc/sysctl.d/99-x.conf", "vm.*=5"), Spec: swap10(), Want: engine.Update},
		{Name: "an earlier file", Files: later("/etc/sysctl.d/10-x.conf", "vm.swappiness=5"), Spec: swap10(), Want: engine.Update},
		{Name: "the main file, where systemd boots", Files: later(mainFile, "vm.swappiness=5"), Spec: swap10(), Want: engine.Update},
	})
}

// A host that does not boot with systemd reads the main file, and that last.
func TestMainFile(t *testing.T) {
	spec := swap10()
	spec.Default()
	for _, c := range []struct{ init, check, warn string }{
		{"systemd", "", "/etc/sysctl.conf:1 sets vm.swappiness to 5. Systemd does not read that file at boot"},
		{"", "/etc/sysctl.conf:1 sets vm.swappiness to 5, and is read after", ""},
	} {
		m := hosttest.New(t, hosttest.Config{Files: kernel(files{mainFile: text("vm.swappiness=5\n")}), Facts: &host.Facts{Init: c.init}})
		have, err := resource{}.Read(t.Context(), m.View(), spec)
		if err != nil {
			t.Fatal(err)
		}
		says(t, c.init+" check", resource{}.Check(t.Context(), m.View(), have, spec), c.check)
		says(t, c.init+" warn", resource{}.Warn(t.Context(), m.View(), have, spec), c.warn)
	}
}

// What is in the way is named, so that a plan may remove it in the same run.
func TestConflictIsNamed(t *testing.T) {
	spec := swap10()
	spec.Default()
	m := hosttest.New(t, hosttest.Config{Files: kernel(files{"/etc/sysctl.d/99-x.conf": text("vm.swappiness=5")})})
	var conflict *engine.ConflictError
	if err := (resource{}).Check(t.Context(), m.View(), nil, spec); !errors.As(err, &conflict) || conflict.Claim != "path:/etc/sysctl.d/99-x.conf" {
		t.Errorf("%v, %+v", err, conflict)
	}
}

func says(t *testing.T, what string, err error, want string) {
	t.Helper()
	if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
		t.Errorf("%s: %v, want %q", what, err, want)
	}
}

// A diff tells both states, and what overrules the file.
func TestDiff(t *testing.T) {
	spec := swap10()
	spec.Default()
	for _, c := range []struct {
		files files
		want  string
	}{
		{kernel(nil), "runtime: 60 → 10\npersisted: (absent) → 10\n"},
		{kernel(files{mine: text("vm.swappiness=30\n")}), "runtime: 60 → 10\npersisted: 30 → 10\n"},
		{kernel(files{mine: text("# nothing\n")}), "runtime: 60 → 10\npersisted: (nothing) → 10\n"},
		{kernel(files{swappiness: text("10\n"), mine: text("vm.swappiness=10\n")}), "persisted: 10, written in another way → 10\n"},
		{kernel(files{swappiness: text("10\n"), mine: text(wanted), "/run/sysctl.d/70-x.conf": text("vm.swappiness=7\n")}), "at boot: 7 (/run/sysctl.d/70-x.conf:1) → 10\n"},
		{kernel(files{swappiness: text("10\n"), mine: {Content: wanted, GID: 7}}), "group: 7 → root\n"},
	} {
		m := hosttest.New(t, hosttest.Config{Files: c.files})
		have, err := resource{}.Read(t.Context(), m.View(), spec)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, f := range (resource{}).Diff(have, spec) {
			got += fmt.Sprintf("%s: %s → %s\n", f.Name, f.Have, f.Want)
		}
		if got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"vm.swappiness", "10", ""},
		{"net/ipv4/conf/eth0.100/rp_filter", "1", ""},
		{"kernel.core_pattern", "|/usr/bin/x %p\t%s", ""},
		{"", "1", "name: it is empty"},
		{"swappiness", "1", "names with dots between them"},
		{"vm..swappiness", "1", "names with dots between them"},
		{".vm.swappiness", "1", "names with dots between them"},
		{"vm/../../etc/passwd", "1", "names with dots between them"},
		{"vm.swappiness.", "1", "names with dots between them"},
		{"net.ipv4.conf.*.rp_filter", "1", "is a pattern of parameters"},
		{"-vm.swappiness", "1", "is no name"},
		{"vm.swap piness", "1", "is no name"},
		{"vm.swappiness", "", "value: it is empty"},
		{"vm.swappiness", "1\n2", "value: \"1\\n2\" has a control character"},
		{"vm.swappiness", strings.Repeat("1", 4096), "4095 is the most"},
	} {
		s := &Spec{Name: c.name, Value: c.value}
		s.Default()
		says(t, c.name+" = "+c.value, s.Validate(), c.want)
	}
}

// A name has one form, whatever separator it was written with: sysctl.d(5).
func TestNames(t *testing.T) {
	for _, c := range []struct{ written, name, proc, file string }{
		{"vm.swappiness", "vm.swappiness", swappiness, mine},
		{"vm/swappiness", "vm.swappiness", swappiness, mine},
		{"net.ipv4.conf.enp3s0/200.forwarding", "net.ipv4.conf.enp3s0/200.forwarding", "/proc/sys/net/ipv4/conf/enp3s0.200/forwarding", dir + "/60-agent0-net.ipv4.conf.enp3s0%2F200.forwarding.conf"},
		{"net/ipv4/conf/enp3s0.200/forwarding", "net.ipv4.conf.enp3s0/200.forwarding", "/proc/sys/net/ipv4/conf/enp3s0.200/forwarding", dir + "/60-agent0-net.ipv4.conf.enp3s0%2F200.forwarding.conf"},
	} {
		s := &Spec{Name: c.written, Value: "1"}
		s.Default()
		if s.Name != c.name || procFile(s.Name) != c.proc || s.file() != c.file {
			t.Errorf("%s: %s, %s, %s", c.written, s.Name, procFile(s.Name), s.file())
		}
	}
}

// FuzzParse reads anything without a panic, and what is written is read back.
func FuzzParse(f *testing.F) {
	f.Add("vm.swappiness=1\n-x\n# y\n;z\n = \n--=\n", "vm.swappiness", "10")
	f.Add("", "0.\xea", "0")
	f.Fuzz(func(t *testing.T, content, name, value string) {
		for _, a := range parse("f", []byte(content)) {
			wins([]assignment{a}, a.key)
			matches(a.key, "net/ipv4/conf/all/rp_filter")
		}
		s := &Spec{Name: name, Value: value}
		s.Default()
		if s.Validate() == nil && (s.persisted() != s.Value || dotted(keyPath(s.Name)) != s.Name) {
			t.Errorf("%q = %q is read back as %q from %q", s.Name, s.Value, s.persisted(), s.bytes())
		}
	})
}
