package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/agent0-converge/agent0-converge/engine/journal"
	"github.com/agent0-converge/agent0-converge/plans/bundle"
)

// lastFlags are the flags of "apply --last".
type lastFlags struct {
	last bool
	// contestedAfter is how often something is put right within a day.
	contestedAfter int
}

// lastWait is how long "apply --last" waits for another run unless it is told.
const lastWait = time.Minute

func (f *lastFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.last, "last", false, "put right what drifted from the plan NAME, or from all plans, as last applied here")
	cmd.Flags().IntVar(&f.contestedAfter, "contested-after", 3, "with --last: leave alone what was put right this often within a day")
}

// check refuses flags that say something else than the last apply did.
func (f lastFlags) check(cmd *cobra.Command) error {
	if !f.last {
		if cmd.Flags().Changed("contested-after") {
			return errors.New("--contested-after is for apply --last")
		}
		return nil
	}
	for _, name := range []string{"var", "var-file", "target", "exclude", "missing-secrets", "allow-prune"} {
		if cmd.Flags().Changed(name) {
			return fmt.Errorf("--last goes by what the plan's last apply was told: leave out --%s, or apply the plan itself", name)
		}
	}
	if f.contestedAfter < 1 {
		return errors.New("--contested-after is at least 1")
	}
	return nil
}

// applyLast puts right what drifted. Every plan is a run of its own; one that fails does not keep
// the others from theirs.
func (a *app) applyLast(ctx context.Context, names []string, f planFlags, r runFlags, l lastFlags) error {
	if err := checkConfirmTimeout(r.confirmTimeout); err != nil {
		return err
	}
	known, unreadable := a.lastApplied(names, f)
	if len(known) == 0 {
		return unreadable
	}
	status := exitOK
	for i, m := range known {
		if i > 0 {
			a.say("\n")
		}
		if len(known) > 1 {
			a.say("plan %s\n", m.Name)
		}
		err := a.putRight(ctx, m, f, r, l)
		var exit *exitStatus
		switch {
		case context.Cause(ctx) != nil:
			return errors.Join(context.Cause(ctx), err)
		case errors.As(err, &exit) && (status == exitOK || exit.code == exitError):
			status = exit.code
		case err != nil && exit == nil:
			status = exitError
			fmt.Fprintf(a.stderr, "%s plan %s: %s\n", styleFor(a.stderr, a.noColor).paint(red, "Error:"), m.Name, visible(err.Error()))
		}
	}
	if unreadable != nil {
		return unreadable
	}
	if status != exitOK {
		return &exitStatus{status}
	}
	return nil
}

// lastApplied lists the plans that are meant, with an error those that can be read.
func (a *app) lastApplied(names []string, f planFlags) ([]*bundle.Manifest, error) {
	h, err := a.openHost(f.facts, watchers{})
	if err != nil {
		return nil, err
	}
	defer h.Close()
	if len(names) == 0 {
		known, err := bundle.List(h.Files.Tree)
		if err == nil && len(known) == 0 {
			err = &bundle.NoneError{}
		}
		return known, asRoot(err)
	}
	b, err := bundle.Open(h.Files.Tree, names[0])
	if err != nil {
		return nil, asRoot(err)
	}
	return []*bundle.Manifest{&b.Manifest}, b.Close()
}

// putRight is the run of one plan.
func (a *app) putRight(ctx context.Context, m *bundle.Manifest, f planFlags, r runFlags, l lastFlags) (err error) {
	if m.ForgetSecrets {
		f.secrets = "digest-only"
	}
	r.secrets, r.autoApprove = f.secrets, true
	calls := &relay{}
	s := &session{flags: f}
	if s.host, err = a.openHost(f.facts, watchers{ran: calls.ran}); err != nil {
		return err
	}
	defer s.host.Close()
	s.host.Reread = f.verify
	if s.journal, err = a.openJournal(s.host); err != nil {
		return err
	}
	ahead := &ahead{app: a, s: s, flags: r, calls: calls, asked: true}
	err = ahead.run(ctx, journal.Info{Verb: "apply --last", Plan: m.Name, Digest: m.Digest}, func(rec *journal.Recording) (bool, error) {
		return a.putRightLocked(ctx, m, s, l, rec, ahead)
	})
	if held, ok := errors.AsType[*journal.LockedError](err); ok && context.Cause(ctx) == nil {
		a.say("Plan %s: another run is at work (%s). What drifted is put right next time.\n", m.Name, held.Holder)
		return nil
	}
	return err
}

// putRightLocked finds what drifted and puts it right, unless something is to be got first.
func (a *app) putRightLocked(ctx context.Context, m *bundle.Manifest, s *session, l lastFlags, rec *journal.Recording, ahead *ahead) (again bool, err error) {
	k := &correction{app: a, s: s, run: rec, flags: l, note: a.began("apply --last", m.Name)}
	p, err := k.plan(ctx, m)
	if err != nil || p == nil {
		return false, errors.Join(err, k.failed(err))
	}
	if ahead.awaits(p) {
		return true, nil
	}
	defer k.advise()
	c := convergence{run: rec, host: s.host, plan: p, flags: ahead.flags, again: commandLine(os.Args), ended: k.ended, ahead: ahead}
	if err = a.converge(ctx, c); err == nil && k.left {
		err = &exitStatus{exitDiffers}
	}
	return false, err
}

// say writes to people.
func (a *app) say(format string, args ...any) {
	if !a.json {
		fmt.Fprintf(a.stdout, format, args...)
	}
}
