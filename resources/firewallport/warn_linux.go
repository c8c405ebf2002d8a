package firewallport

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/firewalld"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/guard"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/ufw"
)

// sshPort is where sshd listens unless somebody moved it, which is found out when a change is made.
const sshPort = 22

// Warn says what an owner makes of the block that it does not say, and who would take a change back.
func (resource) Warn(ctx context.Context, v host.View, have, want *Spec) error {
	spec := want
	if want == nil {
		spec = have
	}
	own, err := active(ctx, v, spec.Backend)
	if err != nil {
		return nil // Check says it
	}
	rule, err := spec.rule()
	if err != nil {
		return nil // so does Validate
	}
	var warnings []error
	if want != nil && !want.Found {
		warnings = append(warnings, lost(ctx, v, own, rule))
	}
	if left := guard.WithoutSystemd(v); left != nil {
		if lines, err := own.Lines(ctx, v, rule); err == nil && own.Narrows(lines, lines, sshPort) {
			warnings = append(warnings, left)
		}
	}
	return errors.Join(warnings...)
}

// lost is what an owner has no words for, or says more widely.
func lost(ctx context.Context, v host.View, own owner.Owner, r owner.Rule) error {
	switch o := own.(type) {
	case firewalld.Owner:
		var warnings []error
		if r.Comment != "" {
			warnings = append(warnings, errors.New("firewalld keeps no comments"))
		}
		wider, err := firewalld.Wider(ctx, v, r)
		if err == nil && len(wider) > 0 {
			err = fmt.Errorf("firewalld lets in by zones, and these interfaces are in the same: %s", strings.Join(wider, ", "))
		}
		return errors.Join(append(warnings, err)...)
	case ufw.Owner:
		if on, err := o.IPv6(v); err == nil && !on && r.IPv6 {
			return errors.New("ufw leaves IPv6 alone on this host (IPV6=no in /etc/default/ufw), so only IPv4 is let in")
		}
	}
	return nil
}
