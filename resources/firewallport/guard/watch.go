package guard

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/agent0-converge/agent0-converge/engine"
	"github.com/agent0-converge/agent0-converge/engine/host"
	"github.com/agent0-converge/agent0-converge/resources/firewallport/owner"
)

const (
	// judgePause lies between two evaluations of the packet filter, which may be large.
	judgePause = time.Second
	// patience is how long an answer of the operator's terminal is awaited before a confirmation is asked for.
	patience = 2 * time.Second
	// remindPause lies between two lines that say how much time is left, which also provoke an answer.
	remindPause = 10 * time.Second
	// judgeLimit bounds one evaluation.
	judgeLimit = 20 * time.Second
)

// watch is a change that runs, and waits to be kept or taken back.
type watch struct {
	guard  Guard
	host   *host.Host
	owner  owner.Owner
	change *change
	at     scene
	before sample

	changed  time.Duration // when it was made, on the monotonic clock
	judged   time.Duration // when verdict was found
	verdict  verdict
	asked    bool
	reminded time.Duration
}

// verdict is what evaluation says.
type verdict struct {
	fine bool
	why  string // not, or how it was found
}

// end waits until it is decided what becomes of the change, and carries that out. The lock is held.
func (w *watch) end(ctx context.Context) error {
	look := time.NewTicker(poll)
	defer look.Stop()
	<-look.C // what is acknowledged at once might have been so before the change
	w.say("run %d has changed the firewall; looking whether one can still get in", w.change.Run)
	for ; ; <-look.C {
		s, err := w.change.stage(w.host.Files.Tree)
		switch {
		case err != nil:
			return err // whoever is armed takes it back
		case s != pending:
			return w.decided(ctx, s)
		}
		if done, err := w.decide(ctx); done {
			return err
		}
	}
}

// decided is the end of a change that somebody else decided about.
func (w *watch) decided(ctx context.Context, s stage) error {
	if s == confirmed {
		w.say("run %d is confirmed", w.change.Run)
		return w.guard.carry(ctx, w.host, w.owner, w.change, s, wasConfirmed)
	}
	return w.back(ctx, notConfirmed, nil)
}

// back takes the change back, or helps whoever does, and is the error about it.
func (w *watch) back(ctx context.Context, why string, cause error) error {
	err := w.guard.revert(ctx, w.host, w.owner, w.change, why)
	if err != nil {
		return errors.Join(fmt.Errorf("the change of the firewall goes back: %s", why), cause, err)
	}
	if kept, readErr := w.kept(); kept || readErr != nil {
		return readErr
	}
	err = fmt.Errorf("the change of the firewall went back: %s", why)
	if cause != nil {
		err = fmt.Errorf("%w: %w", err, cause)
	}
	return err
}

// kept reports whether a confirmation was faster than what was to take the change back.
func (w *watch) kept() (bool, error) {
	m, err := readMark(w.host.Files.Tree, w.change.Run)
	return m != nil && m.Change == w.change.Word && m.Mark == engine.Confirmed, err
}

// decide decides about the change if it is time.
func (w *watch) decide(ctx context.Context) (done bool, err error) {
	if stop := w.host.Confirm.Interrupted; stop != nil {
		if cause := stop(); cause != nil {
			return true, w.back(ctx, "it was called off", cause)
		}
	}
	if host.Monotonic() > w.change.Deadline+overdue {
		return true, w.back(ctx, notConfirmed, nil)
	}
	w.judge(ctx)
	if w.verdict.fine && w.lives(ctx) {
		w.say("run %d: a new connection is let in, and what is there lives: the change stays", w.change.Run)
		won, err := w.change.decide(w.host, pending, confirmed)
		if err != nil || !won {
			return err != nil, err
		}
		return true, w.guard.carry(ctx, w.host, w.owner, w.change, confirmed, "")
	}
	w.ask()
	return false, nil
}

// judge evaluates the packet filter again, now and then: others may change it too.
func (w *watch) judge(ctx context.Context) {
	if w.judged != 0 && host.Monotonic()-w.judged < judgePause {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, judgeLimit)
	defer cancel()
	w.verdict = w.guard.verdict(ctx, w.host.View(), w.at, w.before)
	w.judged = host.Monotonic()
}

// lives reports whether a connection that was there before has had an answer since the change. Where there was none,
// nobody could be cut off.
func (w *watch) lives(ctx context.Context) bool {
	if len(w.at.sessions()) == 0 {
		return true
	}
	conns, err := connections(ctx, w.host.View())
	if err != nil {
		w.verdict.why = err.Error()
		return false
	}
	for _, c := range conns {
		if c.established() && within(w.at.sessions(), c.session) && c.answered && c.answer-clockSlack > w.changed {
			return true
		}
	}
	w.verdict.why = "the connection has not answered since"
	return false
}

// clockSlack is how much later an acknowledgement may seem to have come than it has: the kernel counts in jiffies of up
// to 10 ms, and may have been at work on a packet with the rules of before.
const clockSlack = 50 * time.Millisecond

// ask tells how to confirm, and from time to time how long there is for it. Each line provokes an answer.
func (w *watch) ask() {
	now := host.Monotonic()
	leftover := max(w.change.Deadline-now, 0).Round(time.Second)
	if !w.asked {
		if w.verdict.fine && now-w.changed < patience {
			return
		}
		w.asked, w.reminded = true, now
		w.say("run %d is to be confirmed within %s from a NEW connection: agent0-converge confirm %d; otherwise the firewall goes back (%s)",
			w.change.Run, leftover, w.change.Run, w.verdict.why)
		w.tellOthers(leftover)
		return
	}
	if now-w.reminded >= remindPause {
		w.reminded = now
		w.say("run %d: %s left to confirm", w.change.Run, leftover)
	}
}

func (w *watch) say(format string, args ...any) {
	if tell := w.host.Confirm.Tell; tell != nil {
		tell(fmt.Sprintf(format, args...))
	}
}

// tellOthers writes to all terminals (wall(1)) where others are logged in and the operator is not: they can confirm, and
// what is written to them shows whether their connections live.
func (w *watch) tellOthers(leftover time.Duration) {
	if len(w.at.own) > 0 || len(w.at.all) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), poll*50)
	defer cancel()
	text := fmt.Sprintf("agent0-converge has changed the firewall (run %d). It goes back in %s unless somebody confirms that one can still log in, "+
		"from a new connection: agent0-converge confirm %d", w.change.Run, leftover, w.change.Run)
	if _, err := w.host.Programs.Run(ctx, "wall", text); err != nil {
		w.host.Log.Info("those who are logged in could not be told of a change of the firewall", "error", err)
	}
}
