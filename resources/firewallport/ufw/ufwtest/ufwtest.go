// Package ufwtest plays ufw on a machine of hosttest: the programs that read and change what runs, and the command that
// loads and unloads it. What runs is in files of the machine, as iptables-save prints it.
package ufwtest

import (
	"context"
	"fmt"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

// Kernel and Kernel6 are the files with what runs.
const (
	Kernel  = "/run/kernel/filter"
	Kernel6 = "/run/kernel/filter6"
)

// Options say what is different from a host on which ufw was just switched on.
type Options struct {
	// Off is a ufw that was never switched on: its files are those that the package brings, and nothing is loaded.
	Off bool
	// IPv4Only is a ufw that leaves IPv6 alone.
	IPv4Only bool
	// Offline is an image, in which ufw is on unless it is Off. Its rules are those that the package brings.
	Offline bool
}

// Config is a machine with ufw. More files and programs may be put into it.
func Config(o Options) hosttest.Config {
	c := hosttest.Config{Offline: o.Offline, Files: map[string]hosttest.File{
		"/etc/ufw/ufw.conf":                   {Content: "# /etc/ufw/ufw.conf\nENABLED=" + yes(!o.Off) + "\nLOGLEVEL=low\n"},
		"/etc/default/ufw":                    {Content: "IPV6=" + yes(!o.IPv4Only) + "\nDEFAULT_INPUT_POLICY=\"DROP\"\n"},
		"/etc/ufw/user.rules":                 {Content: Packaged("ufw"), Mode: 0o640},
		"/etc/ufw/user6.rules":                {Content: Packaged("ufw6"), Mode: 0o640},
		"/usr/share/ufw/iptables/user.rules":  {Content: Packaged("ufw")},
		"/usr/share/ufw/iptables/user6.rules": {Content: Packaged("ufw6")},
		"/usr/sbin/ufw":                       {Content: "#! /usr/bin/python3\n", Mode: 0o755},
	}}
	if o.Offline {
		return c
	}
	c.Files["/proc/sys/net/ipv6"] = hosttest.File{Dir: true}
	c.Files[Kernel] = hosttest.File{Content: empty}
	c.Files[Kernel6] = hosttest.File{Content: empty}
	if !o.Off {
		for name, prefix := range map[string]string{"/etc/ufw/user.rules": "ufw", "/etc/ufw/user6.rules": "ufw6"} {
			c.Files[name] = hosttest.File{Content: Written(prefix), Mode: 0o640}
		}
		c.Files[Kernel] = hosttest.File{Content: loaded("ufw", Written("ufw"))}
		if !o.IPv4Only {
			c.Files[Kernel6] = hosttest.File{Content: loaded("ufw6", Written("ufw6"))}
		}
	}
	c.Programs = map[string]hosttest.Program{
		"iptables-save": save(Kernel), "ip6tables-save": save(Kernel6),
		"iptables-restore": restore(Kernel, "ufw"), "ip6tables-restore": restore(Kernel6, "ufw6"),
		"ufw": command,
	}
	return c
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

// Packaged is the rules file that the package brings, of the family whose chains have the prefix: ufw or ufw6.
func Packaged(prefix string) string {
	out := "*filter\n" + chains(prefix, "user-input", "user-output", "user-forward")
	if prefix == "ufw6" {
		return out + "### RULES ###\nCOMMIT\n"
	}
	return out + chains(prefix, "user-limit", "user-limit-accept") + "### RULES ###\n" + limits(prefix) + "COMMIT\n"
}

// Written is the rules file that ufw writes when it is switched on and has no rules.
func Written(prefix string) string {
	const often = " -m limit --limit 3/min --limit-burst 10\n"
	return "*filter\n" + chains(prefix, "user-input", "user-output", "user-forward", "before-logging-input", "before-logging-output",
		"before-logging-forward", "user-logging-input", "user-logging-output", "user-logging-forward", "after-logging-input",
		"after-logging-output", "after-logging-forward", "logging-deny", "logging-allow", "user-limit", "user-limit-accept") +
		"### RULES ###\n\n### END RULES ###\n\n### LOGGING ###\n" +
		"-A " + prefix + "-after-logging-input -j LOG --log-prefix \"[UFW BLOCK] \"" + often +
		"-A " + prefix + "-after-logging-forward -j LOG --log-prefix \"[UFW BLOCK] \"" + often +
		"-I " + prefix + "-logging-deny -m conntrack --ctstate INVALID -j RETURN" + often +
		"-A " + prefix + "-logging-deny -j LOG --log-prefix \"[UFW BLOCK] \"" + often +
		"-A " + prefix + "-logging-allow -j LOG --log-prefix \"[UFW ALLOW] \"" + often +
		"### END LOGGING ###\n\n### RATE LIMITING ###\n" + limits(prefix) + "### END RATE LIMITING ###\nCOMMIT\n"
}

func limits(prefix string) string {
	return "-A " + prefix + "-user-limit -m limit --limit 3/minute -j LOG --log-prefix \"[UFW LIMIT BLOCK] \"\n" +
		"-A " + prefix + "-user-limit -j REJECT\n-A " + prefix + "-user-limit-accept -j ACCEPT\n"
}

func chains(prefix string, names ...string) string {
	var out strings.Builder
	for _, name := range names {
		fmt.Fprintf(&out, ":%s-%s - [0:0]\n", prefix, name)
	}
	return out.String()
}

// command plays ufw enable, disable, reload and status.
func command(_ context.Context, m *hosttest.Machine, argv []string, _ []byte) (host.Output, error) {
	on := strings.Contains(m.Get("/etc/ufw/ufw.conf"), "ENABLED=yes")
	switch word := argv[len(argv)-1]; {
	case word == "enable":
		setOn(m, true)
		Boot(m)
		return host.Output{Stdout: []byte("Firewall is active and enabled on system startup\n")}, nil
	case word == "reload" && on:
		Boot(m)
		return host.Output{Stdout: []byte("Firewall reloaded\n")}, nil
	case word == "disable":
		setOn(m, false)
		Boot(m)
		return host.Output{Stdout: []byte("Firewall stopped and disabled on system startup\n")}, nil
	case word == "reload":
		return host.Output{Stdout: []byte("Firewall not enabled (skipping reload)\n")}, nil
	case word == "status" && strings.Contains(m.Get(Kernel), ":ufw-user-input "):
		return host.Output{Stdout: []byte("Status: active\n")}, nil
	case word == "status":
		return host.Output{Stdout: []byte("Status: inactive\n")}, nil
	}
	return host.Output{Stderr: []byte("ERROR: Invalid syntax\n"), Exit: 1}, nil
}

func setOn(m *hosttest.Machine, on bool) {
	conf := m.Get("/etc/ufw/ufw.conf")
	conf = strings.ReplaceAll(conf, "ENABLED="+yes(!on), "ENABLED="+yes(on))
	m.Put("/etc/ufw/ufw.conf", hosttest.File{Content: conf})
}

// Boot loads what the files say, and forgets what ran: what a boot does, and a reload.
func Boot(m *hosttest.Machine) {
	kernel, kernel6 := empty, empty
	if strings.Contains(m.Get("/etc/ufw/ufw.conf"), "ENABLED=yes") {
		kernel = loaded("ufw", m.Get("/etc/ufw/user.rules"))
		if strings.Contains(m.Get("/etc/default/ufw"), "IPV6=yes") {
			kernel6 = loaded("ufw6", m.Get("/etc/ufw/user6.rules"))
		}
	}
	m.Put(Kernel, hosttest.File{Content: kernel})
	m.Put(Kernel6, hosttest.File{Content: kernel6})
}

// Flush forgets what ufw has loaded, as a ufw.service that was stopped does.
func Flush(m *hosttest.Machine) {
	m.Put(Kernel, hosttest.File{Content: empty})
	m.Put(Kernel6, hosttest.File{Content: empty})
}
