package main

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// subject is what a block may be about besides a path: an account, a rule, a parameter or a unit.
type subject struct {
	kind, name string
	// body draws the attributes of a block, all of them if it is to be whole.
	body func(t *rapid.T, says func(string) bool) string
}

// subjects are all that there are. bob, apt, cron, ssh and bluetooth are part of a stock root.
func subjects() []subject {
	out := []subject{
		{"gpu_group", "alice", func(*rapid.T, func(string) bool) string { return "" }},
		{"gpu_group", "daemon", func(*rapid.T, func(string) bool) string { return "" }},
		{"logrotate", "fresh", rule("/var/log/fresh/*.log")}, {"logrotate", "apt", rule("/var/log/apt/term.log")},
		{"sysctl", "vm.swappiness", parameter("10", "20")}, {"sysctl", "kernel.panic", parameter("10", "5")},
		{"unit", "fresh.service", ownUnit("service = {\n    ExecStart = \"/usr/bin/fresh\"\n    Nice      = %d\n  }")},
		{"unit", "tick.timer", ownUnit("timer = {\n    OnUnitActiveSec = %d\n    Unit            = \"cron.service\"\n  }")},
		{"unit", "cron.service", stockUnit}, {"unit", "ssh.service", stockUnit}, {"unit", "bluetooth.service", stockUnit},
		{"drift", "agent0", func(t *rapid.T, _ func(string) bool) string {
			return "  every = " + quoted(rapid.SampledFrom([]string{"15min", "1h"}).Draw(t, "every")) + "\n"
		}},
	}
	for i, name := range []string{"carl", "dora", "bob"} {
		out = append(out, subject{"user", name, person(2001 + i)})
	}
	for i, name := range []string{"team", "crew"} {
		out = append(out, subject{"group", name, club(3001 + i)})
	}
	return out
}

// block draws the subject's block.
func (s subject) block(t *rapid.T, whole bool) string {
	says := func(what string) bool { return whole || rapid.Bool().Draw(t, what) }
	name := ""
	switch s.kind {
	case "unit", "sysctl":
		name = fmt.Sprintf("  name = %q\n", s.name)
	}
	label := fmt.Sprintf("%q ", s.name)
	if s.kind == "unit" || s.kind == "sysctl" {
		label = fmt.Sprintf("%q ", strings.ReplaceAll(s.name, ".", "-"))
	}
	return fmt.Sprintf("%s %s{\n%s%s}\n", s.kind, label, name, s.body(t, says))
}

// account reports whether the subject is in the files of users and groups.
func (s subject) account() bool {
	return slices.Contains([]string{"user", "group", "gpu_group"}, s.kind)
}

func (s subject) unit() string { return "/etc/systemd/system/" + s.name }

// units are the names of the units that the subject is.
func (s subject) units() []string {
	switch s.kind {
	case "unit":
		return []string{s.name}
	case "drift":
		return []string{"agent0-converge-drift.service", "agent0-converge-drift.timer"}
	}
	return nil
}

// owns reports whether a path is the subject's alone.
func (s subject) owns(p string) bool {
	switch s.kind {
	case "logrotate":
		return p == "/etc/logrotate.d/"+s.name
	case "sysctl":
		return p == "/etc/sysctl.d/60-agent0-"+s.name+".conf"
	}
	return slices.ContainsFunc(s.units(), func(name string) bool {
		dir := "/etc/systemd/system/" + name + ".d"
		return strings.HasPrefix(p, "/etc/systemd/") && path.Base(p) == name || p == presetOf(name) || p == dir || p == dir+"/50-limits.conf"
	})
}

func presetOf(unit string) string { return "/etc/systemd/system-preset/50-agent0-" + unit + ".preset" }

// gone draws whether the subject is to be removed.
func gone(t *rapid.T) bool { return rapid.IntRange(0, 4).Draw(t, "absent") == 0 }

const absent = "  absent = true\n"

