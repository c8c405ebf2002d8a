// Package guard changes what a host's firewall lets in such that nobody is locked out. A change that might keep out new
// connections to sshd is made in what runs alone, with somebody armed who takes it back in time: a timer of systemd, or a
// process of its own where there is no systemd. What persists is changed once it is known that one can still get in:
// because the whole packet filter, evaluated, lets a new connection in and the operator's own shows that it lives, or because
// somebody confirms it from a new connection. So a kill, a failure and a restart of the host take the change back as well.
//
// All that taking back needs is a file in engine.ConfirmDir, complete before anything changes. Its name ends with what has
// been decided, and is changed by rename, so that of two who decide one wins:
//
//	000012-WORD.pending      it runs, and waits for a confirmation: goes back at its deadline
//	000012-WORD.confirmed    it is to persist
//	000012-WORD.reverting    what runs is to go back
//	000012-WORD.withdrawing  it could not be made to persist: what runs and what persists are to go back
//	000012-WORD.known        the connections that were there after the change; none of them can confirm it
//	lock                     held by whoever makes a change or ends one
//
// Whoever finds a file that is not pending may carry out what it says, as often as it takes. Then the file goes.
package guard

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

// Guard makes changes, ends those that were left, and takes back.
type Guard struct {
	// Judge reports whether the packet filter, with all that is in it, lets a new connection in, and if not what keeps it
	// out. Without it nobody can tell, and each change that might lock somebody out has to be confirmed.
	Judge func(ctx context.Context, v host.View, p Probe) (accepted bool, why string, err error)
	// Sample returns connections to a port from where somebody might come, to be judged where nobody is connected.
	Sample func(ctx context.Context, v host.View, port uint16) ([]Probe, error)
	// Owner returns the owner of a name.
	Owner func(name string) (owner.Owner, error)
	// Strict refuses a change that has to be guarded where there is no systemd to take it back.
	Strict bool
}

// Probe is a new TCP connection: the packet that opens it.
type Probe struct {
	From netip.Addr
	To   netip.AddrPort
}

// Change swaps lines of o, in what runs and in what persists. Where that might keep somebody out of sshd it waits, as
// host.Confirmation says, and returns an error if the change was taken back. In an image there is nothing that runs and
// nobody to keep out.
func (g Guard) Change(ctx context.Context, h *host.Host, o owner.Owner, running, persistent Swap) error {
	if h.Offline {
		return o.SetPersistent(ctx, h, persistent.Out, persistent.In)
	}
	waiting, err := g.Settle(ctx, h)
	if err != nil {
		return err
	}
	if waiting != 0 {
		return pendingError(waiting)
	}
	at, err := look(ctx, h.View())
	if err != nil {
		return err
	}
	if !at.mightCut(o, running) {
		if err := o.SetRunning(ctx, h, running.Out, running.In); err != nil {
			return err
		}
		return o.SetPersistent(ctx, h, persistent.Out, persistent.In)
	}
	return g.guarded(ctx, h, o, at, running, persistent)
}

func pendingError(run int) error {
	return fmt.Errorf("cannot change the firewall: run %d waits for a confirmation: agent0-converge confirm %d, or wait until it goes back", run, run)
}

// WithoutSystemd says what a plan should tell of a host on which a process waits to take a change back; nil where
// systemd does. Strict, it is an error.
func WithoutSystemd(v host.View) error {
	if v.Offline || v.Units.Running() {
		return nil
	}
	return errors.New("systemd does not run here: a change that might cut off sshd is taken back by a process of its own, " +
		"which ends with the host or the container, as does the change, but must not be killed")
}

// guarded makes a change that has to be confirmed.
func (g Guard) guarded(ctx context.Context, h *host.Host, o owner.Owner, at scene, running, persistent Swap) (err error) {
	if err := g.ready(h); err != nil {
		return err
	}
	lock, err := hold(ctx, h, 0)
	if held, ok := errors.AsType[*host.LockedError](err); ok {
		return fmt.Errorf("cannot change the firewall: it is being changed: %w", held)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	before := g.sampled(ctx, h.View(), at)
	c, err := describe(ctx, h, o, at, running, persistent)
	if err != nil {
		return err
	}
	if err := c.write(h); err != nil {
		return err
	}
	if err := c.arm(ctx, h); err != nil {
		return errors.Join(fmt.Errorf("cannot change the firewall, since nobody would take the change back: %w", err), c.forget(ctx, h))
	}
	err = o.SetRunning(ctx, h, running.Out, running.In)
	changed := host.Monotonic()
	if err == nil {
		err = c.know(ctx, h)
	}
	// From here on it is not the change's own time limit that counts, but the deadline that it can be confirmed by.
	ctx = context.WithoutCancel(ctx)
	if err != nil {
		return errors.Join(err, g.revert(ctx, h, o, c, err.Error()))
	}
	w := &watch{guard: g, host: h, owner: o, change: c, at: at, before: before, changed: changed}
	return w.end(ctx)
}

// ready reports what is missing for a change that has to be guarded.
func (g Guard) ready(h *host.Host) error {
	switch {
	case len(h.Confirm.Restore) == 0 || h.Confirm.Run == nil || h.Confirm.Timeout < time.Second:
		return errors.New("cannot change the firewall: it might keep out new connections to sshd, and this program does not say how to take that back")
	case g.Strict && !h.View().Units.Running():
		return fmt.Errorf("cannot change the firewall with strict: %w", WithoutSystemd(h.View()))
	}
	mark, err := readMark(h.Files.Tree, h.Confirm.Run())
	if err != nil {
		return err
	}
	if mark != nil && mark.Mark == engine.Reverted {
		return fmt.Errorf("cannot change the firewall: an earlier change of run %d went back (%s), so nobody would confirm this one; apply again", h.Confirm.Run(), mark.Why)
	}
	return nil
}
