package guard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

const (
	// endLimit is how long ending a change may take: ufw takes seconds for each rule.
	endLimit = 3 * time.Minute
	// notConfirmed is why most changes go back, wasConfirmed why others stay.
	notConfirmed = "it was not confirmed in time"
	wasConfirmed = "from a new connection or a console"
)

// carry does what was decided about a change, and then forgets it. The lock is held. Doing it again does no harm. Why is
// what the run is marked with if the change goes back; one that stays by itself is not worth a mark.
func (g Guard) carry(ctx context.Context, h *host.Host, o owner.Owner, c *change, s stage, why string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endLimit)
	defer cancel()
	if s == confirmed {
		err := o.SetPersistent(ctx, h, c.Persist.Out, c.Persist.In)
		if err == nil && why != "" {
			why = wasConfirmed
		}
		if err == nil {
			return c.end(ctx, h, s, engine.Confirmed, why)
		}
		err = fmt.Errorf("cannot make the change of the firewall persist, so it goes back: %w", err)
		if _, decideErr := c.decide(h, confirmed, withdrawing); decideErr != nil {
			return errors.Join(err, decideErr)
		}
		return errors.Join(err, g.carry(ctx, h, o, c, withdrawing, err.Error()))
	}
	if err := c.goBack(ctx, h, o, s); err != nil {
		return err
	}
	return c.end(ctx, h, s, engine.Reverted, why)
}

// goBack brings back what was there before the change.
func (c *change) goBack(ctx context.Context, h *host.Host, o owner.Owner, s stage) error {
	if err := o.SetRunning(ctx, h, c.BackRunning.Out, c.BackRunning.In); err != nil {
		return fmt.Errorf("cannot take back the change of the firewall by run %d: %w", c.Run, err)
	}
	if s != withdrawing {
		return nil // what persists was not touched
	}
	if err := o.SetPersistent(ctx, h, c.BackPersistent.Out, c.BackPersistent.In); err != nil {
		return fmt.Errorf("cannot take back the change of what persists of the firewall by run %d: %w", c.Run, err)
	}
	return nil
}

// end marks the run, unless there is nothing to say, and forgets the change: in this order, so that the mark is there
// however it is interrupted.
func (c *change) end(ctx context.Context, h *host.Host, s stage, m engine.Mark, why string) error {
	if why != "" {
		b, err := json.Marshal(engine.RunMark{Mark: m, Change: c.Word, Why: why, At: time.Now().UTC()})
		if err != nil {
			return fmt.Errorf("cannot mark run %d as %s: %w", c.Run, m, err)
		}
		if err := h.Files.MkdirAll(engine.MarksDir, 0o700); err != nil {
			return err
		}
		if err := h.Files.Write(engine.MarkPath(c.Run), b, private()); err != nil {
			return err
		}
	}
	if err := h.Files.Remove(c.file(known)); err != nil {
		return err
	}
	if err := h.Files.Remove(c.file(s)); err != nil {
		return err
	}
	c.disarm(ctx, h)
	return nil
}

// revert takes the change back at once, unless it was confirmed meanwhile. Where it cannot, whoever is armed does.
func (g Guard) revert(ctx context.Context, h *host.Host, o owner.Owner, c *change, why string) error {
	if _, err := c.decide(h, pending, reverting); err != nil {
		return err
	}
	s, err := c.stage(h.Files.Tree)
	if err != nil || s == "" {
		return err
	}
	return g.carry(ctx, h, o, c, s, why)
}

// Settle ends changes that were left by runs that are gone: one whose deadline has passed without anybody having taken it
// back, one of before the host was restarted, and one of which the end was interrupted. It returns the number of the
// run that waits for a confirmation, 0 for none.
func (g Guard) Settle(ctx context.Context, h *host.Host) (waiting int, err error) {
	changes, stray, err := left(h.Files.Tree)
	if err != nil || len(changes)+len(stray) == 0 || h.Offline {
		return 0, err
	}
	lock, err := hold(ctx, h, 0)
	if _, held := errors.AsType[*host.LockedError](err); held && len(changes) > 0 {
		return changes[0].Run, nil
	}
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if changes, stray, err = left(h.Files.Tree); err != nil {
		return 0, err
	}
	for _, name := range stray {
		if err := h.Files.Remove(name); err != nil {
			return 0, err
		}
	}
	for _, c := range changes {
		over, err := g.settle(ctx, h, c)
		if err != nil {
			return 0, err
		}
		if !over {
			waiting = c.Run
		}
	}
	return waiting, nil
}

// overdue is how long after its deadline a change is left to whoever is armed for it.
const overdue = 3 * time.Second

// settle ends one change if it is time, with the lock held.
func (g Guard) settle(ctx context.Context, h *host.Host, c *change) (over bool, err error) {
	boot, err := bootOf(h.Files.Tree)
	if err != nil {
		return false, err
	}
	o, err := g.Owner(c.Owner)
	if err != nil {
		return false, err
	}
	s, err := c.stage(h.Files.Tree)
	if err != nil {
		return false, err
	}
	why := notConfirmed
	switch {
	case s == "":
		return true, nil
	case boot != c.Boot:
		why = "the host was restarted before it was confirmed"
		if s, err = c.restarted(h, s); err != nil {
			return false, err
		}
	case s == pending && host.Monotonic() < c.Deadline+overdue:
		return false, nil
	case s == pending:
		return true, g.revert(ctx, h, o, c, why)
	}
	return true, g.carry(ctx, h, o, c, s, why)
}

// restarted decides about a change of before the host was restarted. What ran then is gone, so all that is left of
// one that was not confirmed is its file; of one whose confirmation was not carried through, what persists may be
// either, and what runs followed from that.
func (c *change) restarted(h *host.Host, s stage) (stage, error) {
	to := map[stage]stage{pending: reverting, confirmed: withdrawing}[s]
	if to == "" {
		return s, nil
	}
	if _, err := c.decide(h, s, to); err != nil {
		return s, err
	}
	return to, nil
}
