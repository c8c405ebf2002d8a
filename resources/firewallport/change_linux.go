package firewallport

import (
	"context"

	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// change makes what one owner is told.
func change(ctx context.Context, h *host.Host, o owner.Owner, d *both) error {
	if !h.Offline {
		out, in := d.running.lines()
		if err := o.SetRunning(ctx, h, out, in); err != nil {
			return err
		}
	}
	out, in := d.persistent.lines()
	return o.SetPersistent(ctx, h, out, in)
}
