package sysctl

import "strings"

// header is the first line of every file that is written.
const header = "# Written by agent0-converge: the plan decides what is here.\n"

// format writes the one line. With "-" before the name, a kernel without it is no error at boot.
func format(name, value string, optional bool) string {
	if optional {
		name = "-" + name
	}
	return header + name + " = " + value + "\n"
}

// assignment is a line of a sysctl.d file.
type assignment struct {
	file string
	line int
	// key is a path below /proc/sys, or a pattern of some.
	key   string
	value string
	// exclude says that patterns do not count for key.
	exclude bool
}

// parse reads a file as systemd-sysctl and sysctl(8) do: what is not an assignment is passed over.
func parse(file string, b []byte) []assignment {
	var out []assignment
	n := 0
	for line := range strings.Lines(string(b)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		bare, dash := strings.CutPrefix(strings.TrimSpace(key), "-")
		if !ok && !dash {
			continue
		}
		out = append(out, assignment{file, n, keyPath(strings.TrimSpace(bare)), strings.TrimSpace(value), !ok})
	}
	return out
}

// persisted is what the parameter's own file sets it to, "" for nothing.
func (s *Spec) persisted() string {
	value := ""
	for _, a := range parse("", []byte(s.bytes())) {
		if a.key == keyPath(s.Name) && !a.exclude {
			value = a.value
		}
	}
	return value
}