func person(uid int) func(*rapid.T, func(string) bool) string {
	return func(t *rapid.T, says func(string) bool) string {
		if gone(t) {
			return absent
		}
		var b strings.Builder
		fmt.Fprintf(&b, "  uid = %d\n", uid)
		if says("primary") {
			b.WriteString("  group = \"users\"\n")
		}
		if says("groups") {
			fmt.Fprintf(&b, "  groups = %s\n  exact = %t\n", listed(someOf(t, "in", []string{"adm", "nogroup"})), says("exact"))
		}
		if says("home") {
			fmt.Fprintf(&b, "  home = %s\n", quoted(rapid.SampledFrom([]string{"/srv/home", "/home/other"}).Draw(t, "home")))
		}
		if says("shell") {
			b.WriteString("  shell = \"/bin/sh\"\n")
		}
		if says("comment") {
			fmt.Fprintf(&b, "  comment = %s\n", quoted(rapid.SampledFrom([]string{"Someone", "Ünï"}).Draw(t, "comment")))
		}
		if says("locked") {
			b.WriteString("  locked = true\n")
		}
		return b.String()
	}
}

func club(gid int) func(*rapid.T, func(string) bool) string {
	return func(t *rapid.T, says func(string) bool) string {
		if gone(t) {
			return absent
		}
		text := fmt.Sprintf("  gid = %d\n", gid)
		if says("members") {
			text += fmt.Sprintf("  members = %s\n  exact = %t\n", listed(someOf(t, "has", []string{"alice", "daemon"})), says("exact"))
		}
		return text
	}
}

func rule(paths string) func(*rapid.T, func(string) bool) string {
	return func(t *rapid.T, says func(string) bool) string {
		if gone(t) {
			return absent
		}
		text := fmt.Sprintf("  paths = [%q]\n  keep = %d\n", paths, rapid.IntRange(1, 3).Draw(t, "keep"))
		if says("compress") {
			text += fmt.Sprintf("  compress = %t\n", rapid.Bool().Draw(t, "compress"))
		}
		if says("script") {
			text += "  postrotate = [\"true\"]\n"
		}
		return text
	}
}

func parameter(values ...string) func(*rapid.T, func(string) bool) string {
	return func(t *rapid.T, _ func(string) bool) string {
		if gone(t) {
			return absent
		}
		return "  value = " + quoted(rapid.SampledFrom(values).Draw(t, "value")) + "\n"
	}
}

const limits = "  dropin \"50-limits\" {\n    service = { MemoryMax = \"64M\" }\n  }\n"

// ownUnit is a unit of which the plan says the file.
func ownUnit(section string) func(*rapid.T, func(string) bool) string {
	return func(t *rapid.T, says func(string) bool) string {
		if gone(t) {
			return absent
		}
		by := rapid.SampledFrom([][]string{{"basic.target"}, {"multi-user.target"}, {"timers.target", "multi-user.target"}}).Draw(t, "wanted by")
		text := fmt.Sprintf("  "+section+"\n  install = { WantedBy = %s }\n", rapid.IntRange(1, 3).Draw(t, "number"), listed(by))
		if says("enabled") {
			text += fmt.Sprintf("  enabled = %t\n", rapid.Bool().Draw(t, "enabled"))
		}
		if strings.HasPrefix(section, "service") && rapid.Bool().Draw(t, "drop-in") {
			text += limits
		}
		return text
	}
}

// stockUnit is about a unit that the root has.
func stockUnit(t *rapid.T, says func(string) bool) string {
	text := ""
	if rapid.Bool().Draw(t, "drop-in") {
		text += limits
	}
	masked := says("masked") && rapid.Bool().Draw(t, "masked")
	if says("enabled") {
		text += fmt.Sprintf("  enabled = %t\n", !masked && rapid.Bool().Draw(t, "enabled"))
	}
	if says("exact") {
		text += "  exact = true\n"
	}
	return text + fmt.Sprintf("  masked = %t\n", masked)
}

// listed writes a list of names as the plan language does.
func listed(names []string) string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = quoted(name)
	}
	return "[" + strings.Join(out, ", ") + "]"
}
