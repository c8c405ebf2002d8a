package guard

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

// How host.Confirmation.Restore is run: with one of these and the path of a change's file. Without a flag it takes the change
// back at once.
const (
	// FlagRehearse only finds out whether it could.
	FlagRehearse = "--rehearse"
	// FlagDetach starts itself again with FlagWait, and ends.
	FlagDetach = "--detach"
	// FlagWait says that it is ready, waits for the change's deadline, and takes it back then.
	FlagWait = "--wait"
)

// arm has somebody take the change back at its deadline, whatever becomes of this process. That systemd can run this
// program is tried first: one that lies where systemd may not look, or may not execute it, would never take anything back.
func (c *change) arm(ctx context.Context, h *host.Host) error {
	if c.Service == "" {
		return h.Programs.Detach(ctx, c.command(h, FlagDetach)...)
	}
	rehearsal := host.TransientService{
		Name: "rehearsal-of-" + c.Service, Argv: c.command(h, FlagRehearse),
		Description: fmt.Sprintf("Find out whether the change of the firewall by run %d could be taken back", c.Run),
	}
	if err := h.Units.RunTransient(ctx, rehearsal); err != nil {
		return err
	}
	return h.Units.StartTransientTimer(ctx, c.service(h), c.Deadline-host.Monotonic())
}

func (c *change) command(h *host.Host, flags ...string) []string {
	return append(slices.Concat(h.Confirm.Restore, flags), c.file(pending))
}

func (c *change) service(h *host.Host) host.TransientService {
	return host.TransientService{
		Name: c.Service, Argv: c.command(h),
		Description: fmt.Sprintf("Take back the change of the firewall by run %d unless it is confirmed", c.Run),
	}
}

// disarm is no more than tidiness: whoever is to take back a change that has ended finds nothing to do. A process that
// waits notices by itself.
func (c *change) disarm(ctx context.Context, h *host.Host) {
	if c.Service == "" {
		return
	}
	timer := host.TransientService{Name: c.Service}.TimerName()
	if st, err := h.View().Units.State(ctx, timer); err == nil && st.Active != "active" {
		return // it has elapsed
	}
	if err := h.Units.Do(ctx, host.StopUnit, timer); err != nil {
		h.Log.Warn("a timer that is no longer needed could not be stopped: it will find nothing to do", "unit", timer, "error", err)
	}
}

// forget ends a change that was not made.
func (c *change) forget(ctx context.Context, h *host.Host) error {
	c.disarm(ctx, h)
	return errors.Join(h.Files.Remove(c.file(known)), h.Files.Remove(c.file(pending)))
}
