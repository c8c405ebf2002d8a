package guard_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os/exec"
	"regexp"
	"slices"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/guard"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// chain is an owner whose lines are the rules of a chain of nftables, in the order of their keys; a file holds those that
// persist.
type chain struct{}

const (
	chainTable = "inet guardtest"
	chainFile  = "/var/lib/guardtest.json"
)

func (chain) Name() string { return "chain" }

func (chain) Lines(context.Context, host.View, owner.Rule) ([]owner.Line, error) {
	return nil, errors.New("this owner is handed lines")
}

func (chain) Read(ctx context.Context, v host.View) (*owner.State, error) {
	running, err := runningLines(ctx)
	if err != nil {
		return nil, err
	}
	persistent := map[string]owner.Line{}
	b, err := v.Files.ReadFile(chainFile)
	if err == nil {
		err = json.Unmarshal(b, &persistent)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return &owner.State{Running: running, Persistent: persistent}, err
}

// told is how a rule's comment names its line.
var told = regexp.MustCompile(`comment "([^|"]*)\|([^"]*)"`)

func runningLines(ctx context.Context) (map[string]owner.Line, error) {
	out, err := exec.CommandContext(ctx, "nft", "list", "tables").CombinedOutput()
	lines := map[string]owner.Line{}
	if err != nil || !bytes.Contains(out, []byte(chainTable)) {
		return lines, err
	}
	out, err = exec.CommandContext(ctx, "nft", "list", "table", "inet", "guardtest").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	for _, m := range told.FindAllStringSubmatch(string(out), -1) {
		lines[m[1]] = owner.Line{Key: m[1], Text: m[2]}
	}
	return lines, nil
}

func swapped(lines map[string]owner.Line, out, in []owner.Line) map[string]owner.Line {
	for _, line := range out {
		if lines[line.Key] == line {
			delete(lines, line.Key)
		}
	}
	for _, line := range in {
		lines[line.Key] = line
	}
	return lines
}

func (chain) SetRunning(ctx context.Context, h *host.Host, out, in []owner.Line) error {
	lines, err := runningLines(ctx)
	if err != nil {
		return err
	}
	lines = swapped(lines, out, in)
	var s strings.Builder
	fmt.Fprintf(&s, "table %s {}\ndelete table %s\ntable %s {\n chain input {\n  type filter hook input priority 0; policy accept;\n", chainTable, chainTable, chainTable)
	for _, key := range slices.Sorted(maps.Keys(lines)) {
		fmt.Fprintf(&s, "  %s comment \"%s|%s\"\n", lines[key].Text, key, lines[key].Text)
	}
	s.WriteString(" }\n}\n")
	_, err = h.Programs.RunInput(ctx, []byte(s.String()), "nft", "-f", "-")
	return err
}

func (c chain) SetPersistent(ctx context.Context, h *host.Host, out, in []owner.Line) error {
	st, err := c.Read(ctx, h.View())
	if err != nil {
		return err
	}
	b, err := json.Marshal(swapped(st.Persistent, out, in))
	if err != nil {
		return err
	}
	return h.Files.Write(chainFile, b, host.Attr{Mode: 0o600, UID: -1, GID: -1})
}

func (chain) Narrows(_, in []owner.Line, _ uint16) bool {
	return slices.ContainsFunc(in, func(l owner.Line) bool { return strings.Contains(l.Text, "drop") })
}

func chainNamed(name string) (owner.Owner, error) {
	if name != "chain" {
		return nil, fmt.Errorf("there is no owner %q", name)
	}
	return chain{}, nil
}

// judge evaluates the chain for a new connection.
func judge(ctx context.Context, _ host.View, p guard.Probe) (bool, string, error) {
	lines, err := runningLines(ctx)
	if err != nil {
		return false, "", err
	}
	for _, key := range slices.Sorted(maps.Keys(lines)) {
		text := lines[key].Text
		_, source, of := strings.Cut(text, "ip saddr ")
		source, _, _ = strings.Cut(source, " ")
		switch {
		case strings.Contains(text, "ct state established"), of && source != p.From.String():
		case strings.Contains(text, "drop"):
			return false, "rule " + key, nil
		}
	}
	return true, "", nil
}
