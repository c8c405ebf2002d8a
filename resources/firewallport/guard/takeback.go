package guard

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/agent0-converge/agent0-converge/engine/host"
)

const (
	// keepTrying is how long somebody who is armed tries to take a change back, with pauses from firstPause, each twice
	// the last, to longestPause between.
	keepTrying   = time.Hour
	firstPause   = 200 * time.Millisecond
	longestPause = 10 * time.Second
	// lockWait is how long the lock is waited for before trying again without.
	lockWait = 5 * time.Second
	// poll is how often files are looked at that say what was decided.
	poll = 100 * time.Millisecond
)

// Rehearse finds out whether the change that a file is about could be taken back: that the file can be read, and the owner
// of the firewall be reached.
func (g Guard) Rehearse(ctx context.Context, h *host.Host, file string) error {
	run, word, _, ok := parse(file)
	if !ok {
		return fmt.Errorf("cannot take back what %s is about: it is no file of a change of the firewall", file)
	}
	c, err := read(h.Files.Tree, run, word)
	if err != nil {
		return err
	}
	if c == nil {
		return fmt.Errorf("cannot take back what %s is about: there is no such file", file)
	}
	o, err := g.Owner(c.Owner)
	if err != nil {
		return err
	}
	_, err = o.Read(ctx, h.View())
	return err
}

// TakeBack takes back the change that a file is about, unless it has been confirmed. One whose confirmation was interrupted
// it makes persist. It needs no plan and no lock; where it cannot it tries again, for an hour.
func (g Guard) TakeBack(ctx context.Context, h *host.Host, file string) error {
	run, word, _, ok := parse(file)
	if !ok {
		return fmt.Errorf("cannot take back what %s is about: it is no file of a change of the firewall", file)
	}
	pause := firstPause
	for end := host.Monotonic() + keepTrying; ; {
		err := g.takeBack(context.WithoutCancel(ctx), h, run, word) // what was begun is finished
		if err == nil || host.Monotonic() > end {
			return err
		}
		h.Log.Error("a change of the firewall cannot be taken back yet", "run", run, "error", err)
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		case <-time.After(pause):
		}
		pause = min(2*pause, longestPause)
	}
}

// takeBack tries once. It first brings back what was there, whoever has the lock; and then again under the lock, since whoever
// had it may have been changing things.
func (g Guard) takeBack(ctx context.Context, h *host.Host, run int, word string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, endLimit)
	defer cancel()
	c, err := read(h.Files.Tree, run, word)
	if err != nil || c == nil {
		return err
	}
	o, err := g.Owner(c.Owner)
	if err != nil {
		return err
	}
	if _, err := c.decide(h, pending, reverting); err != nil {
		return err
	}
	s, err := c.stage(h.Files.Tree)
	if err != nil {
		return err
	}
	if s == reverting || s == withdrawing {
		if err := c.goBack(ctx, h, o, s); err != nil {
			return err
		}
	}
	lock, err := hold(ctx, h, lockWait)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if s, err = c.stage(h.Files.Tree); err != nil || s == "" {
		return err
	}
	return g.carry(ctx, h, o, c, s, notConfirmed)
}

// Wait calls ready, waits for the deadline of the change that a file is about, and then is TakeBack. It ends when the change
// does.
func (g Guard) Wait(ctx context.Context, h *host.Host, file string, ready func() error) error {
	if err := g.Rehearse(ctx, h, file); err != nil {
		return err
	}
	run, word, _, _ := parse(file)
	c, err := read(h.Files.Tree, run, word)
	if err != nil || c == nil {
		return err
	}
	if err := ready(); err != nil {
		return err
	}
	look := time.NewTicker(poll)
	defer look.Stop()
	deadline := time.NewTimer(c.Deadline - host.Monotonic())
	defer deadline.Stop()
	for {
		if s, err := c.stage(h.Files.Tree); err == nil && s == "" {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-deadline.C:
			return g.TakeBack(ctx, h, file)
		case <-look.C:
		}
	}
}
