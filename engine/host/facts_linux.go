package host

import (
	"bytes"
	"encoding/binary"
	"path"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// gatherFacts reads files and runs nothing: every run of the agent begins with it.
func gatherFacts(t Tree, offline bool) Facts {
	g := gatherer{t}
	f := Facts{OS: "linux", Distro: g.distro(), Firewall: g.firewall(offline)}
	if offline {
		f.Init, f.SELinux, f.Arch = g.installedInit(), g.configuredSELinux(), g.imageArch()
		f.Unknown = []string{"kernel", "hostname", "virtualization", "cpus", "memory", "gpus"}
		if f.Arch == "" {
			f.Unknown = append(f.Unknown, "arch")
		}
		return f
	}
	f.Arch, f.SELinux, f.Virtualization = runtime.GOARCH, g.liveSELinux(), g.virtualization()
	if g.isDir("/run/systemd/system") {
		f.Init = "systemd"
	}
	f.CPUs, f.Memory, f.GPUs = g.cpus(), g.memory(), g.gpus()
	var u unix.Utsname
	if err := unix.Uname(&u); err == nil {
		f.Kernel, f.Hostname = unix.ByteSliceToString(u.Release[:]), unix.ByteSliceToString(u.Nodename[:])
	}
	return f
}

// gatherer reads facts from a tree. What cannot be read is as if it were not there.
type gatherer struct{ t Tree }

func (g gatherer) text(name string) string {
	b, err := g.t.ReadFile(name)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

func (g gatherer) isDir(name string) bool {
	info, err := g.t.Stat(name)
	return err == nil && info.Kind == Dir
}

func (g gatherer) exists(name string) bool {
	_, err := g.t.Lstat(name)
	return err == nil
}

func (g gatherer) distro() Distro {
	text := g.text("/etc/os-release")
	if text == "" {
		text = g.text("/usr/lib/os-release")
	}
	v := settings(text)
	return Distro{ID: v["ID"], Version: v["VERSION_ID"], Name: v["PRETTY_NAME"]}
}

// settings reads lines of KEY=value, quoted or not, as shell and systemd files have them.
func settings(text string) map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok || strings.HasPrefix(key, "#") {
			continue
		}
		value = strings.TrimSpace(value)
		if n := len(value); n > 1 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
			value = value[1 : n-1]
		}
		m[strings.TrimSpace(key)] = value
	}
	return m
}

// firewall names the one that rules: systemd keeps a link for every unit that runs, and a
// link for every one that shall.
func (g gatherer) firewall(offline bool) string {
	enabled := "/etc/systemd/system/multi-user.target.wants/firewalld.service"
	running := "/run/systemd/units/invocation:firewalld.service"
	switch {
	case g.exists(enabled) && !g.masked("firewalld.service") || !offline && g.exists(running):
		return "firewalld"
	case settings(g.text("/etc/ufw/ufw.conf"))["ENABLED"] == "yes":
		return "ufw"
	case g.exists("/usr/sbin/nft") || g.exists("/sbin/nft") || g.exists("/usr/bin/nft"):
		return "nftables"
	}
	return "none"
}

// masked reports whether a unit cannot be started, whatever else is linked.
func (g gatherer) masked(unit string) bool {
	target, err := g.t.Readlink("/etc/systemd/system/" + unit)
	return err == nil && target == "/dev/null"
}

func (g gatherer) liveSELinux() string {
	switch g.text("/sys/fs/selinux/enforce") {
	case "1":
		return "enforcing"
	case "0":
		return "permissive"
	}
	return "disabled"
}

func (g gatherer) configuredSELinux() string {
	switch mode := strings.ToLower(settings(g.text("/etc/selinux/config"))["SELINUX"]); mode {
	case "enforcing", "permissive":
		return mode
	}
	return "disabled"
}

func (g gatherer) installedInit() string {
	for _, name := range []string{"/sbin/init", "/usr/sbin/init"} {
		if target, err := g.t.Readlink(name); err == nil && path.Base(target) == "systemd" {
			return "systemd"
		}
	}
	return ""
}

// imageArch reads for which machine the programs of an image are built.
func (g gatherer) imageArch() string {
	for _, name := range []string{"/bin/sh", "/usr/bin/env", "/sbin/init", "/usr/lib/systemd/systemd"} {
		f, err := g.t.Open(name)
		if err != nil {
			continue
		}
		var head [20]byte
		n, _ := f.Read(head[:])
		f.Close()
		if n < len(head) || !bytes.HasPrefix(head[:], []byte("\x7fELF")) {
			continue
		}
		switch binary.LittleEndian.Uint16(head[18:]) { // e_machine
		case 62:
			return "amd64"
		case 183:
			return "arm64"
		}
	}
	return ""
}

func (g gatherer) cpus() int {
	if n := countList(g.text("/sys/devices/system/cpu/online")); n > 0 {
		return n
	}
	return runtime.NumCPU()
}

// countList counts a list of the kernel: 0-3,8 is five.
func countList(list string) int {
	n := 0
	for part := range strings.SplitSeq(list, ",") {
		from, to, isRange := strings.Cut(part, "-")
		a, err := strconv.Atoi(from)
		if err != nil {
			return 0
		}
		b := a
		if isRange {
			if b, err = strconv.Atoi(to); err != nil || b < a {
				return 0
			}
		}
		n += b - a + 1
	}
	return n
}

func (g gatherer) memory() int64 {
	_, rest, ok := strings.Cut(g.text("/proc/meminfo"), "MemTotal:")
	if f := strings.Fields(rest); ok && len(f) > 0 {
		kib, _ := strconv.ParseInt(f[0], 10, 64)
		return kib << 10
	}
	return 0
}
