package nft

import (
	"context"
	"errors"
	"fmt"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/ruleset"
)

// Read returns the lines of the table in the kernel and of the one that comes with the next boot.
func (Owner) Read(ctx context.Context, v host.View) (*owner.State, error) {
	s := &owner.State{}
	var err error
	if v.Netlink.Running() {
		if s.Running, s.RunningDamage, err = readRunning(ctx, v); err != nil {
			return nil, err
		}
	}
	if s.Persistent, s.PersistentDamage, err = readPersistent(ctx, v); err != nil {
		return nil, err
	}
	return s, nil
}

// readRunning reads the table that the kernel has.
func readRunning(ctx context.Context, v host.View) (lines map[string]owner.Line, damage string, err error) {
	r, err := ruleset.InPass(ctx, v)
	if none := (*ruleset.MissingError)(nil); errors.As(err, &none) {
		return map[string]owner.Line{}, "", nil // what is to be set will say so
	}
	if err != nil {
		return nil, "", err
	}
	found := r.Table(ruleset.Inet, tableName)
	if found == nil {
		return map[string]owner.Line{}, "", nil
	}
	entries, broken := decode(found)
	lines, twice := byKey(entries)
	if len(broken) > 0 { // to which all else that differs may be due
		return lines, fmt.Sprintf("in table inet %s %s: its ports, sources, interfaces, rate or comment were changed", tableName, list(broken)), nil
	}
	if twice != "" {
		return lines, fmt.Sprintf("table inet %s has two rules for %s", tableName, twice), nil
	}
	if len(entries) == 0 {
		return lines, fmt.Sprintf("table inet %s has none of our rules", tableName), nil
	}
	return lines, differences(found, render(entries)), nil
}

// SetRunning replaces the table in the kernel.
func (Owner) SetRunning(ctx context.Context, h *host.Host, out, in []owner.Line) error {
	lines, damage, err := readRunning(ctx, h.View())
	if err != nil {
		return err
	}
	entries, err := changed(lines, out, in)
	if err != nil {
		return err
	}
	want, _ := byKey(entries)
	if damage == "" && equal(lines, want) {
		return nil
	}
	if err := replace(h, render(entries)); err != nil {
		return err
	}
	lines, damage, err = readRunning(ctx, h.View())
	switch {
	case err != nil:
		return fmt.Errorf("cannot make sure that the packet filter took what it was given: %w", err)
	case damage != "":
		return fmt.Errorf("cannot set the ports: the packet filter has something else than it was given (%s): see which other program changes the table inet %s", damage, tableName)
	case !equal(lines, want):
		return fmt.Errorf("cannot set the ports: the packet filter has other rules than it was given: see which other program changes the table inet %s", tableName)
	}
	return nil
}
