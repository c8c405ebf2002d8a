package guard

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
)

// confirmWait is how long a confirmation waits for the run that it is for to keep its change.
const confirmWait = endLimit + 30*time.Second

// Confirm keeps the change of a run, or of whichever run waits if run is 0, and returns its number. It refuses unless it
// comes from a connection that was made after the change, from elsewhere, which proves that one can: so not from the
// connection that the change was made from, nor from any other that was there, which may live on while new ones are kept
// out, nor from this host itself. Where no connection leads to it, as at a console, it is accepted: whoever is there is
// not kept out by a firewall.
//
// The change is made to persist by the run that waits or, if that is gone, here.
func (g Guard) Confirm(ctx context.Context, h *host.Host, run int) (int, error) {
	c, err := g.find(h, run)
	if err != nil {
		return run, err
	}
	run = c.Run
	if err := c.mayConfirm(ctx, h.View()); err != nil {
		return run, fmt.Errorf("cannot confirm run %d: %w", run, err)
	}
	if _, err := c.decide(h, pending, confirmed); err != nil {
		return run, err
	}
	lock, err := hold(ctx, h, confirmWait)
	if err != nil {
		return run, err
	}
	err = g.confirmed(ctx, h, c)
	return run, errors.Join(err, lock.Close())
}

// confirmed is the rest once nobody else is at work.
func (g Guard) confirmed(ctx context.Context, h *host.Host, c *change) error {
	s, err := c.stage(h.Files.Tree)
	if err != nil {
		return err
	}
	if s != "" {
		o, err := g.Owner(c.Owner)
		if err != nil {
			return err
		}
		if err := g.carry(ctx, h, o, c, s, notConfirmed); err != nil {
			return err
		}
	}
	m, err := readMark(h.Files.Tree, c.Run)
	if err != nil {
		return err
	}
	if m == nil || m.Change != c.Word || m.Mark != engine.Confirmed {
		why := "it has ended"
		if m != nil && m.Change == c.Word {
			why = m.Why
		}
		return fmt.Errorf("cannot confirm run %d: its change of the firewall went back: %s", c.Run, why)
	}
	return nil
}

// find returns the change of a run that can be confirmed.
func (g Guard) find(h *host.Host, run int) (*change, error) {
	changes, _, err := left(h.Files.Tree)
	if err != nil {
		return nil, err
	}
	boot, err := bootOf(h.Files.Tree)
	if err != nil {
		return nil, err
	}
	for _, c := range changes {
		s, err := c.stage(h.Files.Tree)
		if err != nil {
			return nil, err
		}
		if s != pending && s != confirmed || run != 0 && c.Run != run {
			continue
		}
		if c.Boot != boot {
			return nil, fmt.Errorf("cannot confirm run %d: the host was restarted since, and its change of the firewall is gone; apply again", c.Run)
		}
		return c, nil
	}
	if run == 0 {
		return nil, errors.New("cannot confirm: no run waits for it")
	}
	why := "it does not wait for that"
	if m, err := readMark(h.Files.Tree, run); err == nil && m != nil {
		why = fmt.Sprintf("its change of the firewall is %s already (%s)", m.Mark, m.Why)
	}
	return nil, fmt.Errorf("cannot confirm run %d: %s", run, why)
}

// mayConfirm reports why this process does not show that one can get in.
func (c *change) mayConfirm(ctx context.Context, v host.View) error {
	mine, err := operator(v.Files)
	if err != nil || len(mine) == 0 {
		return err
	}
	conns, err := connections(ctx, v)
	if err != nil {
		return err
	}
	after, err := c.knows(v.Files)
	if err != nil {
		return err
	}
	if after == nil {
		return errors.New("the run ended before it noted who was connected, so no connection can be told to be new; the change goes back, apply again")
	}
	var last error
	for _, s := range mine {
		last = c.isNew(s, conns, after)
		if last == nil {
			return nil
		}
	}
	return last
}

// isNew reports why a connection does not show that one can get in.
func (c *change) isNew(s session, conns []connection, after []session) error {
	switch {
	case !live(conns, s):
		return fmt.Errorf("the connection from %s is not there; log in anew and confirm from there", s.Remote)
	case within(c.Before, s) || within(after, s):
		return fmt.Errorf("the connection from %s was there before the change: that it lives does not show that a new one is let in; log in anew and confirm from there", s.Remote)
	case s.local() && !anyLocal(c.Own):
		return fmt.Errorf("the connection from %s is one from this host itself, which shows nothing; log in anew from elsewhere and confirm from there", s.Remote)
	}
	return nil
}
