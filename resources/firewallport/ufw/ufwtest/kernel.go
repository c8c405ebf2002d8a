package ufwtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/engine/host/hosttest"
)

// empty is a table in which nobody has made anything.
const empty = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n"

// Frame is of what lib/ufw/ufw-init loads before the user's rules: enough to have them called.
func Frame(prefix string) string { return strings.ReplaceAll(frame, "PRE", prefix) }

const frame = `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:PRE-before-input - [0:0]
:PRE-user-input - [0:0]
:PRE-user-logging-input - [0:0]
:PRE-user-limit - [0:0]
:PRE-user-limit-accept - [0:0]
-A INPUT -j PRE-before-input
-A PRE-before-input -i lo -j ACCEPT
-A PRE-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A PRE-before-input -j PRE-user-input
COMMIT
`

// table is chains with their policies and their rules.
type table struct {
	v6     bool
	policy map[string]string
	rules  map[string][]string
}

// loaded is what runs once a rules file was loaded at boot.
func loaded(prefix, file string) string {
	t := newTable(prefix == "ufw6")
	for _, input := range []string{empty, Frame(prefix), file} {
		if err := t.restore(input); err != nil {
			return "# " + err.Error() + "\n"
		}
	}
	return t.String()
}

func newTable(v6 bool) *table { return &table{v6, map[string]string{}, map[string][]string{}} }

func save(file string) hosttest.Program {
	return func(_ context.Context, m *hosttest.Machine, argv []string, _ []byte) (host.Output, error) {
		if !slices.Equal(argv[1:], []string{"-t", "filter"}) {
			return host.Output{Stderr: []byte("unknown arguments\n"), Exit: 1}, nil
		}
		return host.Output{Stdout: []byte(m.Get(file))}, nil
	}
}

func restore(file, prefix string) hosttest.Program {
	return func(_ context.Context, m *hosttest.Machine, argv []string, stdin []byte) (host.Output, error) {
		if !slices.Contains(argv, "-n") {
			return host.Output{Stderr: []byte("this would flush the table\n"), Exit: 1}, nil
		}
		t := newTable(prefix == "ufw6")
		if err := errors.Join(t.restore(m.Get(file)), t.restore(string(stdin))); err != nil {
			return host.Output{Stderr: []byte(err.Error() + "\n"), Exit: 1}, nil
		}
		m.Put(file, hosttest.File{Content: t.String()})
		return host.Output{}, nil
	}
}

// restore does what iptables-restore -n does with its input.
func (t *table) restore(input string) error {
	n := 0
	for line := range strings.Lines(input) {
		n++
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == '#' || line[0] == '*' || line == "COMMIT" {
			continue
		}
		if err := t.command(line); err != nil {
			return fmt.Errorf("iptables-restore: line %d failed: %w", n, err)
		}
	}
	return nil
}

func (t *table) command(line string) error {
	if chain, ok := strings.CutPrefix(line, ":"); ok {
		name, policy, _ := strings.Cut(chain, " ")
		t.policy[name], _, _ = strings.Cut(policy, " ")
		t.rules[name] = nil
		return nil
	}
	verb, rest, _ := strings.Cut(line, " ")
	chain, spec, _ := strings.Cut(rest, " ")
	rules, ok := t.rules[chain]
	if !ok {
		return fmt.Errorf("no chain %s", chain)
	}
	at, number := 0, false
	if first, behind, _ := strings.Cut(spec, " "); first != "" && first[0] != '-' {
		i, err := strconv.Atoi(first)
		if err != nil {
			return err
		}
		at, number, spec = i-1, true, behind
	}
	switch rule := t.printed(spec); {
	case verb == "-A":
		t.rules[chain] = append(rules, rule)
	case verb == "-I" && at <= len(rules):
		t.rules[chain] = slices.Insert(rules, at, rule)
	case verb == "-D":
		if !number {
			at = slices.Index(rules, rule)
		}
		if at < 0 || at >= len(rules) {
			return fmt.Errorf("no such rule: %s", line)
		}
		t.rules[chain] = slices.Delete(rules, at, at+1)
	default:
		return fmt.Errorf("cannot do %s", line)
	}
	return nil
}

// String is the table as iptables-save prints it.
func (t *table) String() string {
	names := []string{"INPUT", "FORWARD", "OUTPUT"}
	for _, name := range slices.Sorted(maps.Keys(t.rules)) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	var out strings.Builder
	out.WriteString("*filter\n")
	for _, name := range names {
		fmt.Fprintf(&out, ":%s %s [0:0]\n", name, t.policy[name])
	}
	for _, name := range names {
		for _, rule := range t.rules[name] {
			fmt.Fprintf(&out, "-A %s %s\n", name, rule)
		}
	}
	out.WriteString("COMMIT\n")
	return out.String()
}
