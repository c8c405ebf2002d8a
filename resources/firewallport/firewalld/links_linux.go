package firewalld

import (
	"context"
	"slices"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/link"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// outward are the names of the interfaces through which others come. There may be none at all, as in an image.
func outward(ctx context.Context, v host.View) ([]string, error) {
	if !v.Netlink.Running() {
		return nil, nil
	}
	all, err := link.All(ctx, v.Netlink)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, l := range link.Outward(all) {
		out = append(out, l.Name)
	}
	slices.Sort(out)
	return out, nil
}

// Wider names the interfaces that are up and that a rule is for besides those that it names, since they are in the same
// zones. There is none for a rule that names no interface, nor in an image.
func Wider(ctx context.Context, v host.View, r owner.Rule) ([]string, error) {
	if len(r.Interfaces) == 0 || !v.Netlink.Running() {
		return nil, nil
	}
	m, err := zoneMapOf(ctx, v)
	if err != nil {
		return nil, err
	}
	all, err := link.All(ctx, v.Netlink)
	if err != nil {
		return nil, err
	}
	var zones, out []string
	for _, name := range r.Interfaces {
		zones = append(zones, m.of(name))
	}
	for _, l := range all {
		if l.Up && !l.Loopback && !slices.Contains(r.Interfaces, l.Name) && slices.Contains(zones, m.of(l.Name)) {
			out = append(out, l.Name)
		}
	}
	slices.Sort(out)
	return out, nil
}
